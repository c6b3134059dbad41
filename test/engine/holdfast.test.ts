import { describe, expect, it } from 'vitest'
import { createHoldfast, sqliteStore, type EngineOptions, type Holdfast, type UpdateProductInput } from '../../src/index.ts'
import { reserveCommand } from '../../src/engine/commands.ts'
import { slotName } from '../../src/engine/slots.ts'
import { manualClock } from '../support/clock.ts'
import { temporaryFile } from '../support/folder.ts'

async function openShop(options: Partial<EngineOptions> = {}): Promise<Holdfast> {
  const store = await sqliteStore({ path: ':memory:', clock: manualClock() })
  return createHoldfast({ store, expiry: 'manual', ...options })
}

const product = { sku: 'a', name: 'A', totalStock: 100 }
const oneUnit = { userId: 'ann', items: [{ sku: 'a', quantity: 1 }] }
const pathsOf = (outcome: { ok: boolean; refusal?: unknown }): unknown =>
  (outcome.refusal as { errors?: { path: string }[] } | undefined)?.errors?.map(({ path }) => path)

describe('createHoldfast()', () => {
  it('sells from the first product to the cancelled order', async () => {
    await using shop = await openShop()
    await shop.createProduct({ ...product, price: { amount: 5, currency: 'EUR' } })
    const made = await shop.reserve(oneUnit)
    if (!made.ok) throw new Error('refused')
    expect(await shop.reservation(made.value.id)).toEqual(made.value)
    expect((await shop.extend(made.value.id, { ttlSeconds: 900 })).ok).toBe(true)
    const order = await shop.confirm(made.value.id)
    if (!order.ok) throw new Error('refused')
    expect((await shop.orders({ userId: 'ann' })).data).toEqual([order.value])
    expect(await shop.cancelOrder(order.value.id, { reason: 'torn' })).toMatchObject({ ok: true, value: { status: 'cancelled' } })
    expect((await shop.product('a'))?.stock).toMatchObject({ available: 100, version: 4 })
  })

  it('lets a user have so many active reservations at once, however these are asked for', async () => {
    const store = await sqliteStore({ path: ':memory:', clock: manualClock() })
    await using shop = createHoldfast({ store, expiry: 'manual', activePerUserMax: 2 })
    await shop.createProduct(product)
    const made = [await shop.reserve(oneUnit, { idempotencyKey: 'k' }), await shop.submit(reserveCommand(oneUnit, null))]
    const full = { ok: false, refusal: { code: 'reservation_limit_exceeded', limit: 2 } }
    expect([await shop.reserve(oneUnit), await shop.submit(reserveCommand(oneUnit, null))]).toEqual([full, full])
    expect((await shop.reserve({ ...oneUnit, userId: 'bob' })).ok).toBe(true)
    const ids = made.map((outcome) => (outcome.ok ? outcome.value.id : 'refused'))
    const { data } = await shop.reservations({ slot: slotName('user', 'ann') })
    expect(data.map(({ id }) => id)).toEqual(ids.toReversed())
    // A key is of the same request, also after the limit was changed.
    const changed = createHoldfast({ store, expiry: 'manual', activePerUserMax: 1 })
    expect(await changed.reserve(oneUnit, { idempotencyKey: 'k' })).toEqual({ ...made[0], replayed: true })
    const other = await shop.submit(reserveCommand({ ...oneUnit, userId: 'bob' }, null, [{ name: slotName('other'), max: 1 }]))
    expect(other.ok).toBe(true)
    expect((await shop.reservations({ slot: slotName('other'), userId: 'bob' })).data).toHaveLength(1)
  })

  it('refuses what is malformed with values, not with exceptions', async () => {
    await using shop = await openShop()
    const wrong = [
      shop.reserve({ userId: 'ann', items: [] }),
      shop.reserve({ ...oneUnit, metadata: { k: 'x'.repeat(2_048) } }),
      shop.reserve({ ...oneUnit, userId: 'a\ud800' }),
      shop.reserve({ ...oneUnit, metadata: { k: '\u0000' } }),
      shop.reserve(oneUnit, { idempotencyKey: '' }),
      shop.reserve(oneUnit, { idempotencyKey: 'é' }),
      shop.reserve(oneUnit, { idempotencyKey: 'x'.repeat(256) }),
      shop.extend('r', { ttlSeconds: 0 }),
      shop.adjustStock('a', { delta: 0 }),
      shop.createProduct({ ...product, saleStartsAt: 2, saleEndsAt: 1 }),
    ]
    expect((await Promise.all(wrong)).map(pathsOf)).toEqual([
      ['/items'],
      ['/metadata'],
      ['/userId'],
      ['/metadata/k'],
      ['idempotencyKey'],
      ['idempotencyKey'],
      ['idempotencyKey'],
      ['/ttlSeconds'],
      ['/delta'],
      ['/saleEndsAt'],
    ])
    expect((await shop.events()).data).toEqual([])
  })

  it('takes ids and skus that are not well formed for unknown ones', async () => {
    await using shop = await openShop()
    for (const id of ['', '\u0000', '\ud800', '__proto__', "'; drop table orders", 'x'.repeat(10_000)]) {
      expect(await shop.reservation(id)).toBeNull()
      expect(await shop.order(id)).toBeNull()
      expect(await shop.product(id)).toBeNull()
      expect(await shop.confirm(id)).toEqual({ ok: false, refusal: { code: 'reservation_not_found' } })
      expect(await shop.cancelOrder(id)).toEqual({ ok: false, refusal: { code: 'order_not_found' } })
      expect(await shop.updateProduct(id, {})).toEqual({ ok: false, refusal: { code: 'product_not_found', sku: id } })
    }
  })

  it('takes a property that is undefined for one that is left out', async () => {
    await using shop = await openShop()
    await shop.createProduct({ ...product, description: 'Blue' })
    const patch = { name: 'B', description: undefined, price: undefined, maxPerUser: undefined } as unknown as UpdateProductInput
    expect(await shop.updateProduct('a', patch)).toMatchObject({ ok: true, value: { name: 'B', description: 'Blue' } })
    expect(await shop.product('a')).toMatchObject({ name: 'B', description: 'Blue' })
  })

  it('has one effect for each idempotency key, whatever the order of properties (I1, I3)', async () => {
    await using shop = await openShop()
    await shop.createProduct(product)
    const options = { idempotencyKey: 'k' }
    const first = await shop.reserve({ ...oneUnit, metadata: { a: '1', b: '2' } }, options)
    const again = await shop.reserve({ metadata: { b: '2', a: '1' }, items: [{ quantity: 1, sku: 'a' }], userId: 'ann' }, options)
    expect(again).toEqual({ ...first, replayed: true })
    const reused = { ok: false, refusal: { code: 'idempotency_key_reused' } }
    expect(await shop.reserve({ ...oneUnit, ttlSeconds: 5 }, options)).toEqual(reused)
    // Another verb is another scope; another id is another request.
    expect(await shop.adjustStock('a', { delta: 1 }, options)).toMatchObject({ ok: true, replayed: false })
    expect(await shop.adjustStock('b', { delta: 1 }, options)).toEqual(reused)
    expect((await shop.product('a'))?.stock).toMatchObject({ total: 101, reserved: 1 })
  })

  it('makes another reservation each time without a key', async () => {
    await using shop = await openShop()
    await shop.createProduct(product)
    await Promise.all([
      shop.reserve(oneUnit),
      shop.reserve(oneUnit),
      shop.adjustStock('a', { delta: 1 }),
      shop.adjustStock('a', { delta: 1 }),
    ])
    expect((await shop.product('a'))?.stock).toMatchObject({ total: 102, reserved: 2 })
  })

  it('keeps pages within their limits', async () => {
    await using shop = await openShop()
    await Promise.all(Array.from({ length: 210 }, (_, index) => shop.createProduct({ ...product, sku: `sku-${index}` })))
    const sizes = [undefined, 1, 0, -5, 1.9, 200, 10_000].map(
      async (limit) => (await shop.products(limit === undefined ? {} : { limit })).data.length,
    )
    expect(await Promise.all(sizes)).toEqual([50, 1, 1, 1, 1, 200, 200])
    await expect(shop.orders({ cursor: '!' })).rejects.toMatchObject({ code: 'invalid_cursor' })
  })

  it('reports each batch to an observer', async () => {
    const sizes: number[] = []
    await using shop = await openShop({ onBatch: ({ commands }) => sizes.push(commands.length) })
    await shop.createProduct(product)
    await Promise.all([shop.reserve(oneUnit), shop.reserve(oneUnit)])
    expect([sizes, shop.queueLength]).toEqual([[1, 2], 0])
  })
})

describe('close()', () => {
  it('finishes what is queued, and everything acknowledged is there afterwards (O1)', async () => {
    const path = await temporaryFile()
    const shop = createHoldfast({ store: await sqliteStore({ path }) })
    await shop.createProduct(product)
    const queued = Array.from({ length: 60 }, () => shop.reserve(oneUnit))
    const closing = shop.close()
    await expect(shop.reserve(oneUnit)).rejects.toMatchObject({ code: 'closed' })
    await closing
    expect((await Promise.all(queued)).every((outcome) => outcome.ok)).toBe(true)
    await expect(shop.product('a')).rejects.toMatchObject({ code: 'closed' })
    const store = await sqliteStore({ path })
    expect((await store.product('a'))?.stock.reserved).toBe(60)
    await store.close()
  })

  it('is done by await using, and gives the file back', async () => {
    const path = await temporaryFile()
    for (let round = 0; round < 3; round++) {
      await using shop = createHoldfast({ store: await sqliteStore({ path }) })
      expect((await shop.adjustStock('a', { delta: 1 })).ok).toBe(round > 0)
      await shop.createProduct(product)
    }
  })
})
