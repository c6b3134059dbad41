import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { manualClock } from '../support/clock.ts'
import { booksOf, buy, freshSku, putOnSale, reservationOf, reserve, stockOf } from '../support/http-shop.ts'
import type { Reservation } from '../support/http-shapes.ts'
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

describe('POST /v1/reservations', () => {
  it('answers 201 with the whole reservation and where to read it', async () => {
    const sku = await putOnSale(service, 5)
    const body = { userId: 'ada', items: [{ sku, quantity: 2 }], ttlSeconds: 30, metadata: { cart: '7', '': 'ü' } }
    const answer = await service.post<Reservation>('/v1/reservations', body)
    expect(answer.status).toBe(201)
    expect(answer.body).toStrictEqual({
      id: answer.body.id,
      userId: 'ada',
      status: 'active',
      items: [{ sku, quantity: 2, unitPrice: null }],
      metadata: { cart: '7', '': 'ü' },
      createdAt: at(clock()),
      expiresAt: at(clock() + 30_000),
      expiresInMs: 30_000,
      endedAt: null,
      orderId: null,
    })
    expect(answer.headers.location).toBe(`/v1/reservations/${answer.body.id}`)
    expect(await read(answer.body.id)).toStrictEqual(answer.body)
  })

  it('answers metadata {} where none was given, and counts down', async () => {
    const { id, metadata } = await reserve(service, await putOnSale(service, 1), { ttlSeconds: 10 })
    expect(metadata).toStrictEqual({})
    clock.advance(1_234)
    expect(await read(id)).toMatchObject({ status: 'active', expiresInMs: 8_766 })
  })

  it('H2 gives every reservation an id of its own', async () => {
    const sku = await putOnSale(service, 100)
    const ids = await Promise.all(Array.from({ length: 100 }, async () => (await reserve(service, sku)).id))
    expect(new Set(ids).size).toBe(100)
  })

  it('S5 merges lines of the same sku in the order of first mention', async () => {
    const [a, b] = [await putOnSale(service, 9), await putOnSale(service, 9)]
    const items = [
      { sku: b, quantity: 1 },
      { sku: a, quantity: 2 },
      { sku: b, quantity: 3 },
    ]
    const { body } = await service.post<Reservation>('/v1/reservations', { userId: 'ada', items })
    expect(body.items.map(({ sku, quantity }) => [sku, quantity])).toEqual([
      [b, 4],
      [a, 2],
    ])
    expect(await booksOf(service, b)).toBe('9 total, 4 reserved, 0 sold, 5 available, version 2')
  })

  it('S5 holds all lines or none, and names every line that does not fit', async () => {
    const [a, b, c] = [await putOnSale(service, 2), await putOnSale(service, 5), await putOnSale(service, 0)]
    const items = [
      { sku: a, quantity: 2 },
      { sku: b, quantity: 1 },
      { sku: c, quantity: 1 },
      { sku: a, quantity: 1 },
    ]
    const { status, body } = await service.post('/v1/reservations', { userId: 'ada', items })
    expect(status).toBe(409)
    expect(body).toMatchObject({
      code: 'insufficient_stock',
      items: [
        { sku: a, requested: 3, available: 2 },
        { sku: c, requested: 1, available: 0 },
      ],
    })
    for (const sku of [a, b, c]) expect(await stockOf(service, sku)).toMatchObject({ reserved: 0, version: 1 })
  })

  it('lets the sum of merged lines exceed 1,000,000', async () => {
    const sku = await putOnSale(service, 20_000_000)
    const items = Array.from({ length: 20 }, () => ({ sku, quantity: 1_000_000 }))
    const { body } = await service.post<Reservation>('/v1/reservations', { userId: 'ada', items })
    expect(body.items).toStrictEqual([{ sku, quantity: 20_000_000, unitPrice: null }])
  })

  it('S1 never sells the last units twice to concurrent buyers', async () => {
    const sku = await putOnSale(service, 10)
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) => service.post('/v1/reservations', reservationOf(sku, { userId: `u${n}` }))),
    )
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(10)
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(50)
    expect(await booksOf(service, sku)).toBe('10 total, 10 reserved, 0 sold, 0 available, version 11')
  })
})

describe('the time of a reservation', () => {
  it('is ttlSeconds, else the smallest of its products, else 600 seconds', async () => {
    const [none, long, short] = [
      await putOnSale(service, 9),
      await putOnSale(service, 9, { reservationTtlSeconds: 3_000 }),
      await putOnSale(service, 9, { reservationTtlSeconds: 40 }),
    ]
    const ttlOf = async (skus: readonly string[], more: object = {}) => {
      const items = skus.map((sku) => ({ sku, quantity: 1 }))
      return (await service.post<Reservation>('/v1/reservations', { userId: 'ada', items, ...more })).body.expiresInMs
    }
    expect(await ttlOf([none])).toBe(600_000)
    expect(await ttlOf([long])).toBe(3_000_000)
    expect(await ttlOf([none, long, short])).toBe(40_000)
    expect(await ttlOf([none, long, short], { ttlSeconds: 86_400 })).toBe(86_400_000)
  })

  it('H4 H6 is over exactly at expiresAt: it reads as expired and its units are sellable', async () => {
    const sku = await putOnSale(service, 1)
    const { id, expiresAt } = await reserve(service, sku, { ttlSeconds: 60 })
    clock.set(Date.parse(expiresAt) - 1)
    expect(await read(id)).toMatchObject({ status: 'active', expiresInMs: 1, endedAt: null })
    expect((await service.post('/v1/reservations', reservationOf(sku))).status).toBe(409)
    clock.advance(1)
    expect(await read(id)).toMatchObject({ status: 'expired', expiresInMs: 0, endedAt: expiresAt, orderId: null })
    const { id: next } = await reserve(service, sku)
    clock.advance(1)
    expect(await read(id)).toMatchObject({ status: 'expired', expiresInMs: 0, endedAt: expiresAt })
    expect(await read(next)).toMatchObject({ status: 'active' })
  })
})

describe('the price', () => {
  it('is promised when reserved, and is the order’s', async () => {
    const price = { amount: 1_999, currency: 'EUR' }
    const sku = await putOnSale(service, 5, { price })
    const { id } = await reserve(service, sku, { quantity: 3 })
    await service.patch(`/v1/products/${sku}`, { price: { amount: 1, currency: 'USD' } })
    expect((await read(id)).items).toStrictEqual([{ sku, quantity: 3, unitPrice: price }])
    const { body } = await service.post(`/v1/reservations/${id}/confirm`)
    expect(body).toMatchObject({ items: [{ unitPrice: price }], total: { amount: 5_997, currency: 'EUR' } })
  })
})

describe('the sale window', () => {
  it('is open from saleStartsAt on and closed at saleEndsAt', async () => {
    const [opens, closes] = [clock() + 10_000, clock() + 20_000]
    const sku = await putOnSale(service, 9, { saleStartsAt: at(opens), saleEndsAt: at(closes) })
    const buyNow = () => service.post('/v1/reservations', reservationOf(sku))
    clock.set(opens - 1)
    expect((await buyNow()).body).toMatchObject({ status: 409, code: 'sale_not_started', sku, saleStartsAt: at(opens) })
    clock.set(opens)
    expect((await buyNow()).status).toBe(201)
    clock.set(closes - 1)
    expect((await buyNow()).status).toBe(201)
    clock.set(closes)
    expect((await buyNow()).body).toMatchObject({ status: 409, code: 'sale_ended', sku, saleEndsAt: at(closes) })
  })

  it('concerns reserving only: what is held can be extended, confirmed and cancelled after it', async () => {
    const sku = await putOnSale(service, 9, { saleEndsAt: at(clock() + 1_000) })
    const [first, second] = [await reserve(service, sku), await reserve(service, sku)]
    clock.advance(5_000)
    expect((await service.post(`/v1/reservations/${first.id}/extend`, { ttlSeconds: 900 })).status).toBe(200)
    expect((await service.post(`/v1/reservations/${first.id}/confirm`)).status).toBe(201)
    expect((await service.post(`/v1/reservations/${second.id}/cancel`)).status).toBe(200)
  })
})

describe('the limit per user', () => {
  it('U1 counts what a user holds and bought, merged lines included, and says what remains', async () => {
    const sku = await putOnSale(service, 100, { maxPerUser: 5 })
    await buy(service, sku, { quantity: 2 })
    await reserve(service, sku, { quantity: 1 })
    const items = [
      { sku, quantity: 2 },
      { sku, quantity: 1 },
    ]
    const { status, body } = await service.post('/v1/reservations', { userId: 'ada', items })
    expect(status).toBe(409)
    expect(body).toMatchObject({ code: 'user_limit_exceeded', sku, limit: 5, remaining: 2 })
    await reserve(service, sku, { quantity: 2 })
    expect((await service.post('/v1/reservations', reservationOf(sku))).body).toMatchObject({ remaining: 0 })
    await reserve(service, sku, { userId: 'bob', quantity: 5 })
  })

  it('U1 counts no more what was cancelled, has expired, or whose order was cancelled', async () => {
    const sku = await putOnSale(service, 100, { maxPerUser: 3 })
    const order = await buy(service, sku)
    const held = await reserve(service, sku)
    await reserve(service, sku, { ttlSeconds: 1 })
    const tryOne = async () => refusal(await service.post('/v1/reservations', reservationOf(sku)))
    expect(await tryOne()).toBe('user_limit_exceeded')
    await service.post(`/v1/reservations/${held.id}/cancel`)
    await service.post(`/v1/orders/${order.id}/cancel`)
    clock.advance(1_000)
    await reserve(service, sku, { quantity: 3 })
    expect(await tryOne()).toBe('user_limit_exceeded')
  })

  it('U1 says that nothing remains where a limit was lowered below what a user has', async () => {
    const sku = await putOnSale(service, 100)
    await reserve(service, sku, { quantity: 4 })
    await service.patch(`/v1/products/${sku}`, { maxPerUser: 2 })
    expect((await service.post('/v1/reservations', reservationOf(sku))).body).toMatchObject({ limit: 2, remaining: 0 })
  })

  it('U1 holds for concurrent requests of one user', async () => {
    const sku = await putOnSale(service, 100, { maxPerUser: 3 })
    const answers = await Promise.all(Array.from({ length: 20 }, () => service.post('/v1/reservations', reservationOf(sku))))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3)
  })
})

describe('GET /v1/reservations/{id}', () => {
  it('answers 404 reservation_not_found for an id that does not exist', async () => {
    expect(refusal(await service.get('/v1/reservations/01a1fd17-f0dd-7000-ab40-642b8b9b626c'))).toBe('reservation_not_found')
    expect(refusal(await service.get(`/v1/reservations/${freshSku()}`))).toBe('reservation_not_found')
  })
})
