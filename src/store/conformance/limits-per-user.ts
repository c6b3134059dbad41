import assert from 'node:assert/strict'
import { buy, cancel, cancelOrder, confirm, createProduct, expire, group, reserve, updateProduct } from './kit.ts'

const exceeded = (limit: number, remaining: number) => ({ code: 'user_limit_exceeded', sku: 'a', limit, remaining }) as const

export const limitPerUserTests = group('the limit per user', {
  'counts what a user holds and has bought (U1)': async (context) => {
    const { done, refused } = context
    await done(createProduct('a', 99, { maxPerUser: 5 }))
    await buy(context, 'ann', { a: 2 })
    await done(reserve('ann', { a: 2 }))
    await refused(reserve('ann', { a: 2 }), { code: 'user_limit_exceeded', sku: 'a', limit: 5, remaining: 1 })
    await done(reserve('bob', { a: 5 }))
    await done(reserve('ann', { a: 1 }))
    await refused(reserve('ann', { a: 1 }), { code: 'user_limit_exceeded', sku: 'a', limit: 5, remaining: 0 })
  },

  'counts merged lines': async ({ done, refused }) => {
    await done(createProduct('a', 99, { maxPerUser: 3 }))
    const lines = [
      { sku: 'a', quantity: 2 },
      { sku: 'a', quantity: 2 },
    ]
    await refused(reserve('ann', lines), { code: 'user_limit_exceeded', sku: 'a', limit: 3, remaining: 3 })
  },

  'holds against 50 requests of one user at once (U1)': async ({ done, run, batch, stock }) => {
    await done(createProduct('a', 99, { maxPerUser: 5 }))
    const together = await Promise.all(Array.from({ length: 50 }, () => run(reserve('ann', { a: 1 }))))
    assert.equal(together.filter((outcome) => outcome.ok).length, 5)
    const inOneBatch = await batch(...Array.from({ length: 50 }, () => reserve('bob', { a: 2 })))
    assert.equal(inOneBatch.filter((outcome) => outcome.ok).length, 2)
    assert.equal((await stock('a')).reserved, 9)
  },

  'counts no cancelled reservation and no cancelled order': async (context) => {
    const { done, refused } = context
    await done(createProduct('a', 99, { maxPerUser: 2 }))
    const held = await done(reserve('ann', { a: 1 }))
    const bought = await buy(context, 'ann', { a: 1 })
    await refused(reserve('ann', { a: 1 }), exceeded(2, 0))
    await done(cancel(held.id))
    await refused(reserve('ann', { a: 2 }), exceeded(2, 1))
    await done(cancelOrder(bought.id))
    await done(reserve('ann', { a: 2 }))
  },

  'counts no reservation that is due, swept or not': async ({ done, refused, advance }) => {
    await done(createProduct('a', 99, { maxPerUser: 1 }))
    await done(reserve('ann', { a: 1 }, { ttlMs: 1_000 }))
    await advance(999)
    await refused(reserve('ann', { a: 1 }), exceeded(1, 0))
    await advance(1)
    const { id } = await done(reserve('ann', { a: 1 }, { ttlMs: 1_000 }))
    await refused(reserve('ann', { a: 1 }), exceeded(1, 0))
    await advance(1_000)
    await done(expire())
    await done(reserve('ann', { a: 1 }))
    await refused(confirm(id), { code: 'reservation_expired' })
  },

  'counts across commands of one batch, given back ones too': async (context) => {
    const { done, batch } = context
    await done(createProduct('a', 99, { maxPerUser: 2 }))
    const held = await done(reserve('ann', { a: 1 }))
    const bought = await buy(context, 'ann', { a: 1 })
    const outcomes = await batch(
      reserve('ann', { a: 1 }),
      cancel(held.id),
      reserve('ann', { a: 1 }),
      reserve('ann', { a: 1 }),
      cancelOrder(bought.id),
      reserve('ann', { a: 1 }),
      reserve('ann', { a: 1 }),
    )
    assert.deepEqual(
      outcomes.map((outcome) => outcome.ok),
      [false, true, true, false, true, true, false],
    )
  },

  'counts a confirmed reservation once, also within its batch': async ({ done, batch, refused }) => {
    await done(createProduct('a', 99, { maxPerUser: 2 }))
    const { id } = await done(reserve('ann', { a: 1 }))
    const [, second, third] = await batch(confirm(id), reserve('ann', { a: 1 }), reserve('ann', { a: 1 }))
    assert.deepEqual([second.ok, third.ok], [true, false])
    await refused(reserve('ann', { a: 1 }), exceeded(2, 0))
  },

  'set later counts what users hold and bought already': async (context) => {
    const { done, refused, advance } = context
    await done(createProduct('a', 99))
    await done(reserve('ann', { a: 5 }, { ttlMs: 1_000 }))
    await advance(1_000)
    const held = await done(reserve('ann', { a: 1 }))
    const given = await done(reserve('ann', { a: 3 }))
    await done(cancel(given.id))
    const bought = await buy(context, 'ann', { a: 1 })
    const undone = await buy(context, 'ann', { a: 3 })
    await done(cancelOrder(undone.id))
    await done(updateProduct('a', { maxPerUser: 2 }))
    await refused(reserve('ann', { a: 1 }), exceeded(2, 0))
    await done(cancel(held.id))
    await refused(reserve('ann', { a: 2 }), exceeded(2, 1))
    await done(cancelOrder(bought.id))
    await done(reserve('ann', { a: 2 }))
    await done(reserve('bob', { a: 2 }))
  },

  'set in the same batch counts what users hold already': async ({ done, batch, refused }) => {
    await done(createProduct('a', 99))
    await done(reserve('ann', { a: 2 }))
    const [early, , late, bob, bobAgain] = await batch(
      reserve('ann', { a: 1 }),
      updateProduct('a', { maxPerUser: 4 }),
      reserve('ann', { a: 2 }),
      reserve('bob', { a: 4 }),
      reserve('bob', { a: 1 }),
    )
    assert.deepEqual([early.ok, bob.ok, bobAgain.ok], [true, true, false])
    assert.deepEqual(late, { ok: false, refusal: exceeded(4, 1) })
    await done(reserve('ann', { a: 1 }))
    await refused(reserve('ann', { a: 1 }), exceeded(4, 0))
  },

  'holds from the first command after the product on, in the same batch': async ({ batch, refused }) => {
    const [, first, second] = await batch(createProduct('a', 99, { maxPerUser: 2 }), reserve('ann', { a: 2 }), reserve('ann', { a: 1 }))
    assert.ok(first.ok)
    assert.deepEqual(second, { ok: false, refusal: exceeded(2, 0) })
    await refused(reserve('ann', { a: 1 }), exceeded(2, 0))
  },

  'taken away and set again counts what came between': async ({ done, batch, refused }) => {
    await done(createProduct('a', 99, { maxPerUser: 2 }))
    await done(reserve('ann', { a: 2 }))
    await done(updateProduct('a', { maxPerUser: null }))
    await done(reserve('ann', { a: 7 }))
    await batch(updateProduct('a', { maxPerUser: 10 }), updateProduct('a', { maxPerUser: null }), reserve('ann', { a: 1 }))
    await batch(updateProduct('a', { maxPerUser: 5 }), updateProduct('a', { maxPerUser: null }), updateProduct('a', { maxPerUser: 11 }))
    await refused(reserve('ann', { a: 2 }), exceeded(11, 1))
    await done(updateProduct('a', { maxPerUser: 3 }))
    await refused(reserve('ann', { a: 1 }), exceeded(3, 0))
  },

  'is of one sku and one user': async ({ done, refused }) => {
    await done(createProduct('a', 99, { maxPerUser: 1 }))
    await done(createProduct('b', 99, { maxPerUser: 1 }))
    await done(reserve('ann', { a: 1 }))
    await done(reserve('ann', { b: 1 }))
    await done(reserve('Ann', { a: 1, b: 1 }))
    await refused(reserve('ann', { b: 1, a: 1 }), { code: 'user_limit_exceeded', sku: 'b', limit: 1, remaining: 0 })
  },
})
