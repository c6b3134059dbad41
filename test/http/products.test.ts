import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { manualClock, someInstant } from '../support/clock.ts'
import { freshSku, putOnSale, reserve } from '../support/http-shop.ts'
import type { Product } from '../support/http-shapes.ts'
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

const now = () => new Date(clock()).toISOString()

describe('POST /v1/products', () => {
  it('answers 201 with the whole product: what was left out is null', async () => {
    const sku = freshSku()
    const { status, body, headers } = await service.post<Product>('/v1/products', { sku, name: 'A mug', totalStock: 7 })
    expect(status).toBe(201)
    expect(headers.location).toBe(`/v1/products/${sku}`)
    expect(body).toStrictEqual({
      sku,
      name: 'A mug',
      description: null,
      price: null,
      maxPerUser: null,
      reservationTtlSeconds: null,
      saleStartsAt: null,
      saleEndsAt: null,
      stock: { sku, total: 7, reserved: 0, sold: 0, available: 7, version: 1, status: 'available', nextReleaseAt: null },
      createdAt: now(),
      updatedAt: now(),
    })
  })

  it('keeps every property that was given, instants in UTC with milliseconds', async () => {
    const details = { description: '“Blue” – 0,3 l ☕', price: { amount: 1999, currency: 'EUR' }, maxPerUser: 2, reservationTtlSeconds: 90 }
    const sku = await putOnSale(service, 1, {
      ...details,
      saleStartsAt: '2026-12-01T19:00:00+01:00',
      saleEndsAt: '2026-12-02t00:00:00.123456z',
    })
    expect((await service.get<Product>(`/v1/products/${sku}`)).body).toMatchObject({
      ...details,
      saleStartsAt: '2026-12-01T18:00:00.000Z',
      saleEndsAt: '2026-12-02T00:00:00.123Z',
    })
  })

  it('takes null for every optional property', async () => {
    const nothing = { description: null, price: null, maxPerUser: null, reservationTtlSeconds: null, saleStartsAt: null, saleEndsAt: null }
    const sku = await putOnSale(service, 1, nothing)
    expect((await service.get<Product>(`/v1/products/${sku}`)).body).toMatchObject(nothing)
  })

  it('calls a product without stock sold out', async () => {
    const sku = await putOnSale(service, 0)
    const { stock } = (await service.get<Product>(`/v1/products/${sku}`)).body
    expect(stock).toMatchObject({ total: 0, available: 0, status: 'sold_out', version: 1 })
  })

  it('refuses an sku that exists and leaves the first product as it was', async () => {
    const sku = await putOnSale(service, 3)
    expect(refusal(await service.post('/v1/products', { sku, name: 'Another', totalStock: 9 }))).toBe('product_exists')
    expect((await service.get<Product>(`/v1/products/${sku}`)).body).toMatchObject({ name: `Product ${sku}`, stock: { total: 3 } })
  })

  it('treats skus that name parts of JavaScript objects as data', async () => {
    const skus = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '.', '..', '-_.']
    for (const sku of skus) {
      await putOnSale(service, 2, {}, sku)
      await reserve(service, sku)
      const { body } = await service.get<Product>(`/v1/products/${encodeURIComponent(sku)}`)
      expect(body).toMatchObject({ sku, stock: { sku, reserved: 1, available: 1 } })
    }
  })
})

describe('GET /v1/products/{sku}', () => {
  it('answers 404 product_not_found with the sku', async () => {
    const { status, body } = await service.get('/v1/products/nobody-sells-this')
    expect(status).toBe(404)
    expect(body).toMatchObject({ code: 'product_not_found', sku: 'nobody-sells-this' })
  })

  it('shows units of a due reservation as available at once, and when the next will be', async () => {
    const sku = await putOnSale(service, 5)
    const first = await reserve(service, sku, { quantity: 2, ttlSeconds: 10 })
    const second = await reserve(service, sku, { ttlSeconds: 20 })
    const read = async () => (await service.get<Product>(`/v1/products/${sku}`)).body.stock
    expect(await read()).toMatchObject({ reserved: 3, available: 2, nextReleaseAt: first.expiresAt })
    clock.set(Date.parse(first.expiresAt) - 1)
    expect(await read()).toMatchObject({ reserved: 3, nextReleaseAt: first.expiresAt })
    clock.advance(1)
    expect(await read()).toMatchObject({ reserved: 1, available: 4, nextReleaseAt: second.expiresAt })
    clock.set(Date.parse(second.expiresAt))
    expect(await read()).toMatchObject({ reserved: 0, available: 5, nextReleaseAt: null })
  })
})

describe('PATCH /v1/products/{sku}', () => {
  it('changes what is named and nothing else, and moves updatedAt', async () => {
    const sku = await putOnSale(service, 4, { description: 'before', maxPerUser: 3 })
    const before = (await service.get<Product>(`/v1/products/${sku}`)).body
    clock.advance(1_000)
    const { status, body } = await service.patch<Product>(`/v1/products/${sku}`, { name: 'after', price: { amount: 0, currency: 'USD' } })
    expect(status).toBe(200)
    expect(body).toStrictEqual({ ...before, name: 'after', price: { amount: 0, currency: 'USD' }, updatedAt: now() })
    expect((await service.get<Product>(`/v1/products/${sku}`)).body).toStrictEqual(body)
  })

  it('clears an optional property with null', async () => {
    const details = {
      description: 'x',
      price: { amount: 1, currency: 'EUR' },
      maxPerUser: 1,
      reservationTtlSeconds: 1,
      saleStartsAt: '2026-01-01T00:00:00Z',
      saleEndsAt: '2027-01-01T00:00:00Z',
    }
    const sku = await putOnSale(service, 1, details)
    for (const name of Object.keys(details)) {
      const { body } = await service.patch<Product>(`/v1/products/${sku}`, { [name]: null })
      expect(body).toHaveProperty(name, null)
    }
  })

  it('does not clear a name', async () => {
    const sku = await putOnSale(service, 1)
    expect(refusal(await service.patch(`/v1/products/${sku}`, { name: null }))).toBe('validation_failed at /name')
  })

  it.each(['sku', 'totalStock', 'stock', 'createdAt'])('refuses to change %s', async (name) => {
    const sku = await putOnSale(service, 1)
    expect(refusal(await service.patch(`/v1/products/${sku}`, { [name]: 1 }))).toBe(`validation_failed at /${name}`)
  })

  it('answers the product when there is nothing to change, with {} or without a body', async () => {
    const sku = await putOnSale(service, 1)
    const before = (await service.get<Product>(`/v1/products/${sku}`)).body
    clock.advance(1_000)
    for (const nothing of [{}, undefined]) {
      const { status, body } = await service.patch<Product>(`/v1/products/${sku}`, nothing)
      expect({ status, body }).toStrictEqual({ status: 200, body: before })
    }
  })

  it('keeps the sale window in order, also when only one end is given', async () => {
    const sku = await putOnSale(service, 1, { saleStartsAt: '2027-01-01T00:00:00Z' })
    const path = `/v1/products/${sku}`
    const refused = 'validation_failed at /saleEndsAt'
    expect(refusal(await service.patch(path, { saleEndsAt: '2027-01-01T00:00:00Z' }))).toBe(refused)
    expect((await service.patch(path, { saleEndsAt: '2027-01-01T00:00:00.001Z' })).status).toBe(200)
    expect(refusal(await service.patch(path, { saleStartsAt: '2027-01-01T00:00:00.001Z' }))).toBe(refused)
    expect((await service.patch(path, { saleStartsAt: '2028-01-01T00:00:00Z', saleEndsAt: null })).status).toBe(200)
    const both = { saleStartsAt: '2027-01-01T01:00:00+01:00', saleEndsAt: '2027-01-01T00:00:00Z' }
    expect(refusal(await service.patch(path, both))).toBe(refused)
    expect(refusal(await service.post('/v1/products', { sku: freshSku(), name: 'x', totalStock: 1, ...both }))).toBe(refused)
  })

  it.each([
    '2026-12-01',
    '2026-12-01T18:00:00',
    '2026-12-01 18:00:00Z',
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-12-01T24:00:00Z',
    '2026-12-01T00:00:00+2400',
    ' 2026-12-01T00:00:00Z',
    '+002026-12-01T00:00:00Z',
    'tomorrow',
    '',
    String(someInstant),
  ])('refuses "%s", which is not an RFC 3339 date-time', async (text) => {
    const sku = await putOnSale(service, 1)
    expect(refusal(await service.patch(`/v1/products/${sku}`, { saleStartsAt: text }))).toBe('validation_failed at /saleStartsAt')
  })

  it('answers 404 for an sku that does not exist', async () => {
    expect(refusal(await service.patch('/v1/products/nobody-sells-this', { name: 'x' }))).toBe('product_not_found')
  })
})
