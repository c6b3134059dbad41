import assert from 'node:assert/strict'
import { adjustStock, confirm, createProduct, expire, group, newId, reserve, updateProduct, valueOf } from './kit.ts'

const price = { amount: 1_999, currency: 'EUR' }

export const reserveTests = group('reserve', {
  'answers with the active reservation and its promised prices': async ({ done, store }) => {
    const product = await done(createProduct('shirt', 5, { price }))
    await done(createProduct('mug', 5))
    const id = newId()
    const made = await done(reserve('ann', { shirt: 2, mug: 1 }, { id, ttlMs: 10_000, metadata: { cart: '7' } }))
    assert.deepEqual(made, {
      id,
      userId: 'ann',
      status: 'active',
      items: [
        { sku: 'shirt', quantity: 2, unitPrice: price },
        { sku: 'mug', quantity: 1, unitPrice: null },
      ],
      metadata: { cart: '7' },
      createdAt: product.createdAt,
      expiresAt: product.createdAt + 10_000,
      expiresInMs: 10_000,
      endedAt: null,
      orderId: null,
    })
    assert.deepEqual(await store.reservation(id), made)
  },

  'says that it made the reservation': async ({ done, run }) => {
    await done(createProduct('a', 1))
    const outcome = await run(reserve('ann', { a: 1 }))
    assert.ok(outcome.ok && outcome.created && !outcome.replayed)
  },

  'never sells the last unit twice to 200 concurrent buyers (S1, S6)': async ({ done, run, stock }) => {
    await done(createProduct('a', 7))
    const buyers = Array.from({ length: 200 }, (_, index) => run(reserve(`user ${index}`, { a: 1 })))
    const outcomes = await Promise.all(buyers)
    assert.equal(outcomes.filter((outcome) => outcome.ok).length, 7)
    const refusals = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.refusal]))
    const short = { code: 'insufficient_stock', items: [{ sku: 'a', requested: 1, available: 0 }] }
    assert.deepEqual(
      refusals,
      Array.from({ length: 193 }, () => short),
    )
    assert.equal((await stock('a')).available, 0)
  },

  'never sells the last unit twice in one batch (S1, S6)': async ({ done, batch, stock }) => {
    await done(createProduct('a', 7))
    const outcomes = await batch(...Array.from({ length: 200 }, (_, index) => reserve(`user ${index}`, { a: 1 })))
    assert.deepEqual(
      outcomes.map((outcome) => outcome.ok),
      Array.from({ length: 200 }, (_, index) => index < 7),
    )
    assert.equal((await stock('a')).reserved, 7)
  },

  'decides in the order of the batch': async ({ done, batch }) => {
    await done(createProduct('a', 3))
    const [first, second, third] = await batch(reserve('ann', { a: 2 }), reserve('bob', { a: 2 }), reserve('cid', { a: 1 }))
    assert.ok(first.ok && third.ok)
    assert.deepEqual(second, { ok: false, refusal: { code: 'insufficient_stock', items: [{ sku: 'a', requested: 2, available: 1 }] } })
  },

  'takes all lines or none (S5)': async ({ done, refused, stock, events }) => {
    await done(createProduct('a', 5))
    await done(createProduct('b', 1))
    const before = await events()
    await refused(reserve('ann', { a: 3, b: 2 }), { code: 'insufficient_stock', items: [{ sku: 'b', requested: 2, available: 1 }] })
    assert.equal((await stock('a')).version, 1)
    assert.equal((await stock('b')).version, 1)
    assert.deepEqual(await events(), before)
  },

  'names every line that does not fit, in the order of the cart': async ({ done, refused }) => {
    for (const sku of ['a', 'b', 'c']) await done(createProduct(sku, 1))
    await refused(reserve('ann', { c: 2, a: 1, b: 9 }), {
      code: 'insufficient_stock',
      items: [
        { sku: 'c', requested: 2, available: 1 },
        { sku: 'b', requested: 9, available: 1 },
      ],
    })
  },

  'merges lines of the same sku before it checks anything': async ({ done, refused, stock }) => {
    await done(createProduct('a', 3))
    await done(createProduct('b', 3))
    const twice = (quantity: number) => [
      { sku: 'a', quantity },
      { sku: 'b', quantity: 1 },
      { sku: 'a', quantity },
    ]
    await refused(reserve('ann', twice(2)), { code: 'insufficient_stock', items: [{ sku: 'a', requested: 4, available: 3 }] })
    const { items } = await done(reserve('ann', twice(1)))
    assert.deepEqual(items, [
      { sku: 'a', quantity: 2, unitPrice: null },
      { sku: 'b', quantity: 1, unitPrice: null },
    ])
    assert.equal((await stock('a')).version, 2)
  },

  'allows a merged line of more than 1,000,000': async ({ done, stock }) => {
    await done(createProduct('a', 20_000_000))
    await done(
      reserve(
        'ann',
        Array.from({ length: 20 }, () => ({ sku: 'a', quantity: 1_000_000 })),
      ),
    )
    assert.equal((await stock('a')).reserved, 20_000_000)
  },

  'refuses an unknown sku, the first in the order of the cart': async ({ done, refused }) => {
    await done(createProduct('a', 0))
    await refused(reserve('ann', { a: 1, zebra: 1, bear: 1 }), { code: 'product_not_found', sku: 'zebra' })
  },

  'prefers an unknown sku over the sale window, that over the limit of the user, and that over missing stock': async ({
    done,
    refused,
  }) => {
    const { createdAt } = await done(createProduct('short', 0))
    await done(createProduct('limited', 0, { maxPerUser: 1 }))
    await done(createProduct('early', 0, { maxPerUser: 1, saleStartsAt: createdAt + 1 }))
    await done(createProduct('late', 0, { saleEndsAt: createdAt }))
    const cart = { short: 2, limited: 2, late: 2, early: 2 }
    await refused(reserve('ann', { ...cart, none: 1 }), { code: 'product_not_found', sku: 'none' })
    await refused(reserve('ann', cart), { code: 'sale_ended', sku: 'late', saleEndsAt: createdAt })
    await refused(reserve('ann', { short: 2, limited: 2, early: 2 }), {
      code: 'sale_not_started',
      sku: 'early',
      saleStartsAt: createdAt + 1,
    })
    await refused(reserve('ann', { short: 2, limited: 2 }), { code: 'user_limit_exceeded', sku: 'limited', limit: 1, remaining: 1 })
    await refused(reserve('ann', { short: 2 }), { code: 'insufficient_stock', items: [{ sku: 'short', requested: 2, available: 0 }] })
  },

  'sells from saleStartsAt on and until just before saleEndsAt, to the millisecond': async ({ done, refused, advance }) => {
    const { createdAt } = await done(createProduct('clock', 9))
    const [saleStartsAt, saleEndsAt] = [createdAt + 1_000, createdAt + 2_000]
    await done(createProduct('a', 9, { saleStartsAt, saleEndsAt }))
    await advance(999)
    await refused(reserve('ann', { a: 1 }), { code: 'sale_not_started', sku: 'a', saleStartsAt })
    await advance(1)
    const { id } = await done(reserve('ann', { a: 1 }))
    await advance(999)
    await done(reserve('ann', { a: 1 }))
    await advance(1)
    await refused(reserve('ann', { a: 1 }), { code: 'sale_ended', sku: 'a', saleEndsAt })
    // The window concerns reserving only.
    await done(confirm(id))
  },

  'takes the ttl that is asked for, else the smallest of its products, else 600 seconds': async ({ done }) => {
    await done(createProduct('slow', 9, { reservationTtlSeconds: 60 }))
    await done(createProduct('quick', 9, { reservationTtlSeconds: 30 }))
    await done(createProduct('plain', 9))
    assert.equal((await done(reserve('ann', { slow: 1, quick: 1, plain: 1 }, { ttlMs: 90_000 }))).expiresInMs, 90_000)
    assert.equal((await done(reserve('ann', { slow: 1, quick: 1, plain: 1 }))).expiresInMs, 30_000)
    assert.equal((await done(reserve('ann', { slow: 1, plain: 1 }))).expiresInMs, 60_000)
    assert.equal((await done(reserve('ann', { plain: 1 }))).expiresInMs, 600_000)
  },

  'keeps the price of the moment, whatever the product costs later': async ({ done, store }) => {
    await done(createProduct('a', 9, { price }))
    const { id } = await done(reserve('ann', { a: 2 }))
    await done(updateProduct('a', { price: { amount: 5, currency: 'USD' } }))
    const order = await done(confirm(id))
    assert.deepEqual(order.items, [{ sku: 'a', quantity: 2, unitPrice: price }])
    assert.deepEqual(order.total, { amount: 3_998, currency: 'EUR' })
    assert.deepEqual((await store.order(order.id))?.total, { amount: 3_998, currency: 'EUR' })
  },

  'treats skus that are names of JavaScript as data': async ({ done, refused, store, stock }) => {
    const skus = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
    await refused(reserve('ann', [{ sku: '__proto__', quantity: 1 }]), { code: 'product_not_found', sku: '__proto__' })
    await refused(reserve('ann', [{ sku: 'constructor', quantity: 1 }]), { code: 'product_not_found', sku: 'constructor' })
    for (const sku of skus) await done(createProduct(sku, 3, { maxPerUser: 2 }))
    const cart = skus.map((sku) => ({ sku, quantity: 1 }))
    const { id, items } = await done(reserve('__proto__', cart))
    assert.deepEqual(
      items,
      skus.map((sku) => ({ sku, quantity: 1, unitPrice: null })),
    )
    await done(confirm(id))
    await done(reserve('__proto__', cart))
    await refused(reserve('__proto__', cart), { code: 'user_limit_exceeded', sku: '__proto__', limit: 2, remaining: 0 })
    for (const sku of skus) {
      const { reserved, sold, available } = await stock(sku)
      assert.deepEqual({ reserved, sold, available }, { reserved: 1, sold: 1, available: 1 })
    }
    assert.equal(
      (await store.reservations({ userId: '__proto__', sku: 'constructor', status: null }, { limit: 9, cursor: null })).data.length,
      2,
    )
  },

  'keeps metadata as it is, with every kind of key and text': async ({ done, store, events }) => {
    await done(createProduct('a', 1))
    const metadata = JSON.parse('{"__proto__":"x","constructor":"y","":"empty","10":"b","2":"a","é😀\\n\\"":"é😀\\n\\""}') as Record<
      string,
      string
    >
    const made = await done(reserve('ann', { a: 1 }, { metadata }))
    const text = JSON.stringify(metadata)
    assert.equal(JSON.stringify(made.metadata), text)
    assert.equal(JSON.stringify((await store.reservation(made.id))?.metadata), text)
    const order = await done(confirm(made.id))
    assert.equal(JSON.stringify(order.metadata), text)
    assert.equal(JSON.stringify((await events()).at(-1)?.data), JSON.stringify(order))
  },

  'sells the last unit of a sku in a batch that also puts it on sale': async ({ batch, stock }) => {
    const [, refusedFirst, , sold] = await batch(
      createProduct('a', 1),
      reserve('ann', { a: 2 }),
      adjustStock('a', 1),
      reserve('ann', { a: 2 }),
      expire(),
    )
    assert.equal(refusedFirst.ok, false)
    assert.equal(valueOf(sold).status, 'active')
    assert.equal((await stock('a')).status, 'all_reserved')
  },
})
