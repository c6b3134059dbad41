import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { manualClock } from '../support/clock.ts'
import { booksOf, buy, putOnSale, reserve, stockOf } from '../support/http-shop.ts'
import type { Stock } from '../support/http-shapes.ts'
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

const adjust = (sku: string, delta: number, more: object = {}) =>
  service.post<Stock>(`/v1/products/${sku}/stock-adjustments`, { delta, ...more })

describe('GET /v1/products/{sku}/stock', () => {
  it('answers the same Stock as the product shows', async () => {
    const sku = await putOnSale(service, 9)
    await buy(service, sku, { quantity: 2 })
    const reservation = await reserve(service, sku, { quantity: 3 })
    const stock = await stockOf(service, sku)
    expect(stock).toStrictEqual({
      sku,
      total: 9,
      reserved: 3,
      sold: 2,
      available: 4,
      version: 4,
      status: 'available',
      nextReleaseAt: reservation.expiresAt,
    })
    expect((await service.get<{ stock: Stock }>(`/v1/products/${sku}`)).body.stock).toStrictEqual(stock)
  })

  it('says all_reserved while units may come back, and sold_out when none will', async () => {
    const sku = await putOnSale(service, 2)
    await buy(service, sku)
    const { id } = await reserve(service, sku)
    expect(await stockOf(service, sku)).toMatchObject({ available: 0, status: 'all_reserved' })
    await service.post(`/v1/reservations/${id}/confirm`)
    expect(await stockOf(service, sku)).toMatchObject({ available: 0, status: 'sold_out', nextReleaseAt: null })
    await adjust(sku, 1)
    expect(await stockOf(service, sku)).toMatchObject({ available: 1, status: 'available' })
  })

  it('says available again, not all_reserved, once the last reservation is due', async () => {
    const sku = await putOnSale(service, 1)
    await reserve(service, sku, { ttlSeconds: 1 })
    clock.advance(999)
    expect(await stockOf(service, sku)).toMatchObject({ status: 'all_reserved', available: 0 })
    clock.advance(1)
    expect(await stockOf(service, sku)).toMatchObject({ status: 'available', available: 1, nextReleaseAt: null })
  })

  it('answers 404 product_not_found with the sku', async () => {
    const { body } = await service.get('/v1/products/nobody-sells-this/stock')
    expect(body).toMatchObject({ code: 'product_not_found', sku: 'nobody-sells-this' })
  })

  it('S4 counts one version for every change of the books, and none for anything else', async () => {
    const sku = await putOnSale(service, 10)
    const versions: number[] = []
    const look = async () => versions.push((await stockOf(service, sku)).version)
    await look()
    await adjust(sku, 5)
    await look()
    const first = await reserve(service, sku, { ttlSeconds: 100 })
    await look()
    await service.post(`/v1/reservations/${first.id}/extend`, { ttlSeconds: 200 })
    await service.patch(`/v1/products/${sku}`, { name: 'other' })
    await look()
    const order = (await service.post<{ id: string }>(`/v1/reservations/${first.id}/confirm`)).body
    await look()
    await service.post(`/v1/orders/${order.id}/cancel`)
    await look()
    const second = await reserve(service, sku)
    await service.post(`/v1/reservations/${second.id}/cancel`)
    await look()
    expect(versions).toEqual([1, 2, 3, 3, 4, 5, 7])
  })
})

describe('POST /v1/products/{sku}/stock-adjustments', () => {
  it('adds and takes away units and answers the Stock', async () => {
    const sku = await putOnSale(service, 5)
    const added = await adjust(sku, 3, { reason: 'found a box' })
    expect(added.status).toBe(200)
    expect(added.body).toStrictEqual({
      sku,
      total: 8,
      reserved: 0,
      sold: 0,
      available: 8,
      version: 2,
      status: 'available',
      nextReleaseAt: null,
    })
    expect((await adjust(sku, -8)).body).toMatchObject({ total: 0, available: 0, status: 'sold_out', version: 3 })
  })

  it('S8 never takes away what is reserved and sold, and says what that is', async () => {
    const sku = await putOnSale(service, 6)
    await buy(service, sku, { quantity: 2 })
    await reserve(service, sku, { quantity: 1 })
    const { status, body } = await service.post(`/v1/products/${sku}/stock-adjustments`, { delta: -4 })
    expect(status).toBe(409)
    expect(body).toMatchObject({ code: 'stock_below_committed', total: 6, reserved: 1, sold: 2 })
    expect((await adjust(sku, -3)).body).toMatchObject({ total: 3, available: 0, status: 'all_reserved' })
  })

  it('refuses to fall below zero where nothing is reserved or sold', async () => {
    const sku = await putOnSale(service, 2)
    const { body } = await service.post(`/v1/products/${sku}/stock-adjustments`, { delta: -3 })
    expect(body).toMatchObject({ code: 'stock_below_committed', total: 2, reserved: 0, sold: 0 })
  })

  it('H6 takes away the units of a due reservation', async () => {
    const sku = await putOnSale(service, 2)
    await reserve(service, sku, { quantity: 2, ttlSeconds: 5 })
    expect((await adjust(sku, -1)).status).toBe(409)
    clock.advance(5_000)
    expect((await adjust(sku, -2)).body).toMatchObject({ total: 0, reserved: 0, available: 0 })
  })

  it('refuses a total beyond 1,000,000,000 and leaves the books alone', async () => {
    const sku = await putOnSale(service, 999_999_999)
    expect((await adjust(sku, 1)).body).toMatchObject({ total: 1_000_000_000 })
    const refused = await service.post(`/v1/products/${sku}/stock-adjustments`, { delta: 1 })
    expect(refused.status).toBe(400)
    expect(refusal(refused)).toBe('validation_failed at /delta')
    expect(await booksOf(service, sku)).toBe('1000000000 total, 0 reserved, 0 sold, 1000000000 available, version 2')
  })

  it('adds up when repeated without a key', async () => {
    const sku = await putOnSale(service, 0)
    await Promise.all(Array.from({ length: 20 }, () => adjust(sku, 1)))
    expect(await stockOf(service, sku)).toMatchObject({ total: 20, version: 21 })
  })

  it('answers 404 for an sku that does not exist', async () => {
    const { body } = await service.post('/v1/products/nobody-sells-this/stock-adjustments', { delta: 1 })
    expect(body).toMatchObject({ code: 'product_not_found', sku: 'nobody-sells-this' })
  })
})
