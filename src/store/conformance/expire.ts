import assert from 'node:assert/strict'
import { adjustStock, cancel, confirm, createProduct, expire, extend, group, reserve, updateProduct } from './kit.ts'

export const expireTests = group('expiry', {
  'reads a due reservation as expired before anything has swept it (H6)': async ({ done, store, advance }) => {
    await done(createProduct('a', 5))
    const made = await done(reserve('ann', { a: 1 }, { ttlMs: 10_000 }))
    await advance(9_999)
    assert.deepEqual(await store.reservation(made.id), { ...made, expiresInMs: 1 })
    await advance(1)
    const expired = { ...made, status: 'expired', expiresInMs: 0, endedAt: made.expiresAt }
    assert.deepEqual(await store.reservation(made.id), expired)
    await advance(5_000)
    await done(expire())
    assert.deepEqual(await store.reservation(made.id), expired)
  },

  'counts due units as free, whether or not the books say so': async ({ done, advance, stock }) => {
    await done(createProduct('a', 5))
    await done(reserve('ann', { a: 2 }, { ttlMs: 1_000 }))
    const { createdAt } = await done(reserve('bob', { a: 3 }, { ttlMs: 2_000 }))
    await advance(1_000)
    const due = await stock('a')
    assert.deepEqual(due, {
      sku: 'a',
      total: 5,
      reserved: 3,
      sold: 0,
      available: 2,
      version: 3,
      status: 'available',
      nextReleaseAt: createdAt + 2_000,
    })
    await done(expire())
    assert.deepEqual(await stock('a'), { ...due, version: 4 })
  },

  'tells the stock right in the very batch that gives units back': async ({ done, store, advance }) => {
    await done(createProduct('a', 5))
    await done(reserve('ann', { a: 2 }, { ttlMs: 1_000 }))
    const { createdAt } = await done(reserve('bob', { a: 1 }, { ttlMs: 2_000 }))
    await advance(1_000)
    const outcomes = await store.execute([expire(), updateProduct('a', { name: 'Other' }), adjustStock('a', 1)])
    const seen = outcomes.map((outcome) => outcome.ok && ('stock' in outcome.value ? outcome.value.stock : outcome.value))
    const stock = {
      sku: 'a',
      total: 5,
      reserved: 1,
      sold: 0,
      available: 4,
      version: 4,
      status: 'available',
      nextReleaseAt: createdAt + 2_000,
    }
    assert.deepEqual(seen, [{ expired: 1 }, stock, { ...stock, total: 6, available: 5, version: 5 }])
  },

  'sells due units with no lag beside a product that the same batch creates (H6)': async ({ done, advance, store }) => {
    await done(createProduct('a', 3))
    for (const user of ['ann', 'cid', 'dan']) await done(reserve(user, { a: 1 }, { ttlMs: 1_000 }))
    await advance(1_000)
    const outcomes = await store.execute([createProduct('b', 1), reserve('bob', { a: 3, b: 1 })])
    assert.deepEqual(
      outcomes.map(({ ok }) => ok),
      [true, true],
    )
  },

  'sells due units with no lag (H6)': async ({ done, refused, advance, store }) => {
    await done(createProduct('a', 2))
    const { id } = await done(reserve('ann', { a: 2 }, { ttlMs: 1_000 }))
    await advance(999)
    await refused(reserve('bob', { a: 1 }), { code: 'insufficient_stock', items: [{ sku: 'a', requested: 1, available: 0 }] })
    await advance(1)
    await done(reserve('bob', { a: 2 }))
    assert.equal((await store.reservation(id))?.status, 'expired')
  },

  'tells what is free, due units included, to a cart that can never be had (H6)': async ({ done, refused, advance, stock }) => {
    for (const sku of ['a', 'b']) await done(createProduct(sku, 5))
    await done(reserve('ann', { a: 3, b: 4 }, { ttlMs: 1_000 }))
    await advance(1_000)
    await refused(reserve('bob', { a: 4, b: 6 }), { code: 'insufficient_stock', items: [{ sku: 'b', requested: 6, available: 5 }] })
    assert.equal((await stock('a')).version, 2, 'nothing was given back for it')
    await done(reserve('bob', { a: 4, b: 5 }))
  },

  'sells due units after an adjustment in the same batch': async ({ done, batch, advance }) => {
    await done(createProduct('a', 5))
    await done(reserve('ann', { a: 5 }, { ttlMs: 1_000 }))
    await advance(1_000)
    const together = await batch(adjustStock('a', 2), reserve('bob', { a: 7 }))
    assert.ok(together.every((outcome) => outcome.ok))
  },

  'frees the units of other skus that a due reservation holds (H6, S5)': async ({ done, advance, stock }) => {
    for (const sku of ['a', 'b', 'c']) await done(createProduct(sku, 1))
    await done(reserve('ann', { a: 1, b: 1, c: 1 }, { ttlMs: 1_000 }))
    await advance(1_000)
    await done(reserve('bob', { a: 1 }))
    for (const sku of ['b', 'c']) assert.equal((await stock(sku)).version, 3)
    await done(reserve('cid', { b: 1, c: 1 }))
  },

  'finds due units of one sku behind those of another (H6)': async ({ done, advance }) => {
    await done(createProduct('a', 2))
    await done(createProduct('b', 2))
    await done(reserve('ann', { a: 1, b: 1 }, { ttlMs: 1_000 }))
    await done(reserve('bob', { b: 1 }, { ttlMs: 1_000 }))
    await done(reserve('cid', { a: 1 }, { ttlMs: 1_000 }))
    await advance(1_000)
    await done(reserve('dan', { a: 2, b: 2 }))
  },

  'gives every buyer of a batch the due units it needs (H6)': async ({ done, batch, advance, stock }) => {
    await done(createProduct('a', 50))
    await batch(...Array.from({ length: 50 }, (_, index) => reserve(`user ${index}`, { a: 1 }, { ttlMs: 1_000 + index })))
    await advance(1_019)
    const outcomes = await batch(...Array.from({ length: 30 }, () => reserve('ann', { a: 1 })))
    assert.deepEqual(
      outcomes.map((outcome) => outcome.ok),
      Array.from({ length: 30 }, (_, index) => index < 20),
    )
    assert.equal((await stock('a')).reserved, 50)
  },

  'lets due units go with a smaller total (H6, S8)': async ({ done, advance }) => {
    await done(createProduct('a', 5))
    await done(reserve('ann', { a: 5 }, { ttlMs: 1_000 }))
    await advance(1_000)
    assert.equal((await done(adjustStock('a', -5))).total, 0)
  },

  'expires at most so many, the longest due first': async ({ done, advance, store }) => {
    await done(createProduct('a', 9))
    const late = await done(reserve('ann', { a: 1 }, { ttlMs: 3_000 }))
    const early = await done(reserve('ann', { a: 1 }, { ttlMs: 1_000 }))
    const middle = await done(reserve('ann', { a: 1 }, { ttlMs: 2_000 }))
    await done(reserve('ann', { a: 1 }, { ttlMs: 60_000 }))
    await advance(5_000)
    assert.deepEqual(await done(expire(2)), { expired: 2 })
    const expired = async (): Promise<readonly string[]> => {
      const page = await store.events({ limit: 200, cursor: null })
      return page.data.filter(({ type }) => type === 'reservation.expired').map(({ subject }) => subject)
    }
    assert.deepEqual(await expired(), [early.id, middle.id])
    assert.deepEqual(await done(expire(2)), { expired: 1 })
    assert.deepEqual(await done(expire(2)), { expired: 0 })
    assert.deepEqual(await expired(), [early.id, middle.id, late.id])
  },

  'writes one event and one version for each, at the time of writing (E1, S4)': async ({ done, advance, events }) => {
    await done(createProduct('a', 9))
    const made = await done(reserve('ann', { a: 4 }, { ttlMs: 1_000 }))
    await advance(2_500)
    await done(expire())
    await done(expire())
    const [event, ...more] = (await events()).slice(2)
    assert.deepEqual(more, [])
    assert.equal(event?.type, 'reservation.expired')
    assert.equal(event.time, made.createdAt + 2_500)
    assert.deepEqual(event.data, { ...made, status: 'expired', expiresInMs: 0, endedAt: made.expiresAt })
    assert.deepEqual(event.stock, [{ sku: 'a', version: 3, total: 9, reserved: 0, sold: 0 }])
  },

  'is final, and no other end follows (H1, H2)': async ({ done, refused, advance }) => {
    await done(createProduct('a', 9))
    const { id } = await done(reserve('ann', { a: 1 }, { ttlMs: 1_000 }))
    await advance(1_000)
    await done(expire())
    for (const command of [confirm(id), cancel(id), extend(id, 1_000)]) await refused(command, { code: 'reservation_expired' })
  },

  'leaves confirmed and cancelled reservations alone (H1, H3)': async ({ done, advance, stock }) => {
    await done(createProduct('a', 9))
    const [one, two] = [reserve('ann', { a: 1 }, { ttlMs: 1_000 }), reserve('ann', { a: 1 }, { ttlMs: 1_000 })]
    await done(one)
    await done(two)
    await done(confirm(one.id))
    await done(cancel(two.id))
    await advance(9_000)
    assert.deepEqual(await done(expire()), { expired: 0 })
    const { reserved, sold } = await stock('a')
    assert.deepEqual({ reserved, sold }, { reserved: 0, sold: 1 })
  },

  'knows in how many milliseconds the next is due': async ({ done, advance, store }) => {
    assert.equal(await store.nextDueInMs(), null)
    await done(createProduct('a', 9))
    assert.equal(await store.nextDueInMs(), null)
    await done(reserve('ann', { a: 1 }, { ttlMs: 9_000 }))
    const { id } = await done(reserve('ann', { a: 1 }, { ttlMs: 3_000 }))
    assert.equal(await store.nextDueInMs(), 3_000)
    await advance(2_999)
    assert.equal(await store.nextDueInMs(), 1)
    await advance(1_000)
    assert.equal(await store.nextDueInMs(), 0)
    await done(expire())
    assert.equal((await store.reservation(id))?.status, 'expired')
    assert.equal(await store.nextDueInMs(), 5_001)
  },
})
