import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { moneyOf, priceOf } from '../../../src/http/dialects/prices.ts'
import { manualClock } from '../../support/clock.ts'
import { booksOf, freshSku, putOnSale } from '../../support/http-shop.ts'
import type { Product } from '../../support/http-shapes.ts'
import { expectNoReports, startService, type Answer, type Service } from '../../support/http.ts'

let service: Service
const clock = manualClock()

beforeAll(async () => {
  service = await startService({ clock })
})
afterAll(async () => {
  expectNoReports(service)
  await service.close()
})

const after = (seconds: number): string => new Date(clock() + seconds * 1000).toISOString()
const asUser = (userId: string) => ({ 'x-user-id': userId })
const remove = <Body = unknown>(path: string, body?: unknown, headers = {}): Promise<Answer<Body>> =>
  service.send<Body>('DELETE', path, { body, headers })
const id = expect.any(String) as string

/** Status, and the code where it is an error. */
function told({ status, body }: Answer): string {
  const { code } = (body ?? {}) as { readonly code?: string }
  return code === undefined ? String(status) : `${status} ${code}`
}

interface Reserved {
  readonly reservationId: string
}

describe('the cart API', () => {
  const cartOf = (userId: string, ...items: readonly (readonly [sku: string, qty: number])[]) => ({
    userId,
    items: items.map(([sku, qty]) => ({ sku, qty })),
  })
  const reserve = async (sku: string, qty = 1): Promise<string> =>
    (await service.post<Reserved>('/reservations', cartOf('ada', [sku, qty]))).body.reservationId

  it('makes a product, and tells what is left to sell of it', async () => {
    const sku = freshSku()
    const made = await service.post('/products', { sku, name: 'A mug', total_stock: 5 })
    expect([made.status, made.body]).toEqual([201, { sku, name: 'A mug', total_stock: 5 }])
    expect(told(await service.post('/products', { sku, name: 'A mug', total_stock: 5 }))).toBe('409 product_exists')
    await service.post('/checkout', { reservationId: await reserve(sku, 2), userId: 'ada' })
    await reserve(sku)
    for (const path of [`/products/${sku}/status`, `/${sku}/status`]) {
      const { status, body } = await service.get(path)
      expect([status, body]).toEqual([200, { sku, total_stock: 3, reserved: 1, available: 2 }])
    }
    expect(told(await service.get('/nothing/status'))).toBe('404 product_not_found')
  })

  it('reserves all lines or none', async () => {
    const [one, two] = [await putOnSale(service, 3), await putOnSale(service, 1)]
    const { status, body } = await service.post<Reserved>('/reservations', cartOf('ada', [one, 1], [two, 1], [one, 1]))
    expect([status, body]).toEqual([201, { reservationId: id }])
    expect(told(await service.post('/reservations', cartOf('bob', [one, 1], [two, 1])))).toBe('409 insufficient_stock')
    expect(told(await service.post('/reservations', cartOf('bob', [one, 1], ['nothing', 1])))).toBe('404 product_not_found')
    expect(await booksOf(service, one)).toBe('3 total, 2 reserved, 0 sold, 1 available, version 2')
    expect((await service.get<Product>(`/v1/reservations/${body.reservationId}`)).body).toMatchObject({ expiresAt: after(600) })
  })

  it('cancels for the owner, and again', async () => {
    const sku = await putOnSale(service, 1)
    const cancel = async (reservationId: string, userId: string) => service.post(`/reservations/${reservationId}/cancel`, { userId })
    const reservationId = await reserve(sku)
    expect(told(await cancel(reservationId, 'bob'))).toBe('403 not_owner')
    for (let n = 0; n < 2; n++) {
      const { status, body } = await cancel(reservationId, 'ada')
      expect([status, body]).toEqual([200, { reservationId, status: 'cancelled' }])
    }
    expect(told(await cancel('nothing', 'ada'))).toBe('404 reservation_not_found')
    const bought = await reserve(sku)
    await service.post('/checkout', { reservationId: bought, userId: 'ada' })
    expect(told(await cancel(bought, 'ada'))).toBe('409 reservation_confirmed')
  })

  it('checks out once: 201, then 200 with the same order', async () => {
    const reservationId = await reserve(await putOnSale(service, 2), 2)
    expect(told(await service.post('/checkout', { reservationId, userId: 'bob' }))).toBe('403 not_owner')
    const first = await service.post('/checkout', { reservationId, userId: 'ada' })
    const items = [{ sku: expect.any(String) as string, qty: 2 }]
    expect([first.status, first.body]).toEqual([201, { orderId: id, reservationId, userId: 'ada', items, createdAt: after(0) }])
    const again = await service.post('/checkout', { reservationId, userId: 'ada' })
    expect([again.status, again.text]).toEqual([200, first.text])
  })

  it('calls what ended otherwise gone', async () => {
    const sku = await putOnSale(service, 2)
    const [cancelled, expired] = [await reserve(sku), await reserve(sku)]
    await service.post(`/reservations/${cancelled}/cancel`, { userId: 'ada' })
    clock.advance(600_000)
    const checkout = async (reservationId: string) => told(await service.post('/checkout', { reservationId, userId: 'ada' }))
    expect(await checkout(cancelled)).toBe('410 reservation_cancelled')
    expect(await checkout(expired)).toBe('410 reservation_expired')
    expect(await checkout('nothing')).toBe('404 reservation_not_found')
  })
})

describe('the flash deal API', () => {
  const make = async (price: unknown, totalStock = 5) =>
    service.post<{ id: string }>('/api/products', { name: 'A deal', description: 'Cheap', price, totalStock })
  const on = (sku: string, verb: string) => `/api/products/${sku}/${verb}`
  const reserve = (sku: string, userId = 'ada', quantity = 1) => service.post<Reserved>(on(sku, 'reserve'), { userId, quantity })

  it('makes a product with an id and a price in minor units', async () => {
    const { status, body } = await make(99.99)
    expect([status, body]).toEqual([201, { id, name: 'A deal', description: 'Cheap', price: 99.99, totalStock: 5, createdAt: after(0) }])
    expect(body.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/)
    const { body: product } = await service.get<Product>(`/v1/products/${body.id}`)
    expect([product.price, product.description]).toEqual([{ amount: 9999, currency: 'USD' }, 'Cheap'])
    expect((await service.get(on(body.id, 'status'))).body).toEqual({ totalStock: 5, reservedStock: 0, availableStock: 5 })
  })

  it('takes a price exactly or not at all', async () => {
    for (const price of [0, 0.01, 1.15, 8.2, 19.99, 4.35, 1_000_000]) expect((await make(price)).body).toMatchObject({ price })
    for (const price of [0.001, 0.1 + 0.2, -0.01, 1_000_000.01, 1e21, 5e-324, '1', null])
      expect({ price, told: told(await make(price)) }).toEqual({ price, told: '400 validation_failed' })
  })

  it('reserves for ten minutes, once per user and product', async () => {
    const [sku, other] = [await putOnSale(service, 5), await putOnSale(service, 5)]
    const { status, body } = await reserve(sku, 'ada', 2)
    expect([status, body]).toEqual([
      201,
      {
        reservationId: id,
        productId: sku,
        userId: 'ada',
        quantity: 2,
        status: 'active',
        createdAt: after(0),
        expiresAt: after(600),
      },
    ])
    expect(told(await reserve(sku))).toBe('409 reservation_limit_exceeded')
    expect([told(await reserve(sku, 'bob')), told(await reserve(other))]).toEqual(['201', '201'])
    expect(told(await reserve(sku, 'eve', 3))).toBe('409 insufficient_stock')
    expect(told(await reserve('nothing'))).toBe('404 product_not_found')
    clock.advance(600_000)
    expect(told(await reserve(sku))).toBe('201')
  })

  it('finds by user and product what to cancel and what to check out', async () => {
    const sku = await putOnSale(service, 2)
    const cancel = (userId: string) => remove(on(sku, 'reserve'), { userId })
    const checkout = (userId: string) => service.post(on(sku, 'checkout'), { userId })
    expect([told(await cancel('ada')), told(await checkout('ada'))]).toEqual(Array(2).fill('404 reservation_not_found'))
    const { reservationId } = (await reserve(sku)).body
    expect(told(await cancel('bob'))).toBe('404 reservation_not_found')
    const cancelled = await cancel('ada')
    expect([cancelled.status, cancelled.body]).toMatchObject([200, { reservationId, productId: sku, status: 'cancelled' }])
    await reserve(sku, 'ada', 2)
    const { status, body } = await checkout('ada')
    expect([status, body]).toMatchObject([201, { orderId: id, productId: sku, userId: 'ada', quantity: 2, createdAt: after(0) }])
    expect(told(await checkout('ada'))).toBe('404 reservation_not_found')
    expect(await booksOf(service, sku)).toBe('2 total, 0 reserved, 2 sold, 0 available, version 5')
  })
})

describe('the drop API', () => {
  const make = async (offeringStock: number, unitPrice = 12.5): Promise<string> =>
    (await service.post<{ drop: { id: string } }>('/v1/drops', { name: 'A drop', unitPrice, offeringStock })).body.drop.id
  const on = (drop: string, verb: string) => `/v1/drops/${drop}/${verb}`
  const reserve = (drop: string, userId: string) => service.post(on(drop, 'reserve'), undefined, asUser(userId))
  const purchase = (drop: string, userId: string) => service.post(on(drop, 'purchase'), undefined, asUser(userId))

  it('makes a drop', async () => {
    const { status, body } = await service.post('/v1/drops', { name: 'A drop', unitPrice: 12.5, offeringStock: 3 })
    const drop = { id, name: 'A drop', unitPrice: 12.5, offeringStock: 3, availableStock: 3, reservedStock: 0, soldStock: 0 }
    expect([status, body]).toEqual([201, { message: expect.stringMatching(/\S/) as string, drop: { ...drop, createdAt: after(0) } }])
  })

  it('reserves one unit for a minute, one per user over all drops', async () => {
    const [one, two] = [await make(1), await make(5)]
    const { status, body } = await reserve(one, 'ada')
    expect([status, body]).toMatchObject([
      202,
      {
        reservation: { id, dropId: one, userId: 'ada', status: 'active', createdAt: after(0), expiresAt: after(60) },
        drop: { id: one, availableStock: 0, reservedStock: 1 },
      },
    ])
    expect(told(await reserve(one, 'bob'))).toBe('409 insufficient_stock')
    expect(told(await reserve(two, 'ada'))).toBe('409 reservation_limit_exceeded')
    expect(told(await reserve('nothing', 'eve'))).toBe('404 product_not_found')
    clock.advance(60_000)
    expect([told(await purchase(one, 'ada')), told(await reserve(two, 'ada'))]).toEqual(['404 reservation_not_found', '202'])
    expect(told(await purchase(one, 'ada'))).toBe('404 reservation_not_found')
    const bought = await purchase(two, 'ada')
    expect([bought.status, bought.body]).toMatchObject([
      201,
      { order: { id, dropId: two, userId: 'ada', createdAt: after(0) }, drop: { id: two, soldStock: 1, reservedStock: 0 } },
    ])
    expect(told(await reserve(two, 'ada'))).toBe('202')
  })

  it('shows a user their reservation, and ends it', async () => {
    const drop = await make(1)
    const me = '/v1/reservations/me'
    expect([told(await service.get(me, asUser('me'))), told(await remove(me, undefined, asUser('me')))]).toEqual(
      Array(2).fill('404 reservation_not_found'),
    )
    await reserve(drop, 'me')
    const shown = await service.get(me, asUser('me'))
    expect([shown.status, shown.body]).toMatchObject([200, { reservation: { id, dropId: drop, userId: 'me', status: 'active' } }])
    const ended = await remove(me, undefined, asUser('me'))
    expect([ended.status, ended.body]).toMatchObject([200, { reservation: { dropId: drop, status: 'cancelled' } }])
    expect(told(await service.get(me, asUser('me')))).toBe('404 reservation_not_found')
  })

  it('takes the user from the body where no header names one, and refuses two', async () => {
    const drop = await make(2)
    expect((await service.post(on(drop, 'reserve'), { userId: 'body' })).body).toMatchObject({ reservation: { userId: 'body' } })
    expect(told(await service.post(on(drop, 'purchase'), { userId: 'body' }, asUser('body')))).toBe('201')
    for (const body of [{ userId: 'another' }, { userId: 1 }, {}])
      expect(told(await service.post(on(drop, 'reserve'), body, 'userId' in body ? asUser('body') : {}))).toBe('400 validation_failed')
  })

  it('lists all products as drops, page by page, with the three newest purchasers', async () => {
    const drop = await make(9)
    for (const userId of ['p1', 'p2', 'p3', 'p4']) await reserve(drop, userId)
    // Bought in another order than reserved.
    for (const userId of ['p4', 'p1', 'p3', 'p2']) {
      clock.advance(1_000)
      await purchase(drop, userId)
    }
    interface Drops {
      readonly data: readonly { readonly id: string; readonly purchasers: readonly { readonly userId: string }[] }[]
      readonly nextCursor: string | null
    }
    const found: Drops['data'][number][] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const { body }: Answer<Drops> = await service.get<Drops>(`/v1/drops?limit=7${cursor === '' ? '' : `&after=${cursor}`}`)
      found.push(...body.data)
      cursor = body.nextCursor
    }
    const { body: products } = await service.get<{ data: readonly Product[] }>('/v1/products?limit=200')
    expect(found.map((one) => one.id)).toEqual(products.data.map(({ sku }) => sku))
    const purchasersOf = () => found.find((one) => one.id === drop)!.purchasers.map(({ userId }) => userId)
    expect(purchasersOf()).toEqual(['p2', 'p3', 'p1'])
    await reserve(drop, 'p5')
    await purchase(drop, 'p5')
    const { body } = await service.get<Drops>('/v1/drops?limit=200')
    found.splice(0, found.length, ...body.data)
    expect(purchasersOf()[0]).toBe('p5')
    const { body: orders } = await service.get<{ data: readonly { readonly id: string }[] }>('/v1/orders?userId=p5')
    await service.post(`/v1/orders/${orders.data[0]!.id}/cancel`, {})
    const { body: later } = await service.get<Drops>('/v1/drops?limit=200')
    found.splice(0, found.length, ...later.data)
    expect(purchasersOf()).toEqual(['p2', 'p3', 'p1'])
    expect(told(await service.get('/v1/drops?after=*'))).toBe('400 validation_failed')
  })
})

describe('the checkout API', () => {
  const reserve = (sku: string, quantity = 1) => service.post<Reserved>('/inventory/reserve', { sku, quantity, userId: 'ada' })

  it('reserves for five minutes, and tells the stock', async () => {
    const sku = await putOnSale(service, 3)
    const { status, body } = await reserve(sku, 2)
    expect([status, body]).toEqual([
      201,
      { reservationId: id, sku, quantity: 2, userId: 'ada', createdAt: after(0), expiresAt: after(300) },
    ])
    expect((await service.get(`/inventory/${sku}`)).body).toEqual({ sku, available: 1, reserved: 2 })
    expect([told(await reserve(sku, 2)), told(await reserve('nothing')), told(await service.get('/inventory/nothing'))]).toEqual([
      '409 insufficient_stock',
      '404 product_not_found',
      '404 product_not_found',
    ])
  })

  it('has no sku that its own paths hide', async () => {
    await putOnSale(service, 3, {}, 'reserve')
    expect((await service.get('/inventory/reserve')).body).toEqual({ sku: 'reserve', available: 3, reserved: 0 })
    expect((await reserve('reserve')).status).toBe(201)
  })

  it('confirms and cancels by the id alone, and again', async () => {
    const sku = await putOnSale(service, 2)
    const { reservationId } = (await reserve(sku)).body
    const first = await service.post('/checkout/confirm', { reservationId })
    const items = [{ sku, quantity: 1 }]
    expect([first.status, first.body]).toEqual([
      200,
      { reservationId, status: 'confirmed', orderId: id, userId: 'ada', items, createdAt: after(0) },
    ])
    const again = await service.post('/checkout/confirm', { reservationId })
    expect([again.status, again.text]).toEqual([200, first.text])
    expect(told(await service.post('/checkout/cancel', { reservationId }))).toBe('409 reservation_confirmed')
    const { reservationId: another } = (await reserve(sku)).body
    expect(told(await service.post('/checkout/cancel', { reservationId: another, userId: 'bob' }))).toBe('403 not_owner')
    for (let n = 0; n < 2; n++) {
      const { status, body } = await service.post('/checkout/cancel', { reservationId: another })
      expect([status, body]).toEqual([200, { reservationId: another, status: 'cancelled' }])
    }
    expect(told(await service.post('/checkout/confirm', { reservationId: another }))).toBe('409 reservation_cancelled')
    const { reservationId: late } = (await reserve(sku)).body
    clock.advance(300_000)
    expect(told(await service.post('/checkout/confirm', { reservationId: late }))).toBe('410 reservation_expired')
  })
})

describe('the product page API', () => {
  it('reserves one unit for ten minutes, until it is out of stock', async () => {
    const sku = await putOnSale(service, 2)
    const reserve = (headers = asUser('ada')) => service.post<{ message: string }>(`/product/${sku}/reserve`, undefined, headers)
    const { status, body } = await reserve()
    expect([status, body]).toEqual([200, { message: body.message, inventory: 1, reservationKey: id, expiredAt: after(600) }])
    expect((await reserve()).body).toMatchObject({ inventory: 0 })
    const short = await reserve()
    expect([short.status, short.body]).toEqual([400, { error: 'Out of stock', code: 'insufficient_stock' }])
    expect(told(await service.post('/product/nothing/reserve', undefined, asUser('ada')))).toBe('404 product_not_found')
  })
})

describe('prices', () => {
  it('go in and come out as they were, digit by digit', () => {
    const minor = fc.integer({ min: 0, max: 100_000_000 })
    const same = fc.property(minor, (amount) => {
      for (const [currency, decimals] of [
        ['USD', 2],
        ['JPY', 0],
        ['KWD', 3],
      ] as const) {
        const money = { amount, currency }
        const digits = String(amount).padStart(decimals + 1, '0')
        const written = decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`
        expect(priceOf(money)).toBe(Number(written))
        expect(moneyOf(Number(written), currency, '/price')).toEqual(money)
      }
    })
    fc.assert(same)
    expect(() => moneyOf(1.5, 'JPY', '/price')).toThrow()
  })
})
