import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { manualClock } from '../../support/clock.ts'
import { booksOf, putOnSale, stockOf } from '../../support/http-shop.ts'
import type { Order, Page, Reservation } from '../../support/http-shapes.ts'
import { expectNoReports, startService, type Answer, type Headers, type Service } from '../../support/http.ts'

let service: Service
const clock = manualClock()

beforeAll(async () => {
  service = await startService({ clock })
})
afterAll(async () => {
  expectNoReports(service)
  await service.close()
})

const asUser = (userId: string): Headers => ({ 'x-user-id': userId })
const statuses = (answers: readonly Answer[]): string => {
  const counts = new Map<number, number>()
  for (const { status } of answers) counts.set(status, (counts.get(status) ?? 0) + 1)
  return [...counts]
    .toSorted(([a], [b]) => a - b)
    .map(([status, times]) => `${times} × ${status}`)
    .join(', ')
}
const times = <Value>(count: number, make: (n: number) => Promise<Value>): Promise<Value[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => make(n)))

/** How each door reserves one unit for a user; gives back the id. */
const reserveBy: Readonly<Record<string, (sku: string, userId: string, headers?: Headers) => Promise<Answer>>> = {
  canonical: (sku, userId, headers) => service.post('/v1/reservations', { userId, items: [{ sku, quantity: 1 }] }, headers),
  cart: (sku, userId, headers) => service.post('/reservations', { userId, items: [{ sku, qty: 1 }] }, headers),
  flash: (sku, userId, headers) => service.post(`/api/products/${sku}/reserve`, { userId, quantity: 1 }, headers),
  drop: (sku, userId, headers) => service.post(`/v1/drops/${sku}/reserve`, undefined, { ...asUser(userId), ...headers }),
  checkout: (sku, userId, headers) => service.post('/inventory/reserve', { sku, quantity: 1, userId }, headers),
  page: (sku, userId, headers) => service.post(`/product/${sku}/reserve`, undefined, { ...asUser(userId), ...headers }),
}

const buyBy: Readonly<Record<string, (id: string, sku: string, userId: string, headers?: Headers) => Promise<Answer>>> = {
  canonical: (id, _sku, _userId, headers) => service.post(`/v1/reservations/${id}/confirm`, {}, headers),
  cart: (id, _sku, userId, headers) => service.post('/checkout', { reservationId: id, userId }, headers),
  flash: (_id, sku, userId, headers) => service.post(`/api/products/${sku}/checkout`, { userId }, headers),
  drop: (_id, sku, userId, headers) => service.post(`/v1/drops/${sku}/purchase`, undefined, { ...asUser(userId), ...headers }),
  checkout: (id, _sku, _userId, headers) => service.post('/checkout/confirm', { reservationId: id }, headers),
}

const cancelBy: Readonly<Record<string, (id: string, sku: string, userId: string, headers?: Headers) => Promise<Answer>>> = {
  canonical: (id, _sku, _userId, headers) => service.post(`/v1/reservations/${id}/cancel`, {}, headers),
  cart: (id, _sku, userId, headers) => service.post(`/reservations/${id}/cancel`, { userId }, headers),
  flash: (_id, sku, userId, headers) =>
    service.send('DELETE', `/api/products/${sku}/reserve`, { body: { userId }, ...(headers && { headers }) }),
  checkout: (id, _sku, _userId, headers) => service.post('/checkout/cancel', { reservationId: id }, headers),
}

async function newestId(userId: string): Promise<string> {
  return (await service.get<Page<Reservation>>(`/v1/reservations?userId=${userId}`)).body.data[0]!.id
}

describe('two doors, one state', () => {
  let users = 0
  it.each(Object.keys(reserveBy))('what is reserved through %s is bought and cancelled through every other', async (from) => {
    const sku = await putOnSale(service, 20)
    let sold = 0
    for (const [ends, status] of [
      [buyBy, 'confirmed'],
      [cancelBy, 'cancelled'],
    ] as const) {
      for (const [to, end] of Object.entries(ends)) {
        const userId = `user${++users}`
        expect((await reserveBy[from]!(sku, userId)).status).toBeLessThan(300)
        const id = await newestId(userId)
        const ended = await end(id, sku, userId)
        expect({ from, to, status: ended.status }).toEqual({ from, to, status: expect.toBeOneOf([200, 201]) as number })
        expect((await service.get<Reservation>(`/v1/reservations/${id}`)).body.status).toBe(status)
        const { body: orders } = await service.get<Page<Order>>(`/v1/orders?userId=${userId}`)
        expect(orders.data.map((order) => order.reservationId)).toEqual(status === 'confirmed' ? [id] : [])
        sold += orders.data.length
      }
    }
    expect(await stockOf(service, sku)).toMatchObject({ reserved: 0, sold })
  })

  it('a cart of several products is not ended by a door that knows of one', async () => {
    const [one, two] = [await putOnSale(service, 1), await putOnSale(service, 1)]
    await service.post('/reservations', {
      userId: 'several',
      items: [
        { sku: one, qty: 1 },
        { sku: two, qty: 1 },
      ],
    })
    expect((await buyBy['flash']!('', one, 'several')).status).toBe(404)
    expect((await cancelBy['flash']!('', two, 'several')).status).toBe(404)
  })
})

describe('all at once', () => {
  it.each(Object.keys(reserveBy))('50 users and 10 units: 10 of them, through %s', async (door) => {
    const sku = await putOnSale(service, 10)
    const answers = await times(50, (n) => reserveBy[door]!(sku, `${door}-${n}`))
    const short = door === 'page' ? 400 : 409
    const made = { page: 200, drop: 202 }[door] ?? 201
    expect(statuses(answers)).toBe([`10 × ${made}`, `40 × ${short}`].join(', '))
    expect(await booksOf(service, sku)).toBe('10 total, 10 reserved, 0 sold, 0 available, version 11')
  })

  it('one user 20 times: one reservation of a flash deal, and one of all drops', async () => {
    const [sku, another] = [await putOnSale(service, 100), await putOnSale(service, 100)]
    expect(statuses(await times(20, () => reserveBy['flash']!(sku, 'eager')))).toBe('1 × 201, 19 × 409')
    expect(statuses(await times(20, (n) => reserveBy['drop']!(n % 2 === 0 ? sku : another, 'eager')))).toBe('1 × 202, 19 × 409')
    // Freed by every end, so that the next may come.
    for (const end of [buyBy['flash']!, cancelBy['flash']!]) {
      expect((await end('', sku, 'eager')).status).toBeLessThan(300)
      expect((await reserveBy['flash']!(sku, 'eager')).status).toBe(201)
    }
  })

  it.each(Object.keys(buyBy))('ten checkouts of one reservation: one order, through %s', async (door) => {
    const sku = await putOnSale(service, 5)
    const userId = `double-${door}`
    await reserveBy['flash']!(sku, userId)
    const id = await newestId(userId)
    const answers = await times(10, () => buyBy[door]!(id, sku, userId))
    expect(answers.every(({ status }) => [200, 201, 404].includes(status))).toBe(true)
    expect((await service.get<Page<Order>>(`/v1/orders?userId=${userId}`)).body.data).toHaveLength(1)
    expect(await booksOf(service, sku)).toBe('5 total, 0 reserved, 1 sold, 4 available, version 3')
  })
})

describe('the same key again', () => {
  const key = (name: string): Headers => ({ 'idempotency-key': name })

  it.each(Object.keys(reserveBy))('reserves once and answers alike, through %s', async (door) => {
    const sku = await putOnSale(service, 5)
    const reserve = () => reserveBy[door]!(sku, `again-${door}`, key(`reserve-${door}`))
    const answers = [...(await times(3, reserve)), await reserve()]
    // What tells of the stock tells of it now.
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === 'true')).toHaveLength(3)
    expect((await stockOf(service, sku)).reserved).toBe(1)
  })

  it.each(Object.keys(buyBy))('buys once and answers alike, also when all is over, through %s', async (door) => {
    const sku = await putOnSale(service, 5)
    const userId = `buys-${door}`
    await reserveBy['flash']!(sku, userId)
    const id = await newestId(userId)
    const buy = () => buyBy[door]!(id, sku, userId, key(`buy-${door}`))
    const first = await buy()
    // Another of the same user and product must not be taken for the first.
    await reserveBy['flash']!(sku, userId)
    const again = await buy()
    expect([again.status, again.headers['idempotent-replayed']]).toEqual([first.status, 'true'])
    if (door !== 'drop') expect(again.text).toBe(first.text)
    expect(await stockOf(service, sku)).toMatchObject({ reserved: 1, sold: 1 })
  })

  it('cancels once, and not what the user reserved since', async () => {
    const sku = await putOnSale(service, 5)
    for (const [door, end] of [
      ['flash', (headers: Headers) => cancelBy['flash']!('', sku, 'ender', headers)],
      ['drop', (headers: Headers) => service.send('DELETE', '/v1/reservations/me', { headers: { ...asUser('ender'), ...headers } })],
    ] as const) {
      await reserveBy[door]!(sku, 'ender')
      const first = await end(key(`end-${door}`))
      await reserveBy[door]!(sku, 'ender')
      const again = await end(key(`end-${door}`))
      expect([again.status, again.text, again.headers['idempotent-replayed']]).toEqual([200, first.text, 'true'])
    }
    expect((await stockOf(service, sku)).reserved).toBe(2)
  })

  it.each([
    ['/products', { sku: 'once', name: 'x', total_stock: 1 }],
    ['/api/products', { name: 'x', price: 1, totalStock: 1 }],
    ['/v1/drops', { name: 'x', unitPrice: 1, offeringStock: 1 }],
  ])('makes one product, through POST %s', async (path, body) => {
    const [first, again] = [await service.post(path, body, key(path)), await service.post(path, body, key(path))]
    expect([first.status, again.status, again.text]).toEqual([201, 201, first.text])
  })
})
