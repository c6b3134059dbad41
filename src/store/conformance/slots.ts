import assert from 'node:assert/strict'
import type { Reservation } from '../../domain/reservation.ts'
import { cancel, cancelOrder, confirm, createProduct, expire, extend, group, key, newId, reserve, type Context } from './kit.ts'

const full = (limit: number) => ({ code: 'reservation_limit_exceeded', limit }) as const
const one = (name = 'one') => ({ slots: [{ name, max: 1 }] })

async function occupants({ store }: Context, slot: string): Promise<readonly Reservation[]> {
  return (await store.reservations({ userId: null, sku: null, status: null, slot }, { limit: 200, cursor: null })).data
}

async function idsIn(context: Context, slot: string): Promise<readonly string[]> {
  return (await occupants(context, slot)).map(({ id }) => id)
}

export const slotTests = group('slots', {
  'take so many reservations and no more, whoever makes them and whatever of': async (context) => {
    const { done, refused } = context
    await done(createProduct('a', 99))
    await done(createProduct('b', 99))
    const two = { slots: [{ name: 'two', max: 2 }] }
    const first = await done(reserve('ann', { a: 1 }, two))
    const second = await done(reserve('bob', { b: 1 }, two))
    await refused(reserve('ann', { b: 1 }, two), full(2))
    // Who allows fewer finds it full, and who allows more does not.
    await refused(reserve('ann', { b: 1 }, one('two')), full(1))
    const third = await done(reserve('ann', { b: 1 }, { slots: [{ name: 'two', max: 3 }] }))
    await done(reserve('ann', { b: 1 }))
    await done(reserve('ann', { b: 1 }, one('another')))
    assert.deepEqual(await occupants(context, 'two'), [third, second, first])
  },

  'come after the limit per user and before the stock among refusals, and keep no trace of a refused reservation (S1)': async (context) => {
    const { done, refused, stock } = context
    await done(createProduct('limited', 0, { maxPerUser: 1 }))
    await done(createProduct('a', 1))
    await done(reserve('ann', { a: 1 }, one()))
    const both = { slots: [...one('free').slots, ...one().slots] }
    await refused(reserve('ann', { a: 1, limited: 2 }, both), { code: 'user_limit_exceeded', sku: 'limited', limit: 1, remaining: 1 })
    await refused(reserve('ann', { a: 1, limited: 1 }, both), full(1))
    await refused(reserve('ann', { a: 1 }, one('free')), { code: 'insufficient_stock', items: [{ sku: 'a', requested: 1, available: 0 }] })
    assert.deepEqual(await idsIn(context, 'free'), [])
    assert.equal((await stock('a')).reserved, 1)
  },

  'are free after each end': async (context) => {
    const { done, refused, advance } = context
    await done(createProduct('a', 99))
    const cancelled = await done(reserve('ann', { a: 1 }, one()))
    await refused(reserve('ann', { a: 1 }, one()), full(1))
    await done(cancel(cancelled.id))
    const confirmed = await done(reserve('ann', { a: 1 }, one()))
    await refused(reserve('ann', { a: 1 }, one()), full(1))
    const order = await done(confirm(confirmed.id))
    const expired = await done(reserve('ann', { a: 1 }, { ...one(), ttlMs: 1_000 }))
    await done(cancelOrder(order.id))
    await refused(reserve('ann', { a: 1 }, one()), full(1))
    await advance(1_000)
    await done(expire())
    assert.deepEqual(await idsIn(context, 'one'), [])
    const last = await done(reserve('ann', { a: 1 }, one()))
    await refused(cancel(expired.id), { code: 'reservation_expired' })
    assert.deepEqual(await idsIn(context, 'one'), [last.id])
  },

  'are free at once when a reservation is due, swept or not (H6)': async (context) => {
    const { done, refused, advance } = context
    await done(createProduct('a', 99))
    await done(createProduct('b', 99))
    const due = await done(reserve('ann', { a: 1 }, { ...one(), ttlMs: 1_000 }))
    await advance(999)
    await refused(reserve('ann', { b: 1 }, one()), full(1))
    assert.deepEqual(await idsIn(context, 'one'), [due.id])
    await advance(1)
    assert.deepEqual(await idsIn(context, 'one'), [])
    const next = await done(reserve('ann', { b: 1 }, one()))
    await done(expire())
    await refused(confirm(due.id), { code: 'reservation_expired' })
    await refused(reserve('ann', { b: 1 }, one()), full(1))
    assert.deepEqual(await idsIn(context, 'one'), [next.id])
  },

  'are kept for longer by an extended reservation': async (context) => {
    const { done, refused, advance } = context
    await done(createProduct('a', 99))
    const { id } = await done(reserve('ann', { a: 1 }, { ...one(), ttlMs: 1_000 }))
    await advance(500)
    await done(extend(id, 1_000))
    await advance(999)
    await refused(reserve('ann', { a: 1 }, one()), full(1))
    assert.deepEqual(await idsIn(context, 'one'), [id])
    await advance(1)
    await done(reserve('ann', { a: 1 }, one()))
    await refused(extend(id, 1_000), { code: 'reservation_expired' })
  },

  'hold against 50 requests at once, and within one batch': async (context) => {
    const { done, run, batch, stock } = context
    await done(createProduct('a', 99))
    const three = { slots: [{ name: 'three', max: 3 }] }
    const together = await Promise.all(Array.from({ length: 50 }, () => run(reserve('ann', { a: 1 }, three))))
    assert.equal(together.filter((outcome) => outcome.ok).length, 3)
    const inOneBatch = await batch(...Array.from({ length: 50 }, (_, index) => reserve(`u${index % 25}`, { a: 1 }, one(`u${index % 25}`))))
    assert.equal(inOneBatch.filter((outcome) => outcome.ok).length, 25)
    assert.equal((await stock('a')).reserved, 28)
  },

  'are told of the commands before in the same batch': async (context) => {
    const { done, batch } = context
    await done(createProduct('a', 99))
    const held = await done(reserve('ann', { a: 1 }, one()))
    const [next, last, longer] = [reserve('ann', { a: 1 }, one()), reserve('ann', { a: 1 }, one()), newId()]
    const outcomes = await batch(
      reserve('ann', { a: 1 }, one()),
      cancel(held.id),
      next,
      reserve('ann', { a: 1 }, one()),
      confirm(next.id),
      last,
      reserve('ann', { a: 1 }, one()),
      reserve('ann', { a: 1 }, { id: longer, ...one('other'), ttlMs: 1_000 }),
      extend(longer, 5_000),
      reserve('ann', { a: 1 }, one('other')),
      cancel(longer),
    )
    assert.deepEqual(
      outcomes.map((outcome) => outcome.ok),
      [false, true, true, false, true, true, false, true, true, false, true],
    )
    assert.deepEqual([await idsIn(context, 'one'), await idsIn(context, 'other')], [[last.id], []])
  },

  'may be several of one reservation, all or none of them': async (context) => {
    const { done, refused } = context
    await done(createProduct('a', 99))
    const both = { slots: [...one('x').slots, { name: 'y', max: 2 }] }
    const { id } = await done(reserve('ann', { a: 1 }, both))
    await refused(reserve('ann', { a: 1 }, one('x')), full(1))
    const other = await done(reserve('ann', { a: 1 }, { slots: [{ name: 'y', max: 2 }] }))
    await refused(reserve('ann', { a: 1 }, { slots: [{ name: 'y', max: 2 }, ...one('z').slots] }), full(2))
    await done(cancel(id))
    assert.deepEqual([await idsIn(context, 'x'), await idsIn(context, 'y'), await idsIn(context, 'z')], [[], [other.id], []])
    // Named twice is named once, with the smaller limit.
    const twice = [...one('x').slots, { name: 'x', max: 2 }]
    const last = await done(reserve('ann', { a: 1 }, { slots: twice }))
    await refused(reserve('ann', { a: 1 }, { slots: twice }), full(1))
    await done(cancel(last.id))
    assert.deepEqual(await idsIn(context, 'x'), [])
  },

  'answer a repeat as the first time, full or not (I1, I2, O4)': async (context) => {
    const { done, store } = context
    await done(createProduct('a', 99))
    const keyed = reserve('ann', { a: 1 }, { ...one('k'), idempotency: key('k') })
    const first = await done(keyed)
    assert.deepEqual(await store.execute([{ ...keyed, id: newId() }]), [{ ok: true, value: first, created: true, replayed: true }])
    const attempt = [reserve('ann', { a: 1 }, one()), reserve('ann', { a: 1 }, one())]
    const outcomes = await store.execute(attempt)
    assert.deepEqual(await store.execute(attempt, { repeat: true }), outcomes)
    assert.equal((await idsIn(context, 'one')).length, 1)
    await done(cancel(attempt[0]!.id))
    assert.deepEqual((await store.execute(attempt.slice(0, 1), { repeat: true }))[0], outcomes[0])
    assert.deepEqual(await idsIn(context, 'one'), [])
  },

  'list who occupies them newest first, in pages of any size and with other filters': async (context) => {
    const { done, batch, store } = context
    await done(createProduct('a', 99))
    await done(createProduct('b', 99))
    const many = { slots: [{ name: 'a "name"\t\\ of\n🎟', max: 9 }] }
    const made: string[] = []
    for (const sku of ['a', 'b', 'a']) {
      const outcomes = await batch(reserve('ann', { [sku]: 1 }, many), reserve('bob', { [sku]: 1 }, many))
      for (const outcome of outcomes) if (outcome.ok) made.unshift(outcome.value.id)
    }
    await done(reserve('ann', { a: 1 }))
    const none = { userId: null, sku: null, status: null, slot: many.slots[0]!.name }
    for (const limit of [1, 2, 4, 6, 200]) {
      const seen: string[] = []
      let cursor: string | null = null
      do {
        const page = await store.reservations(none, { limit, cursor })
        assert.ok(page.data.length <= limit)
        seen.push(...page.data.map(({ id }) => id))
        cursor = page.nextCursor
      } while (cursor !== null)
      assert.deepEqual(seen, made)
    }
    const count = async (filter: object): Promise<number> =>
      (await store.reservations({ ...none, ...filter }, { limit: 9, cursor: null })).data.length
    const found = [
      { userId: 'ann' },
      { sku: 'b' },
      { userId: 'bob', sku: 'a', status: 'active' },
      { status: 'confirmed' },
      { slot: 'none' },
    ]
    assert.deepEqual(await Promise.all(found.map(count)), [3, 2, 2, 0, 0])
  },
})
