import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { manualClock } from '../support/clock.ts'
import { booksOf, putOnSale, reserve } from '../support/http-shop.ts'
import type { Order, Reservation } from '../support/http-shapes.ts'
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

const at = (instant: number) => new Date(instant).toISOString()
const read = async (id: string) => (await service.get<Reservation>(`/v1/reservations/${id}`)).body
const act = <Body>(id: string, verb: string, body?: object) => service.post<Body>(`/v1/reservations/${id}/${verb}`, body)

type End = 'confirmed' | 'cancelled' | 'expired'

/** A reservation that has come to this end. */
async function ended(end: End): Promise<Reservation> {
  const reservation = await reserve(service, await putOnSale(service, 5), { ttlSeconds: 60 })
  if (end === 'confirmed') await act(reservation.id, 'confirm')
  if (end === 'cancelled') await act(reservation.id, 'cancel')
  if (end === 'expired') clock.set(Date.parse(reservation.expiresAt))
  return reservation
}

describe('confirm', () => {
  it('answers 201 with the whole order, and the reservation names it', async () => {
    const sku = await putOnSale(service, 5, { price: { amount: 250, currency: 'EUR' } })
    const { id } = await reserve(service, sku, { quantity: 2, metadata: { a: '1', b: '2' } })
    clock.advance(1_000)
    const { status, body, headers } = await act<Order>(id, 'confirm', { userId: 'ada', metadata: { b: '3', c: '4' } })
    expect(status).toBe(201)
    expect(headers.location).toBe(`/v1/orders/${body.id}`)
    expect(body).toStrictEqual({
      id: body.id,
      reservationId: id,
      userId: 'ada',
      status: 'placed',
      items: [{ sku, quantity: 2, unitPrice: { amount: 250, currency: 'EUR' } }],
      total: { amount: 500, currency: 'EUR' },
      metadata: { a: '1', b: '3', c: '4' },
      createdAt: at(clock()),
      cancelledAt: null,
    })
    expect(await read(id)).toMatchObject({
      status: 'confirmed',
      orderId: body.id,
      endedAt: at(clock()),
      expiresInMs: 0,
      metadata: { a: '1', b: '2' },
    })
    expect(await booksOf(service, sku)).toBe('5 total, 0 reserved, 2 sold, 3 available, version 3')
  })

  it('O2 answers 200 with the same order again, whatever the repeat says', async () => {
    const { id } = await reserve(service, await putOnSale(service, 5))
    const first = await act<Order>(id, 'confirm')
    clock.advance(100_000_000)
    const again = await act<Order>(id, 'confirm', { metadata: { late: 'yes' } })
    expect(again.status).toBe(200)
    expect(again.text).toBe(first.text)
    expect(again.headers).not.toHaveProperty('idempotent-replayed')
  })

  it('O2 makes one order of concurrent confirms', async () => {
    const sku = await putOnSale(service, 5)
    const { id } = await reserve(service, sku)
    const answers = await Promise.all(Array.from({ length: 20 }, () => act<Order>(id, 'confirm')))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(19)
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    expect(await booksOf(service, sku)).toBe('5 total, 0 reserved, 1 sold, 4 available, version 3')
  })

  it('H5 is refused from expiresAt on, not a millisecond earlier', async () => {
    const [early, late] = [await reserve(service, await putOnSale(service, 1)), await reserve(service, await putOnSale(service, 1))]
    clock.set(Date.parse(early.expiresAt) - 1)
    expect((await act(early.id, 'confirm')).status).toBe(201)
    clock.advance(1)
    const refused = await act(late.id, 'confirm')
    expect(refused.status).toBe(410)
    expect(refused.body).toMatchObject({ code: 'reservation_expired' })
  })

  it('totals nothing where a price is missing or currencies differ', async () => {
    const euro = await putOnSale(service, 9, { price: { amount: 5, currency: 'EUR' } })
    const dollar = await putOnSale(service, 9, { price: { amount: 5, currency: 'USD' } })
    const free = await putOnSale(service, 9, { price: { amount: 0, currency: 'EUR' } })
    const unpriced = await putOnSale(service, 9)
    const totalOf = async (...skus: string[]) => {
      const items = skus.map((sku) => ({ sku, quantity: 2 }))
      const { body } = await service.post<Reservation>('/v1/reservations', { userId: 'ada', items })
      return (await act<Order>(body.id, 'confirm')).body.total
    }
    expect(await totalOf(euro, free)).toStrictEqual({ amount: 10, currency: 'EUR' })
    expect(await totalOf(free)).toStrictEqual({ amount: 0, currency: 'EUR' })
    expect(await totalOf(euro, dollar)).toBeNull()
    expect(await totalOf(euro, unpriced)).toBeNull()
  })

  it('adds up the dearest order that fits exactly', async () => {
    const skus = await Promise.all(
      Array.from({ length: 20 }, () => putOnSale(service, 1_000_000, { price: { amount: 100_000_000, currency: 'JPY' } })),
    )
    const items = skus.map((sku) => ({ sku, quantity: 1_000_000 }))
    const { body } = await service.post<Reservation>('/v1/reservations', { userId: 'ada', items })
    expect((await act<Order>(body.id, 'confirm')).body.total).toStrictEqual({ amount: 2_000_000_000_000_000, currency: 'JPY' })
  })
})

describe('cancel', () => {
  it('H3 gives the units back once, and answers the same again', async () => {
    const sku = await putOnSale(service, 5)
    const { id, ...reserved } = await reserve(service, sku, { quantity: 2 })
    clock.advance(1_000)
    const first = await act<Reservation>(id, 'cancel', { userId: 'ada' })
    expect(first.status).toBe(200)
    expect(first.body).toStrictEqual({ id, ...reserved, status: 'cancelled', endedAt: at(clock()), expiresInMs: 0 })
    clock.advance(1_000)
    const again = await act<Reservation>(id, 'cancel')
    expect({ status: again.status, text: again.text }).toEqual({ status: 200, text: first.text })
    expect(await booksOf(service, sku)).toBe('5 total, 0 reserved, 0 sold, 5 available, version 3')
  })
})

describe('extend', () => {
  it('gives ttlSeconds from now', async () => {
    const { id, createdAt } = await reserve(service, await putOnSale(service, 1), { ttlSeconds: 60 })
    clock.advance(30_000)
    const { status, body } = await act<Reservation>(id, 'extend', { ttlSeconds: 90, userId: 'ada' })
    expect(status).toBe(200)
    expect(body).toMatchObject({ status: 'active', createdAt, expiresAt: at(clock() + 90_000), expiresInMs: 90_000, endedAt: null })
    clock.advance(89_999)
    expect(await read(id)).toMatchObject({ status: 'active', expiresInMs: 1 })
    clock.advance(1)
    expect(await read(id)).toMatchObject({ status: 'expired' })
  })

  it('H7 never moves expiresAt back', async () => {
    const { id, expiresAt } = await reserve(service, await putOnSale(service, 1), { ttlSeconds: 60 })
    clock.advance(10_000)
    const { status, body } = await act<Reservation>(id, 'extend', { ttlSeconds: 1 })
    expect({ status, expiresAt: body.expiresAt, expiresInMs: body.expiresInMs }).toEqual({ status: 200, expiresAt, expiresInMs: 50_000 })
  })
})

describe('H1 H2 an end is final', () => {
  it.each([
    ['confirmed', 'confirm', 200, undefined],
    ['confirmed', 'cancel', 409, 'reservation_confirmed'],
    ['confirmed', 'extend', 409, 'reservation_confirmed'],
    ['cancelled', 'confirm', 409, 'reservation_cancelled'],
    ['cancelled', 'cancel', 200, undefined],
    ['cancelled', 'extend', 409, 'reservation_cancelled'],
    ['expired', 'confirm', 410, 'reservation_expired'],
    ['expired', 'cancel', 410, 'reservation_expired'],
    ['expired', 'extend', 410, 'reservation_expired'],
  ] as const)('a %s reservation answers %s with %i %s', async (end, verb, status, code) => {
    const { id, items } = await ended(end)
    const before = [await read(id), await booksOf(service, items[0]!.sku)]
    const answer = await act<{ code?: string }>(id, verb, verb === 'extend' ? { ttlSeconds: 600 } : undefined)
    expect(answer.status).toBe(status)
    expect(answer.body.code).toBe(code)
    // An expiry that had not been booked yet may be now: that is one version more.
    const after = [await read(id), await booksOf(service, items[0]!.sku)]
    if (end === 'expired') expect(after[0]).toStrictEqual(before[0])
    else expect(after).toStrictEqual(before)
  })

  it('H1 gives a reservation one end when confirm and cancel come at once', async () => {
    const sku = await putOnSale(service, 40)
    for (let round = 0; round < 20; round++) {
      const { id } = await reserve(service, sku)
      const [confirmed, cancelled] = await Promise.all([act(id, 'confirm'), act(id, 'cancel')])
      expect([confirmed.status, cancelled.status].filter((status) => status < 300)).toHaveLength(1)
      expect((await read(id)).status).toBe(confirmed.status < 300 ? 'confirmed' : 'cancelled')
    }
  })
})

describe('H8 the owner', () => {
  it.each(['confirm', 'cancel', 'extend'])('alone may %s, where a userId is given', async (verb) => {
    const { id } = await reserve(service, await putOnSale(service, 5))
    const more = verb === 'extend' ? { ttlSeconds: 600 } : {}
    const refused = await act(id, verb, { ...more, userId: 'mallory' })
    expect({ status: refused.status, refusal: refusal(refused as never) }).toEqual({ status: 403, refusal: 'not_owner' })
    expect(await read(id)).toMatchObject({ status: 'active', userId: 'ada' })
    expect((await act(id, verb, { ...more, userId: 'ada' })).status).toBeLessThan(300)
  })

  it.each(['confirm', 'cancel', 'extend'])('is asked before the state when it is too late to %s', async (verb) => {
    const { id } = await ended('expired')
    const more = verb === 'extend' ? { ttlSeconds: 600 } : {}
    expect((await act<{ code: string }>(id, verb, { ...more, userId: 'mallory' })).body.code).toBe('not_owner')
    expect((await act<{ code: string }>(id, verb, { ...more, userId: 'ada' })).body.code).toBe('reservation_expired')
  })

  it.each(['confirm', 'cancel', 'extend'])('%s answers 404 for an id that does not exist', async (verb) => {
    expect((await act<{ code: string }>('nothing', verb, verb === 'extend' ? { ttlSeconds: 1 } : {})).body.code).toBe(
      'reservation_not_found',
    )
  })
})
