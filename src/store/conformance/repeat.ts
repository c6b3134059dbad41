import assert from 'node:assert/strict'
import { engineScope } from '../../domain/facts.ts'
import { adjustStock, cancel, cancelOrder, confirm, createProduct, extend, group, key, newId, reserve, updateProduct } from './kit.ts'

export const repeatTests = group('a batch of unknown outcome, repeated', {
  'finds what the first attempt did and answers as it did (O4, I5)': async ({ done, store, stock, events }) => {
    await done(createProduct('a', 9, { maxPerUser: 3 }))
    await done(createProduct('b', 1))
    const held = [reserve('bob', { a: 1 }), reserve('bob', { a: 1 }), reserve('bob', { a: 1 })] as const
    for (const command of held) await done(command)
    const order = await done(confirm(held[2].id))
    const attempt = [
      reserve('ann', { a: 2, b: 1 }, { ttlMs: 5_000 }),
      confirm(held[0].id, { metadata: { k: 'v' } }),
      cancel(held[1].id),
      cancelOrder(order.id),
      adjustStock('a', 5, { idempotency: key('own key of the adjustment', { scope: engineScope }) }),
      createProduct('c', 4, { idempotency: key('own key of the product', { scope: engineScope }) }),
      updateProduct('b', { name: 'New' }),
    ]
    const first = await store.execute(attempt)
    const before = await events()
    const again = await store.execute(attempt, { repeat: true })
    assert.equal(JSON.stringify(again), JSON.stringify(first))
    assert.deepEqual(await events(), before)
    assert.deepEqual([(await stock('a')).total, (await stock('a')).reserved, (await stock('a')).sold], [14, 2, 1])
  },

  'acts when the first attempt did nothing': async ({ done, store, stock }) => {
    await done(createProduct('a', 9))
    const attempt = [reserve('ann', { a: 2 }), adjustStock('a', 1, { idempotency: key('own', { scope: engineScope }) })]
    const outcomes = await store.execute(attempt, { repeat: true })
    assert.ok(outcomes.every((outcome) => outcome.ok))
    assert.deepEqual([(await stock('a')).total, (await stock('a')).reserved], [10, 2])
  },

  'answers a reservation as made, whatever became of it since (O4)': async ({ done, store, advance, stock }) => {
    await done(createProduct('a', 9))
    const commands = ['confirmed', 'cancelled', 'due', 'active'].map((user) => reserve(user, { a: 1 }, { ttlMs: 5_000 }))
    const first = await store.execute(commands)
    await advance(1_000)
    await done(confirm(commands[0]!.id))
    await done(cancel(commands[1]!.id))
    assert.equal(JSON.stringify(await store.execute(commands, { repeat: true })), JSON.stringify(first))
    await advance(4_000)
    assert.equal(JSON.stringify(await store.execute(commands, { repeat: true })), JSON.stringify(first))
    assert.deepEqual([(await stock('a')).reserved, (await stock('a')).sold], [0, 1])
  },

  'finds by its key what was answered under it (I2)': async ({ done, store, events }) => {
    await done(createProduct('a', 9))
    const attempt = [reserve('ann', { a: 1 }, { id: newId(), idempotency: key('k') })]
    const [first] = await store.execute(attempt)
    assert.ok(first?.ok)
    await done(extend(attempt[0]!.id, 900_000))
    await events()
    assert.equal(JSON.stringify(await store.execute(attempt, { repeat: true })), JSON.stringify([{ ...first, replayed: true }]))
  },

  'does not refuse its own reservation for the limit per user or for lack of stock': async ({ done, store }) => {
    await done(createProduct('a', 1, { maxPerUser: 1 }))
    const attempt = [reserve('ann', { a: 1 })]
    const first = await store.execute(attempt)
    assert.deepEqual(await store.execute(attempt, { repeat: true }), first)
    await done(updateProduct('a', { saleEndsAt: 1 }))
    assert.deepEqual(await store.execute(attempt, { repeat: true }), first)
  },

  'says of its own order that it made it, and of another that it did not': async ({ done, store }) => {
    await done(createProduct('a', 9))
    const { id } = await done(reserve('ann', { a: 1 }))
    const attempt = [confirm(id), confirm(id)]
    const first = await store.execute(attempt)
    const again = await store.execute(attempt, { repeat: true })
    assert.deepEqual(
      first.map((outcome) => outcome.ok && outcome.created),
      [true, false],
    )
    assert.deepEqual(again, first)
  },

  'never gives less time than the first attempt did (H7)': async ({ done, store, advance }) => {
    await done(createProduct('a', 9))
    const { id, expiresAt } = await done(reserve('ann', { a: 1 }, { ttlMs: 5_000 }))
    const attempt = [extend(id, 6_000)]
    await store.execute(attempt)
    await advance(100)
    await store.execute(attempt, { repeat: true })
    assert.ok(((await store.reservation(id))?.expiresAt ?? 0) >= expiresAt + 1_000)
  },
})

export const batchTests = group('a batch', {
  'answers each command in its place, and refused ones leave no trace': async ({ done, store, events, stock }) => {
    await done(createProduct('a', 2))
    const first = newId()
    const outcomes = await store.execute([
      reserve('ann', { a: 1, none: 1 }),
      reserve('ann', { a: 3 }),
      createProduct('a', 1),
      adjustStock('a', -3),
      cancel(newId()),
      reserve('ann', { a: 1 }, { id: first, idempotency: key('k') }),
      reserve('ann', { a: 2 }, { idempotency: key('other') }),
      confirm(first, { userId: 'eve' }),
      cancelOrder(newId()),
      extend(first, 999_000),
      updateProduct('a', { saleStartsAt: 2, saleEndsAt: 1 }),
      confirm(first),
    ])
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.refusal.code)),
      [
        'product_not_found',
        'insufficient_stock',
        'product_exists',
        'stock_below_committed',
        'reservation_not_found',
        'ok',
        'insufficient_stock',
        'not_owner',
        'order_not_found',
        'ok',
        'validation_failed',
        'ok',
      ],
    )
    const types = (await events()).map((event) => event.type)
    assert.deepEqual(types, ['product.created', 'reservation.created', 'reservation.extended', 'reservation.confirmed', 'order.created'])
    assert.equal((await store.reservations({ userId: null, sku: null, status: null }, { limit: 9, cursor: null })).data.length, 1)
    assert.deepEqual([(await stock('a')).reserved, (await stock('a')).sold, (await stock('a')).version], [0, 1, 3])
    // The key of a refused command is free.
    await done(reserve('ann', { a: 1 }, { idempotency: key('other', { fingerprint: 'another request' }) }))
  },

  'may be empty': async ({ store, events }) => {
    assert.deepEqual(await store.execute([]), [])
    assert.deepEqual(await events(), [])
  },

  'may be as large as the store says': async ({ done, store, stock }) => {
    await done(createProduct('a', 1_000_000_000))
    const commands = Array.from({ length: store.batchSizeMax }, (_, index) => reserve(`user ${index}`, { a: 1 }))
    const outcomes = await store.execute(commands)
    assert.ok(outcomes.every((outcome) => outcome.ok))
    assert.equal((await stock('a')).version, store.batchSizeMax + 1)
  },
})
