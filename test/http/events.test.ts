import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { manualClock } from '../support/clock.ts'
import { booksOf, buy, freshSku, putOnSale, reservationOf, reserve, stockOf } from '../support/http-shop.ts'
import type { Event, Order, Page, Product, Reservation, Stock } from '../support/http-shapes.ts'
import { expectNoReports, refusal, startService, type Service } from '../support/http.ts'

let service: Service
const clock = manualClock()

beforeAll(async () => {
  service = await startService({ clock })
})
afterAll(async () => {
  expectNoReports(service)
  await service.close()
})

const page = async (query = '') => (await service.get<Page<Event>>(`/v1/events${query}`)).body

/** Where the feed ends now. */
async function tip(): Promise<string> {
  let cursor = '0'
  for (;;) {
    const { data, nextCursor } = await page(`?after=${cursor}&limit=200`)
    if (data.length === 0) return cursor
    cursor = nextCursor ?? cursor
  }
}

/** What the act adds to the feed. */
async function eventsOf(act: () => Promise<unknown>): Promise<readonly Event[]> {
  const start = await tip()
  await act()
  return (await page(`?after=${start}&limit=200`)).data
}

const typesOf = (events: readonly Event[]) => events.map(({ type }) => type)

describe('GET /v1/events', () => {
  it('has no cursor only while the feed is empty', async () => {
    const empty = await startService({ clock })
    const first = async (query = '') => (await empty.get<Page<Event>>(`/v1/events${query}`)).body
    expect(await first()).toStrictEqual({ data: [], nextCursor: null })
    expect(await first('?after=0')).toStrictEqual({ data: [], nextCursor: null })
    await putOnSale(empty, 1)
    const { data, nextCursor } = await first()
    expect(data).toHaveLength(1)
    expect(nextCursor).not.toBeNull()
    expect(await first(`?after=${nextCursor}`)).toStrictEqual({ data: [], nextCursor })
    await putOnSale(empty, 1)
    expect((await first(`?after=${nextCursor}`)).data).toHaveLength(1)
    await empty.close()
  })

  it('answers CloudEvents with the thing after the change', async () => {
    clock.advance(1_000)
    const sku = freshSku()
    const [event, ...others] = await eventsOf(() => putOnSale(service, 3, { description: 'x' }, sku))
    expect(others).toEqual([])
    expect(event).toStrictEqual({
      specversion: '1.0',
      id: event!.id,
      source: event!.source,
      type: 'product.created',
      time: new Date(clock()).toISOString(),
      subject: sku,
      data: (await service.get<Product>(`/v1/products/${sku}`)).body,
    })
    expect(event!.source).toMatch(/\S/)
  })

  it('E4 reads the same bytes whenever it is read, oldest first, in pages of any size', async () => {
    const sku = await putOnSale(service, 30)
    for (let n = 0; n < 10; n++) await buy(service, sku)
    const walk = async (limit: number) => {
      const events: Event[] = []
      for (let cursor = '0'; ;) {
        const { data, nextCursor } = await page(`?after=${cursor}&limit=${limit}`)
        if (data.length === 0) return events
        expect(data.length).toBeLessThanOrEqual(limit)
        events.push(...data)
        cursor = nextCursor!
      }
    }
    const all = await walk(200)
    for (const limit of [1, 7, 50]) expect(await walk(limit)).toStrictEqual(all)
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
    expect(all.map(({ time }) => time)).toEqual(all.map(({ time }) => time).toSorted())
    expect((await page()).data).toStrictEqual(all.slice(0, 50))
    clock.advance(100_000_000)
    expect(await walk(200)).toStrictEqual(all)
  })

  it('refuses the parameters of other lists', async () => {
    for (const query of ['cursor=0', 'userId=a', 'type=order.created', 'before=1']) {
      expect(refusal(await service.get(`/v1/events?${query}`))).toBe(`validation_failed at ${query.split('=')[0]}`)
    }
  })
})

describe('E1 E3 one event per transition, and none without', () => {
  it('tells of products and stock', async () => {
    const sku = await putOnSale(service, 3)
    const path = `/v1/products/${sku}`
    const [updated] = await eventsOf(() => service.patch(path, { name: 'other' }))
    expect(updated).toMatchObject({ type: 'product.updated', subject: sku, data: { name: 'other' } })
    const [adjusted] = await eventsOf(() => service.post(`${path}/stock-adjustments`, { delta: 2 }))
    expect(adjusted).toMatchObject({ type: 'stock.adjusted', subject: sku, data: await stockOf(service, sku) })
    expect(await eventsOf(() => service.patch(path, { name: 'other' }))).toEqual([])
    expect(await eventsOf(() => service.post(`${path}/stock-adjustments`, { delta: -99 }))).toEqual([])
    expect(await eventsOf(() => service.post('/v1/products', { sku, name: 'again', totalStock: 1 }))).toEqual([])
  })

  it('tells of a reservation that is made, extended and confirmed, and of its order', async () => {
    const sku = await putOnSale(service, 9)
    let reservation: Reservation | undefined
    const [created] = await eventsOf(async () => (reservation = await reserve(service, sku, { ttlSeconds: 60 })))
    expect(created).toMatchObject({ type: 'reservation.created', subject: reservation!.id, data: reservation })
    const path = `/v1/reservations/${reservation!.id}`

    const [extended] = await eventsOf(() => service.post(`${path}/extend`, { ttlSeconds: 90 }))
    expect(extended).toMatchObject({ type: 'reservation.extended', data: { status: 'active', expiresInMs: 90_000 } })
    expect(await eventsOf(() => service.post(`${path}/extend`, { ttlSeconds: 5 }))).toEqual([])

    let order: Order | undefined
    const made = await eventsOf(async () => (order = (await service.post<Order>(`${path}/confirm`)).body))
    expect(typesOf(made)).toEqual(['reservation.confirmed', 'order.created'])
    expect(made[0]).toMatchObject({ subject: reservation!.id, data: { status: 'confirmed', orderId: order!.id } })
    expect(made[1]).toMatchObject({ subject: order!.id, data: order })
    expect(await eventsOf(() => service.post(`${path}/confirm`))).toEqual([])

    const undone = await eventsOf(() => service.post(`/v1/orders/${order!.id}/cancel`))
    expect(typesOf(undone)).toEqual(['order.cancelled'])
    expect(undone[0]).toMatchObject({ subject: order!.id, data: { status: 'cancelled', cancelledAt: undone[0]!.time } })
    expect(await eventsOf(() => service.post(`/v1/orders/${order!.id}/cancel`))).toEqual([])
  })

  it('tells of a reservation that is cancelled, once', async () => {
    const { id } = await reserve(service, await putOnSale(service, 9))
    const [cancelled, ...others] = await eventsOf(() => service.post(`/v1/reservations/${id}/cancel`))
    expect(cancelled).toMatchObject({ type: 'reservation.cancelled', subject: id, data: { status: 'cancelled' } })
    expect(others).toEqual([])
    expect(await eventsOf(() => service.post(`/v1/reservations/${id}/cancel`))).toEqual([])
  })

  it('tells of an expiry when somebody needs the units, with its expiresAt as its end', async () => {
    const sku = await putOnSale(service, 1)
    const { id, expiresAt } = await reserve(service, sku, { ttlSeconds: 1 })
    clock.advance(60_000)
    const events = await eventsOf(() => reserve(service, sku))
    expect(typesOf(events)).toEqual(['reservation.expired', 'stock.available_again', 'reservation.created', 'stock.sold_out'])
    expect(events[0]).toMatchObject({ subject: id, data: { status: 'expired', endedAt: expiresAt, expiresInMs: 0 } })
    expect(await booksOf(service, sku)).toBe('1 total, 1 reserved, 0 sold, 0 available, version 4')
  })

  it('tells when nothing is available any more, and when something is again', async () => {
    const sku = await putOnSale(service, 2)
    expect(typesOf(await eventsOf(() => reserve(service, sku)))).toEqual(['reservation.created'])
    const soldOut = await eventsOf(() => reserve(service, sku))
    expect(typesOf(soldOut)).toEqual(['reservation.created', 'stock.sold_out'])
    expect(soldOut[1]).toMatchObject({ subject: sku, data: { sku, available: 0, status: 'all_reserved' } satisfies Partial<Stock> })
    expect(await eventsOf(() => service.post('/v1/reservations', reservationOf(sku)))).toEqual([])
    const again = await eventsOf(() => service.post(`/v1/products/${sku}/stock-adjustments`, { delta: 1 }))
    expect(typesOf(again)).toEqual(['stock.adjusted', 'stock.available_again'])
    expect(again[1]).toMatchObject({ subject: sku, data: { available: 1, status: 'available' } })
  })

  it('tells nothing of requests that were refused or replayed', async () => {
    const sku = await putOnSale(service, 5)
    const key = { 'idempotency-key': 'told-once' }
    await service.post('/v1/reservations', reservationOf(sku), key)
    const events = await eventsOf(async () => {
      await service.post('/v1/reservations', reservationOf(sku), key)
      await service.post('/v1/reservations', reservationOf(sku, { quantity: 2 }), key)
      await service.post('/v1/reservations', reservationOf(sku, { quantity: 99 }))
      await service.post('/v1/reservations', { items: [] })
    })
    expect(events).toEqual([])
  })
})
