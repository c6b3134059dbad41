import assert from 'node:assert/strict'
import { cancel, confirm, createProduct, expire, extend, group, newId, reserve } from './kit.ts'

export const cancelTests = group('cancel', {
  'answers with the cancelled reservation and gives the units back (H3)': async ({ done, store, advance, stock }) => {
    await done(createProduct('a', 5))
    await done(createProduct('b', 5))
    const made = await done(reserve('ann', { a: 2, b: 1 }, { ttlMs: 10_000 }))
    await advance(4_000)
    const cancelled = await done(cancel(made.id, { userId: 'ann' }))
    assert.deepEqual(cancelled, { ...made, status: 'cancelled', expiresInMs: 0, endedAt: made.createdAt + 4_000 })
    assert.deepEqual(await store.reservation(made.id), cancelled)
    assert.equal((await stock('a')).available, 5)
    assert.equal((await stock('b')).available, 5)
  },

  'repeated gives the same answer and the units back once (H3)': async ({ done, run, batch, advance, stock }) => {
    await done(createProduct('a', 5))
    const { id } = await done(reserve('ann', { a: 2 }))
    const first = await run(cancel(id))
    await advance(1_000)
    assert.deepEqual(await run(cancel(id)), first)
    assert.deepEqual(await batch(cancel(id), cancel(id)), [first, first])
    const { available, version } = await stock('a')
    assert.deepEqual({ available, version }, { available: 5, version: 3 })
  },

  'refuses an unknown id before anything else, then another user (H8)': async ({ done, refused, store }) => {
    await done(createProduct('a', 5))
    const { id } = await done(reserve('ann', { a: 1 }))
    await refused(cancel(newId(), { userId: 'eve' }), { code: 'reservation_not_found' })
    await refused(cancel(id, { userId: 'eve' }), { code: 'not_owner' })
    assert.equal((await store.reservation(id))?.status, 'active')
  },

  'refuses a confirmed reservation (H1, H2)': async ({ done, refused, stock }) => {
    await done(createProduct('a', 5))
    const { id } = await done(reserve('ann', { a: 1 }))
    await done(confirm(id))
    await refused(cancel(id), { code: 'reservation_confirmed' })
    assert.equal((await stock('a')).sold, 1)
  },

  'refuses an expired reservation, swept or not (H1, H2)': async ({ done, refused, advance }) => {
    await done(createProduct('a', 5))
    const { id } = await done(reserve('ann', { a: 1 }, { ttlMs: 1_000 }))
    await advance(1_000)
    await refused(cancel(id), { code: 'reservation_expired' })
    await done(expire())
    await refused(cancel(id), { code: 'reservation_expired' })
  },

  'works until the last millisecond (H4)': async ({ done, advance }) => {
    await done(createProduct('a', 5))
    const { id } = await done(reserve('ann', { a: 1 }, { ttlMs: 1_000 }))
    await advance(999)
    assert.equal((await done(cancel(id))).status, 'cancelled')
  },

  'ends a reservation once, whatever else is asked at the same moment (H1)': async ({ done, run, events }) => {
    await done(createProduct('a', 10))
    for (let round = 0; round < 10; round++) {
      const { id } = await done(reserve('ann', { a: 1 }))
      await Promise.all([run(cancel(id)), run(confirm(id)), run(cancel(id)), run(extend(id, 1_000)), run(confirm(id))])
      const ends = (await events()).filter(({ subject, type }) => subject === id && /confirmed|cancelled|expired/.test(type))
      assert.equal(ends.length, 1)
    }
  },

  'frees units for the next in the batch': async ({ done, batch }) => {
    await done(createProduct('a', 1))
    const { id } = await done(reserve('ann', { a: 1 }))
    const [early, , late] = await batch(reserve('bob', { a: 1 }), cancel(id), reserve('cid', { a: 1 }))
    assert.deepEqual([early.ok, late.ok], [false, true])
  },
})
