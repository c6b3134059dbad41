import assert from 'node:assert/strict'
import { faultCode, type Fault } from '../../domain/faults.ts'
import { audit } from '../audit.ts'
import type { PruneQuery, Retention } from '../port.ts'
import {
  adjustStock,
  buy,
  cancel,
  cancelOrder,
  confirm,
  createProduct,
  expire,
  extend,
  group,
  key,
  readEvents,
  reserve,
  updateProduct,
  type Context,
} from './kit.ts'

const hour = 60 * 60 * 1_000
const day = 24 * hour
const usual: PruneQuery = { eventsMs: 2 * day, reservationsMs: 3 * day, answersMs: day, limit: 100 }

/** Of stores that keep everything nothing is asked. */
const withRetention = (run: (retention: Retention, context: Context) => Promise<void>) => async (context: Context) => {
  const { retention } = context.store
  if (retention !== undefined) await run(retention, context)
}

/** Until there is no more. A store with a ledger has what was decided before in there once the feed has been read. */
async function pruneAll(
  { store }: Context,
  query: Partial<PruneQuery> = {},
): Promise<[events: number, reservations: number, answers: number]> {
  await store.events({ limit: 1, cursor: null })
  const sums: [number, number, number] = [0, 0, 0]
  for (;;) {
    const { events, reservations, answers, more } = await store.retention!.prune({ ...usual, ...query })
    sums[0] += events
    sums[1] += reservations
    sums[2] += answers
    if (!more) return sums
  }
}

/** Many of everything that ends: three bought, of which one is undone, and five cancelled or expired. */
async function sell(context: Context): Promise<void> {
  const { done, advance } = context
  await buy(context, 'ann', { a: 1, b: 1 })
  await buy(context, 'ann', { a: 1 })
  await done(cancelOrder((await buy(context, 'bob', { a: 2 })).id))
  for (const user of ['ann', 'bob', 'cid']) await done(cancel((await done(reserve(user, { b: 1 }))).id))
  for (const user of ['ann', 'bob']) await done(reserve(user, { a: 1 }, { ttlMs: 1_000 }))
  await advance(1_000)
  await done(expire())
}

async function isSound({ store }: Context): Promise<void> {
  const { findings, unsettled } = await audit(store)
  assert.deepEqual({ findings, unsettled }, { findings: [], unsettled: [] }, 'the audit finds nothing')
}

const startSale = async ({ done }: Context): Promise<void> => {
  await done(createProduct('a', 100, { maxPerUser: 10 }))
  await done(createProduct('b', 100))
}

export const retentionTests = group('retention', {
  'keeps what is young enough, the last hour, and the newest': withRetention(async (retention, context) => {
    const { done } = context
    await startSale(context)
    await context.advance(hour / 2)
    await sell(context)
    await context.done(adjustStock('a', 1, { idempotency: key('k') }))
    const before = await context.events()
    assert.deepEqual(await pruneAll(context), [0, 0, 0])
    await context.advance(day - hour)
    assert.deepEqual(await pruneAll(context, { answersMs: 0, eventsMs: day }), [0, 0, 0])
    await context.advance(100 * day)
    assert.deepEqual(await pruneAll(context, { eventsMs: null, reservationsMs: null, answersMs: null }), [0, 0, 0])
    // As long as an event tells of them.
    assert.deepEqual(await pruneAll(context, { eventsMs: null, reservationsMs: 0, answersMs: null }), [0, 0, 0])
    assert.deepEqual(await context.events(), before)
    assert.deepEqual(await retention.removed(), { events: null, reservationsTime: 0 })
    for (let late = 0; late < 2; late++) await done(adjustStock('a', 1))
    await context.advance(hour)
    const all = await context.events()
    const none = { eventsMs: 0, reservationsMs: 0, answersMs: null }
    // The newest reservation stays as well, and with it the one that expired together with it.
    assert.deepEqual(await pruneAll(context, none), [before.length, 3, 0])
    assert.deepEqual(await context.events(), all.slice(-2))
    await context.advance(100 * day)
    assert.deepEqual(await pruneAll(context, none), [1, 0, 0])
    const { cursor } = all.at(-1)!
    await done(reserve('ann', { a: 1 }))
    const after = (await readEvents(context.store, cursor)).map(({ type, id }) => [type, Number(id)])
    assert.deepEqual(after, [['reservation.created', Number(cursor) + 1]])
    assert.deepEqual(await pruneAll(context, none), [1, 2, 0])
  }),

  'removes events from the oldest on, and a cursor behind them has expired': withRetention(async (retention, context) => {
    const { advance, store } = context
    await startSale(context)
    await sell(context)
    const old = await context.events()
    await advance(day)
    await sell(context)
    const all = await context.events()
    await advance(day + hour)
    await context.stock('a')
    // Several nodes at once do it no more than once.
    for (let rounds = 0; rounds < 3; rounds++) await Promise.all(Array.from({ length: 3 }, () => retention.prune({ ...usual, limit: 1 })))
    await pruneAll(context, { limit: 64 })
    const kept = await context.events()
    assert.ok(kept.length < all.length)
    assert.deepEqual(kept, all.slice(-kept.length))
    // Events of one batch may go together; none of the later sale does.
    assert.ok(kept.length >= all.length - old.length)
    const edge = all.at(-1 - kept.length)!.cursor
    const { events } = await retention.removed()
    assert.equal(events?.cursor, edge)
    for (const after of ['0', edge]) assert.deepEqual(await readEvents(store, after), kept)
    for (const [index, { cursor }] of kept.entries()) assert.deepEqual(await readEvents(store, cursor), kept.slice(index + 1))
    for (const { cursor } of all.slice(0, -1 - kept.length)) {
      const isExpired = (error: unknown): boolean => faultCode(error) === 'cursor_expired' && (error as Fault).oldestCursor === edge
      for (const limit of [1, 200]) await assert.rejects(store.events({ limit, cursor }), isExpired)
    }
  }),

  'removes reservations that ended without an order, and late commands find none': withRetention(async (_, context) => {
    const { done, refused, advance, store, stock } = context
    await startSale(context)
    const sold = await done(reserve('ann', { a: 4 }))
    const order = await done(confirm(sold.id))
    const undone = await done(reserve('ann', { a: 3 }))
    await done(cancelOrder((await done(confirm(undone.id))).id))
    const cancelled = await done(cancel((await done(reserve('bob', { a: 2 }))).id))
    const expired = await done(reserve('cid', { a: 1, b: 1 }, { ttlMs: 1_000 }))
    await advance(1_000)
    await done(expire())
    await done(updateProduct('b', { name: 'New' }))
    const books = await Promise.all([stock('a'), stock('b')])
    await advance(4 * day)
    const [, reservations] = await pruneAll(context)
    assert.ok(reservations >= 1 && reservations <= 2)
    await done(cancel((await done(reserve('dan', { b: 1 }))).id))
    await advance(4 * day)
    assert.equal(reservations + (await pruneAll(context))[1], 2)
    for (const { id } of [cancelled, expired]) {
      assert.equal(await store.reservation(id), null)
      for (const command of [confirm(id), cancel(id), extend(id, 1_000)]) await refused(command, { code: 'reservation_not_found' })
    }
    assert.equal((await store.reservation(sold.id))?.orderId, order.id)
    assert.equal((await store.reservation(undone.id))?.status, 'confirmed')
    assert.deepEqual(await store.order(order.id), order)
    assert.deepEqual(await stock('a'), books[0])
    assert.deepEqual({ ...(await stock('b')), version: 0 }, { ...books[1], version: 0 })
    // What a user bought counts as before.
    await refused(reserve('ann', { a: 7 }), { code: 'user_limit_exceeded', sku: 'a', limit: 10, remaining: 6 })
    await done(reserve('ann', { a: 6 }))
    assert.equal((await done(confirm(sold.id))).id, order.id)
  }),

  'gives an answer again for 24 hours, whatever was removed, and forgets it then': withRetention(async (_, context) => {
    const { done, run, advance, refused, stock } = context
    await startSale(context)
    const writes = [
      () => adjustStock('a', 1, { idempotency: key('k1') }),
      () => reserve('ann', { b: 1 }, { ttlMs: 1_000, idempotency: key('k2') }),
      () => updateProduct('a', { name: 'New' }, { idempotency: key('k3') }),
    ]
    const firsts = []
    for (const write of writes) firsts.push(await run(write()))
    await advance(1_000)
    await done(expire())
    await advance(day - 2_000)
    await pruneAll(context, { eventsMs: 0, reservationsMs: 0, answersMs: 0, limit: 1 })
    for (const [index, write] of writes.entries()) {
      assert.equal(JSON.stringify(await run(write())), JSON.stringify({ ...firsts[index], replayed: true }))
    }
    await refused(adjustStock('a', 5, { idempotency: key('k1', { fingerprint: 'another' }) }), { code: 'idempotency_key_reused' })
    // Another walk begins when a quarter of the age has gone by.
    await advance(day)
    await done(adjustStock('a', 1, { idempotency: key('k4') }))
    const [, , answers] = await pruneAll(context, { answersMs: 0, limit: 1 })
    assert.ok(answers >= 2)
    assert.equal((await pruneAll(context, { answersMs: 0, limit: 1 }))[2], 0)
    await done(adjustStock('a', 5, { idempotency: key('k1', { fingerprint: 'another' }) }))
    assert.equal((await run(adjustStock('a', 1, { idempotency: key('k4') }))).ok, true)
    assert.equal((await stock('a')).total, 107)
  }),

  'leaves books that can be explained, after every step (S2, S3, S4)': withRetention(async (retention, context) => {
    const { done, advance, store } = context
    await startSale(context)
    await done(createProduct('c', 5))
    await sell(context)
    // Made in the part that goes, and ended in the part that stays, or not at all.
    const early = []
    for (const user of ['cancels', 'buys', 'waits', 'extends', 'expires'])
      early.push(await done(reserve(user, { a: 1, c: 1 }, { ttlMs: 4 * hour })))
    await advance(3 * hour)
    await done(cancel(early[0]!.id))
    await done(cancelOrder((await done(confirm(early[1]!.id))).id))
    await done(extend(early[3]!.id, 20 * hour))
    await sell(context)
    await store.events({ limit: 1, cursor: null })
    for (let steps = 0; ; steps++) {
      const { more } = await retention.prune({ eventsMs: 2 * hour, reservationsMs: 0, answersMs: null, limit: 64 })
      await isSound(context)
      if (!more) {
        assert.ok(steps > 3)
        break
      }
    }
    // Due, and nobody has written it down.
    await advance(2 * hour)
    await isSound(context)
    assert.deepEqual(
      [(await store.reservation(early[2]!.id))?.status, (await store.reservation(early[3]!.id))?.status],
      ['expired', 'active'],
    )
    await pruneAll(context, { eventsMs: 0, reservationsMs: 0 })
    await isSound(context)
    await done(expire())
    await advance(2 * hour)
    await pruneAll(context, { eventsMs: 0, reservationsMs: 0 })
    await isSound(context)
    await done(cancel(early[3]!.id))
  }),
})
