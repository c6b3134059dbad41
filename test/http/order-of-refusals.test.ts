import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { manualClock } from '../support/clock.ts'
import { buy, freshSku, putOnSale, reserve } from '../support/http-shop.ts'
import type { Order, Reservation } from '../support/http-shapes.ts'
import { expectNoReports, refusal, startService, type Service } from '../support/http.ts'

let service: Service
const clock = manualClock()
const past = '2000-01-01T00:00:00Z'
const future = '2100-01-01T00:00:00Z'

beforeAll(async () => {
  service = await startService({ clock })
})
afterAll(async () => {
  expectNoReports(service)
  await service.close()
})

const line = (sku: string, quantity = 1) => ({ sku, quantity })

async function told(items: readonly object[], more: object = {}, headers: Record<string, string> = {}) {
  const answer = await service.post('/v1/reservations', { userId: 'ada', items, ...more }, headers)
  return 'sku' in answer.body ? `${answer.body.code} ${String(answer.body.sku)}` : refusal(answer)
}

describe('reserving is refused for the first reason that applies', () => {
  it('validation comes before idempotency, idempotency before everything else', async () => {
    const sku = await putOnSale(service, 5)
    const key = { 'idempotency-key': freshSku('key') }
    await told([line(sku)], {}, key)
    expect(await told([line(sku, 0)], {}, key)).toBe('validation_failed at /items/0/quantity')
    expect(await told([line('unknown')], {}, key)).toBe('idempotency_key_reused')
    expect(await told([line(sku, 99)], {}, key)).toBe('idempotency_key_reused')
  })

  it('an unknown sku comes before all that is wrong with the others, in the order of lines', async () => {
    const closed = await putOnSale(service, 0, { saleEndsAt: past, maxPerUser: 1 })
    expect(await told([line(closed, 9), line('unknown-2'), line('unknown-1')])).toBe('product_not_found unknown-2')
  })

  it('the sale window comes before the limit per user, over all lines', async () => {
    const limited = await putOnSale(service, 0, { maxPerUser: 1 })
    const early = await putOnSale(service, 0, { saleStartsAt: future, maxPerUser: 1 })
    const late = await putOnSale(service, 0, { saleEndsAt: past, maxPerUser: 1 })
    expect(await told([line(limited, 2), line(early, 2), line(late, 2)])).toBe(`sale_not_started ${early}`)
    expect(await told([line(limited, 2), line(late, 2), line(early, 2)])).toBe(`sale_ended ${late}`)
  })

  it('the limit per user comes before the stock, over all lines', async () => {
    const scarce = await putOnSale(service, 0)
    const limited = await putOnSale(service, 0, { maxPerUser: 1 })
    const alsoLimited = await putOnSale(service, 0, { maxPerUser: 1 })
    expect(await told([line(scarce), line(limited, 2), line(alsoLimited, 2)])).toBe(`user_limit_exceeded ${limited}`)
    expect(await told([line(scarce), line(alsoLimited), line(alsoLimited)])).toBe(`user_limit_exceeded ${alsoLimited}`)
    expect(await told([line(scarce), line(limited)])).toBe('insufficient_stock')
  })
})

describe('ending a reservation is refused for the first reason that applies', () => {
  it.each(['confirm', 'cancel', 'extend'])('%s: validation, idempotency, 404, not_owner, the state', async (verb) => {
    const sku = await putOnSale(service, 9)
    const more = verb === 'extend' ? { ttlSeconds: 60 } : {}
    const key = { 'idempotency-key': freshSku('key') }
    const act = async (id: string, body: object, headers: Record<string, string> = {}) =>
      refusal(await service.post(`/v1/reservations/${id}/${verb}`, { ...more, ...body }, headers))
    const used = await reserve(service, sku)
    await service.post<Order | Reservation>(`/v1/reservations/${used.id}/${verb}`, more, key)
    const expired = await reserve(service, sku, { ttlSeconds: 1 })
    clock.advance(1_000)
    expect(await act('nothing', { userId: '' }, key)).toBe('validation_failed at /userId')
    expect(await act('nothing', {}, key)).toBe('idempotency_key_reused')
    expect(await act(expired.id, { userId: 'mallory' }, key)).toBe('idempotency_key_reused')
    expect(await act('nothing', { userId: 'mallory' })).toBe('reservation_not_found')
    expect(await act(expired.id, { userId: 'mallory' })).toBe('not_owner')
    expect(await act(expired.id, { userId: 'ada' })).toBe('reservation_expired')
  })
})

describe('other writes are refused for the first reason that applies', () => {
  it('making a product: validation, idempotency, product_exists', async () => {
    const sku = await putOnSale(service, 1)
    const key = { 'idempotency-key': freshSku('key') }
    const make = async (body: object, headers: Record<string, string> = {}) =>
      refusal(await service.post('/v1/products', { name: 'x', totalStock: 1, ...body }, headers))
    await make({ sku: freshSku() }, key)
    expect(await make({ sku, saleStartsAt: future, saleEndsAt: past }, key)).toBe('validation_failed at /saleEndsAt')
    expect(await make({ sku }, key)).toBe('idempotency_key_reused')
    expect(await make({ sku, saleStartsAt: future, saleEndsAt: past })).toBe('validation_failed at /saleEndsAt')
    expect(await make({ sku })).toBe('product_exists')
  })

  it('changing a product: validation, idempotency, 404', async () => {
    const key = { 'idempotency-key': freshSku('key') }
    const change = async (sku: string, body: object, headers: Record<string, string> = {}) =>
      refusal(await service.patch(`/v1/products/${sku}`, body, headers))
    await change(await putOnSale(service, 1), {}, key)
    expect(await change('unknown', { saleStartsAt: future, saleEndsAt: past }, key)).toBe('validation_failed at /saleEndsAt')
    expect(await change('unknown', {}, key)).toBe('idempotency_key_reused')
    expect(await change('unknown', { name: 5 })).toBe('validation_failed at /name')
    expect(await change('unknown', {})).toBe('product_not_found')
  })

  it('adjusting stock: validation, idempotency, 404, the books', async () => {
    const key = { 'idempotency-key': freshSku('key') }
    const adjust = async (sku: string, delta: number, headers: Record<string, string> = {}) =>
      refusal(await service.post(`/v1/products/${sku}/stock-adjustments`, { delta }, headers))
    const sku = await putOnSale(service, 1)
    await adjust(sku, 1, key)
    expect(await adjust('unknown', 0, key)).toBe('validation_failed at /delta')
    expect(await adjust('unknown', 1, key)).toBe('idempotency_key_reused')
    expect(await adjust(sku, -5, key)).toBe('idempotency_key_reused')
    expect(await adjust('unknown', -5)).toBe('product_not_found')
    expect(await adjust(sku, -5)).toBe('stock_below_committed')
  })

  it('cancelling an order: validation, idempotency, 404', async () => {
    const key = { 'idempotency-key': freshSku('key') }
    const cancel = async (id: string, body: object, headers: Record<string, string> = {}) =>
      refusal(await service.post(`/v1/orders/${id}/cancel`, body, headers))
    await cancel((await buy(service, await putOnSale(service, 1))).id, {}, key)
    expect(await cancel('nothing', { reason: 1 }, key)).toBe('validation_failed at /reason')
    expect(await cancel('nothing', {}, key)).toBe('idempotency_key_reused')
    expect(await cancel('nothing', {})).toBe('order_not_found')
  })

  it('a path that does not exist comes before the method, the method before the body', async () => {
    const big = { raw: '{'.repeat(70_000) }
    expect(refusal(await service.send('POST', '/v1/nothing', big))).toBe('not_found')
    expect(refusal(await service.send('POST', '/v1/nothing', { raw: '{' }))).toBe('not_found')
    expect(refusal(await service.send('PUT', '/v1/products', big))).toBe('method_not_allowed')
    expect(refusal(await service.send('PUT', '/v1/products?nonsense=1', { raw: '{' }))).toBe('method_not_allowed')
  })
})
