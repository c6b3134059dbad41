import assert from 'node:assert/strict'
import { cancel, confirm, createProduct, extend, group, newId, reserve } from './kit.ts'

export const extendTests = group('extend', {
  'gives more time from now on': async ({ done, store, advance, stock }) => {
    await done(createProduct('a', 5))
    const made = await done(reserve('ann', { a: 1 }, { ttlMs: 10_000 }))
    await advance(4_000)
    const extended = await done(extend(made.id, 8_000, { userId: 'ann' }))
    assert.deepEqual(extended, { ...made, expiresAt: made.createdAt + 12_000, expiresInMs: 8_000 })
    assert.deepEqual(await store.reservation(made.id), extended)
    const { version, nextReleaseAt } = await stock('a')
    assert.deepEqual({ version, nextReleaseAt }, { version: 2, nextReleaseAt: made.createdAt + 12_000 })
  },

  'never moves expiresAt back (H7)': async ({ done, advance, events }) => {
    await done(createProduct('a', 5))
    const made = await done(reserve('ann', { a: 1 }, { ttlMs: 10_000 }))
    await advance(1_000)
    assert.deepEqual(await done(extend(made.id, 1_000)), { ...made, expiresInMs: 9_000 })
    assert.deepEqual(await done(extend(made.id, 9_000)), { ...made, expiresInMs: 9_000 })
    const types = (await events()).map((event) => event.type)
    assert.ok(!types.includes('reservation.extended'), 'no event without a transition')
    assert.equal((await done(extend(made.id, 9_001))).expiresAt, made.expiresAt + 1)
  },

  'keeps a reservation alive past its first end, and expires it at the new one (H4)': async ({ done, refused, advance }) => {
    await done(createProduct('a', 1))
    const { id } = await done(reserve('ann', { a: 1 }, { ttlMs: 1_000 }))
    await advance(999)
    await done(extend(id, 1_000))
    await advance(1)
    await refused(reserve('bob', { a: 1 }), { code: 'insufficient_stock', items: [{ sku: 'a', requested: 1, available: 0 }] })
    await advance(998)
    await done(extend(id, 1))
    await advance(1)
    await refused(confirm(id), { code: 'reservation_expired' })
    await done(reserve('bob', { a: 1 }))
  },

  'refuses an unknown id before anything else, then another user (H8)': async ({ done, refused }) => {
    await done(createProduct('a', 5))
    const { id } = await done(reserve('ann', { a: 1 }))
    await refused(extend(newId(), 1_000, { userId: 'eve' }), { code: 'reservation_not_found' })
    await refused(extend(id, 1_000, { userId: 'eve' }), { code: 'not_owner' })
  },

  'refuses what has ended, however it ended (H2)': async ({ done, refused, advance }) => {
    await done(createProduct('a', 5))
    const [one, two, three] = [reserve('ann', { a: 1 }), reserve('ann', { a: 1 }), reserve('ann', { a: 1 }, { ttlMs: 1_000 })]
    for (const command of [one, two, three]) await done(command)
    await done(confirm(one.id))
    await done(cancel(two.id))
    await advance(1_000)
    await refused(extend(one.id, 9_000), { code: 'reservation_confirmed' })
    await refused(extend(two.id, 9_000), { code: 'reservation_cancelled' })
    await refused(extend(three.id, 9_000), { code: 'reservation_expired' })
  },
})
