import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { manualClock } from '../support/clock.ts'
import { buy, freshSku, putOnSale, reservationOf, reserve } from '../support/http-shop.ts'
import type { Problem } from '../support/http-shapes.ts'
import { expectNoReports, startService, type Answer, type Service } from '../support/http.ts'

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
const order = (sku: string, quantity = 1) => service.post('/v1/reservations', reservationOf(sku, { quantity }))

/** How each code comes about: the answer, its status, and the members beside those that every problem has. */
const refusals: Readonly<Record<string, () => Promise<readonly [Answer<Problem>, status: number, members: object]>>> = {
  validation_failed: async () => [
    await service.post('/v1/reservations', { userId: 'ada', items: [{ sku: 'a', quantity: 0 }] }),
    400,
    { errors: [{ path: '/items/0/quantity', message: expect.stringMatching(/\S/) as string }] },
  ],
  not_owner: async () => {
    const { id } = await reserve(service, await putOnSale(service, 1))
    return [await service.post(`/v1/reservations/${id}/cancel`, { userId: 'mallory' }), 403, {}]
  },
  product_not_found: async () => {
    const [known, first, second] = [await putOnSale(service, 1), freshSku(), freshSku()]
    const items = [known, first, second, first].map((sku) => ({ sku, quantity: 1 }))
    return [await service.post('/v1/reservations', { userId: 'ada', items }), 404, { sku: first }]
  },
  reservation_not_found: async () => [await service.get('/v1/reservations/nothing'), 404, {}],
  order_not_found: async () => [await service.get('/v1/orders/nothing'), 404, {}],
  product_exists: async () => {
    const sku = await putOnSale(service, 1)
    return [await service.post('/v1/products', { sku, name: 'x', totalStock: 1 }), 409, {}]
  },
  insufficient_stock: async () => {
    const sku = await putOnSale(service, 2)
    return [await order(sku, 3), 409, { items: [{ sku, requested: 3, available: 2 }] }]
  },
  user_limit_exceeded: async () => {
    const sku = await putOnSale(service, 9, { maxPerUser: 3 })
    await reserve(service, sku)
    return [await order(sku, 3), 409, { sku, limit: 3, remaining: 2 }]
  },
  reservation_limit_exceeded: async () => {
    const limited = await startService({ activePerUserMax: 1 })
    const sku = await putOnSale(limited, 9)
    await reserve(limited, sku)
    const answer = await limited.post('/v1/reservations', reservationOf(sku))
    await limited.close()
    return [answer, 409, { limit: 1 }]
  },
  sale_not_started: async () => {
    const sku = await putOnSale(service, 9, { saleStartsAt: at(clock() + 1) })
    return [await order(sku), 409, { sku, saleStartsAt: at(clock() + 1) }]
  },
  sale_ended: async () => {
    const sku = await putOnSale(service, 9, { saleEndsAt: at(clock()) })
    return [await order(sku), 409, { sku, saleEndsAt: at(clock()) }]
  },
  reservation_confirmed: async () => {
    const { reservationId } = await buy(service, await putOnSale(service, 1))
    return [await service.post(`/v1/reservations/${reservationId}/cancel`), 409, {}]
  },
  reservation_cancelled: async () => {
    const { id } = await reserve(service, await putOnSale(service, 1))
    await service.post(`/v1/reservations/${id}/cancel`)
    return [await service.post(`/v1/reservations/${id}/confirm`), 409, {}]
  },
  reservation_expired: async () => {
    const { id } = await reserve(service, await putOnSale(service, 1), { ttlSeconds: 1 })
    clock.advance(1_000)
    return [await service.post(`/v1/reservations/${id}/confirm`), 410, {}]
  },
  order_cancelled: async () => {
    const { id, reservationId } = await buy(service, await putOnSale(service, 1))
    await service.post(`/v1/orders/${id}/cancel`)
    return [await service.post(`/v1/reservations/${reservationId}/confirm`), 409, {}]
  },
  stock_below_committed: async () => {
    const sku = await putOnSale(service, 9)
    await buy(service, sku, { quantity: 2 })
    await reserve(service, sku, { quantity: 3 })
    return [await service.post(`/v1/products/${sku}/stock-adjustments`, { delta: -5 }), 409, { total: 9, reserved: 3, sold: 2 }]
  },
  idempotency_key_reused: async () => {
    const sku = await putOnSale(service, 9)
    const key = { 'idempotency-key': 'reused' }
    await service.post('/v1/reservations', reservationOf(sku), key)
    return [await service.post('/v1/reservations', reservationOf(sku, { quantity: 2 }), key), 422, {}]
  },
  payload_too_large: async () => [await service.send('POST', '/v1/reservations', { raw: ' '.repeat(65_537) }), 413, {}],
  unsupported_media_type: async () => [await service.post('/v1/reservations', {}, { 'content-type': 'text/plain' }), 415, {}],
  not_found: async () => [await service.get('/v1/nothing'), 404, {}],
  method_not_allowed: async () => [await service.send('DELETE', '/v1/products'), 405, {}],
}

describe('problems', () => {
  it.each(Object.entries(refusals))('%s is application/problem+json with its status and members, no more', async (code, provoke) => {
    const [answer, status, members] = await provoke()
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(answer.status).toBe(status)
    expect(answer.body).toStrictEqual({
      type: `urn:holdfast:${code}`,
      title: expect.stringMatching(/\S/) as string,
      status,
      detail: expect.stringMatching(/\S/) as string,
      code,
      ...members,
    })
  })

  it('have a title of their own for each code, the same every time', async () => {
    const titles = new Map<string, string>()
    for (const provoke of Object.values(refusals)) {
      const [{ body }] = await provoke()
      titles.set(body.code, body.title)
    }
    expect(new Set(titles.values()).size).toBe(titles.size)
  })
})
