import assert from 'node:assert/strict'
import { adjustStock, confirm, createProduct, details, group, reserve, updateProduct, valueOf } from './kit.ts'

const all = {
  name: 'Shirt',
  description: 'Blue',
  price: { amount: 1_999, currency: 'EUR' },
  maxPerUser: 3,
  reservationTtlSeconds: 60,
  saleStartsAt: 1_000,
  saleEndsAt: 2_000,
}
const windowRefusal = {
  code: 'validation_failed',
  errors: [{ path: '/saleEndsAt', message: 'must be after saleStartsAt' }],
} as const

export const productTests = group('products', {
  'are created at version 1 with everything on sale': async ({ run, store }) => {
    const outcome = await run(createProduct('a', 5, all))
    const product = valueOf(outcome)
    assert.deepEqual(product, {
      sku: 'a',
      ...all,
      createdAt: product.createdAt,
      updatedAt: product.createdAt,
      stock: { sku: 'a', total: 5, reserved: 0, sold: 0, available: 5, version: 1, status: 'available', nextReleaseAt: null },
    })
    assert.ok(outcome.ok && outcome.created)
    assert.deepEqual(await store.product('a'), product)
    assert.equal(await store.product('b'), null)
  },

  'may start with nothing on sale': async ({ done }) => {
    const { stock } = await done(createProduct('a', 0))
    assert.deepEqual([stock.available, stock.status], [0, 'sold_out'])
  },

  'are created once': async ({ done, refused, batch, stock }) => {
    await done(createProduct('a', 5))
    await refused(createProduct('a', 9), { code: 'product_exists' })
    const [first, second] = await batch(createProduct('b', 1), createProduct('b', 2))
    assert.deepEqual([first.ok, second], [true, { ok: false, refusal: { code: 'product_exists' } }])
    assert.equal((await stock('b')).total, 1)
  },

  'distinguish skus by case': async ({ done }) => {
    await done(createProduct('a', 1))
    assert.equal((await done(createProduct('A', 2))).stock.total, 2)
  },

  'refuse a sale that ends before it starts, also when the product exists': async ({ done, refused, store }) => {
    await refused(createProduct('a', 1, { saleStartsAt: 5, saleEndsAt: 5 }), windowRefusal)
    assert.equal(await store.product('a'), null)
    await done(createProduct('a', 1))
    await refused(createProduct('a', 1, { saleStartsAt: 5, saleEndsAt: 4 }), windowRefusal)
  },

  'change what a patch names, and nothing else': async ({ done, advance, store }) => {
    const { stock, createdAt } = await done(createProduct('a', 5, all))
    await advance(1_000)
    const updated = await done(updateProduct('a', { name: 'Shirt 2', price: { amount: 5, currency: 'USD' } }))
    assert.deepEqual(updated, {
      sku: 'a',
      ...all,
      name: 'Shirt 2',
      price: { amount: 5, currency: 'USD' },
      createdAt,
      updatedAt: createdAt + 1_000,
      stock,
    })
    assert.deepEqual(await store.product('a'), updated)
  },

  'lose an optional property by null': async ({ done, store }) => {
    await done(createProduct('a', 5, all))
    const { name: _, ...optional } = details
    const cleared = await done(updateProduct('a', optional))
    assert.deepEqual(cleared, { ...cleared, ...optional, name: 'Shirt' })
    assert.deepEqual(await store.product('a'), cleared)
  },

  'append no event for a patch that changes nothing (E3)': async ({ done, advance, events }) => {
    const product = await done(createProduct('a', 5, all))
    await advance(1_000)
    assert.deepEqual(await done(updateProduct('a', {})), product)
    assert.deepEqual(await done(updateProduct('a', { ...all, price: { currency: 'EUR', amount: 1_999 } })), product)
    assert.equal((await events()).length, 1)
  },

  'check the sale window of a patch together with what is there': async ({ done, refused, store }) => {
    await done(createProduct('a', 5, { saleStartsAt: 1_000 }))
    await refused(updateProduct('a', { saleEndsAt: 1_000 }), windowRefusal)
    await refused(updateProduct('none', { saleEndsAt: 1_000 }), { code: 'product_not_found', sku: 'none' })
    await done(updateProduct('a', { saleEndsAt: 1_001 }))
    await refused(updateProduct('a', { saleStartsAt: 1_001 }), windowRefusal)
    assert.equal((await done(updateProduct('a', { saleStartsAt: null }))).saleEndsAt, 1_001)
    assert.equal((await store.product('a'))?.saleStartsAt, null)
  },

  'change several times in one batch': async ({ batch, store }) => {
    const [, , second] = await batch(
      createProduct('a', 5),
      updateProduct('a', { name: 'One', maxPerUser: 1 }),
      updateProduct('a', { name: 'Two' }),
    )
    assert.deepEqual(await store.product('a'), valueOf(second))
    assert.deepEqual([valueOf(second).name, valueOf(second).maxPerUser], ['Two', 1])
  },
})

export const stockTests = group('stock', {
  'can be added and taken away, with one version for each': async ({ done, store }) => {
    await done(createProduct('a', 5))
    assert.deepEqual(await done(adjustStock('a', 3, { reason: 'found some' })), {
      sku: 'a',
      total: 8,
      reserved: 0,
      sold: 0,
      available: 8,
      version: 2,
      status: 'available',
      nextReleaseAt: null,
    })
    const stock = await done(adjustStock('a', -8))
    assert.deepEqual([stock.total, stock.version, stock.status], [0, 3, 'sold_out'])
    assert.deepEqual((await store.product('a'))?.stock, stock)
  },

  'never falls below what is reserved and sold (S8)': async ({ done, refused }) => {
    await done(createProduct('a', 5))
    await done(confirm((await done(reserve('ann', { a: 1 }))).id))
    await done(reserve('ann', { a: 2 }))
    await refused(adjustStock('a', -3), { code: 'stock_below_committed', total: 5, reserved: 2, sold: 1 })
    await refused(adjustStock('a', -1_000_000_000), { code: 'stock_below_committed', total: 5, reserved: 2, sold: 1 })
    assert.equal((await done(adjustStock('a', -2))).available, 0)
  },

  'reaches 1,000,000,000 and not more': async ({ done, refused }) => {
    await done(createProduct('a', 1))
    assert.equal((await done(adjustStock('a', 999_999_999))).total, 1_000_000_000)
    const message = 'would make the total 1000000001; at most 1000000000 are allowed'
    await refused(adjustStock('a', 1), { code: 'validation_failed', errors: [{ path: '/delta', message }] })
    await done(reserve('ann', { a: 1_000_000 }))
  },

  'refuses an unknown sku': async ({ refused }) => {
    await refused(adjustStock('none', 1), { code: 'product_not_found', sku: 'none' })
    await refused(updateProduct('none', {}), { code: 'product_not_found', sku: 'none' })
  },

  'is available, all_reserved or sold_out': async ({ done, stock, advance }) => {
    await done(createProduct('a', 2))
    const one = await done(reserve('ann', { a: 1 }, { ttlMs: 5_000 }))
    assert.equal((await stock('a')).status, 'available')
    const two = await done(reserve('ann', { a: 1 }, { ttlMs: 9_000 }))
    const full = await stock('a')
    assert.deepEqual([full.status, full.nextReleaseAt], ['all_reserved', one.expiresAt])
    await done(confirm(one.id))
    assert.deepEqual([(await stock('a')).status, (await stock('a')).nextReleaseAt], ['all_reserved', two.expiresAt])
    await done(confirm(two.id))
    assert.deepEqual([(await stock('a')).status, (await stock('a')).nextReleaseAt], ['sold_out', null])
    await done(adjustStock('a', 1))
    await done(reserve('ann', { a: 1 }, { ttlMs: 5_000 }))
    await advance(5_000)
    const due = await stock('a')
    assert.deepEqual([due.status, due.available, due.nextReleaseAt], ['available', 1, null])
  },

  'has one version for each command inside a batch (S4)': async ({ batch, events, stock }) => {
    const ann = reserve('ann', { a: 1 })
    await batch(createProduct('a', 9), ann, reserve('bob', { a: 99 }), adjustStock('a', 1), confirm(ann.id), reserve('cid', { a: 2 }))
    const versions = (await events()).flatMap((event) =>
      event.stock.map(({ version, total, reserved, sold }) => [version, total, reserved, sold]),
    )
    assert.deepEqual(versions, [
      [1, 9, 0, 0],
      [2, 9, 1, 0],
      [3, 10, 1, 0],
      [4, 10, 0, 1],
      [5, 10, 2, 1],
    ])
    assert.equal((await stock('a')).version, 5)
  },
})
