import assert from 'node:assert/strict'
import { adjustStock, cancel, cancelOrder, confirm, createProduct, extend, group, key, reserve, updateProduct, valueOf } from './kit.ts'

const day = 24 * 60 * 60 * 1_000

export const idempotencyTests = group('an idempotency key', {
  'gives the first answer again, byte for byte, whatever happened since (I1, I2)': async ({ done, run, advance, stock }) => {
    await done(createProduct('a', 5, { price: { amount: 5, currency: 'EUR' } }))
    const command = () => reserve('ann', { a: 1 }, { ttlMs: 5_000, metadata: { b: '2', a: '1' }, idempotency: key('k') })
    const first = await run(command())
    assert.ok(first.ok && first.created && !first.replayed)
    await advance(1_000)
    await done(confirm(first.value.id))
    await advance(9_000)
    const again = await run(command())
    assert.equal(JSON.stringify(again), JSON.stringify({ ...first, replayed: true }))
    assert.equal((await stock('a')).sold, 1)
  },

  'replays every kind of write (I1)': async ({ done, run, stock, events }) => {
    await done(createProduct('b', 9))
    const made = await done(reserve('ann', { b: 1 }))
    const other = await done(reserve('ann', { b: 1 }))
    const order = await done(confirm(other.id))
    const writes = [
      () => createProduct('a', 5, { idempotency: key('create') }),
      () => adjustStock('a', 1, { idempotency: key('adjust') }),
      () => updateProduct('a', { name: 'New' }, { idempotency: key('update') }),
      () => reserve('ann', { a: 1 }, { idempotency: key('reserve') }),
      () => extend(made.id, 900_000, { idempotency: key('extend') }),
      () => cancel(made.id, { idempotency: key('cancel') }),
      () => cancelOrder(order.id, { idempotency: key('cancelOrder') }),
    ]
    const firsts = []
    for (const write of writes) firsts.push(await run(write()))
    const before = await events()
    for (const [index, write] of writes.entries()) {
      assert.equal(JSON.stringify(await run(write())), JSON.stringify({ ...firsts[index], replayed: true }))
    }
    assert.deepEqual(await events(), before)
    assert.deepEqual([(await stock('a')).total, (await stock('a')).reserved], [6, 1])
  },

  'refuses another request without effect (I3)': async ({ done, refused, stock }) => {
    await done(createProduct('a', 5))
    await done(reserve('ann', { a: 1 }, { idempotency: key('k') }))
    const other = key('k', { fingerprint: 'another request' })
    await refused(reserve('ann', { a: 2 }, { idempotency: other }), { code: 'idempotency_key_reused' })
    await refused(reserve('ann', { nothing: 2 }, { idempotency: other }), { code: 'idempotency_key_reused' })
    assert.equal((await stock('a')).reserved, 1)
  },

  'is seen within its scope only (I6)': async ({ done, run, batch, stock }) => {
    await done(createProduct('a', 9))
    const scopes = [
      { scope: 'shop', key: 'k' },
      { scope: 'other shop', key: 'k' },
      { scope: 'shop', key: 'K' },
      { scope: 'shop ', key: 'k' },
      { scope: 'sho', key: 'pk' },
      { scope: '__proto__', key: 'constructor' },
    ]
    for (const { scope, key: name } of scopes.slice(0, 5)) {
      const outcome = await run(reserve('ann', { a: 1 }, { idempotency: key(name, { scope }) }))
      assert.ok(outcome.ok && !outcome.replayed)
    }
    const together = await batch(...['one', 'two'].map((scope) => reserve('ann', { a: 1 }, { idempotency: key('k', { scope }) })))
    assert.deepEqual(
      together.map((outcome) => outcome.ok && !outcome.replayed),
      [true, true],
    )
    assert.equal((await stock('a')).reserved, 7)
    await done(createProduct('b', 1, { idempotency: key('constructor', { scope: '__proto__' }) }))
  },

  'gives two equal requests of one batch one effect and equal answers (I1, I2)': async ({ done, batch, stock }) => {
    await done(createProduct('a', 5))
    const command = () => reserve('ann', { a: 1 }, { idempotency: key('k') })
    const other = reserve('ann', { a: 1 }, { idempotency: key('k', { fingerprint: 'another request' }) })
    const [first, second, reused] = await batch(command(), command(), other)
    assert.ok(first.ok && !first.replayed)
    assert.equal(JSON.stringify(second), JSON.stringify({ ...first, replayed: true }))
    assert.deepEqual(reused, { ok: false, refusal: { code: 'idempotency_key_reused' } })
    assert.equal((await stock('a')).reserved, 1)
  },

  'gives 20 concurrent duplicates one effect and equal answers (I4)': async ({ done, run, stock }) => {
    await done(createProduct('a', 50))
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => run(reserve('ann', { a: 1 }, { idempotency: key('k') }))))
    assert.equal(new Set(outcomes.map((outcome) => JSON.stringify(valueOf(outcome)))).size, 1)
    assert.equal(outcomes.filter((outcome) => outcome.ok && !outcome.replayed).length, 1)
    assert.equal((await stock('a')).reserved, 1)
  },

  'is not used up by a refusal (I5)': async ({ done, run, batch }) => {
    await done(createProduct('a', 0))
    const idempotency = key('k')
    assert.equal((await run(reserve('ann', { a: 1 }, { idempotency }))).ok, false)
    const [refused, , accepted] = await batch(
      reserve('ann', { a: 1 }, { idempotency: key('k', { fingerprint: 'another request' }) }),
      adjustStock('a', 1),
      reserve('ann', { a: 1 }, { idempotency }),
    )
    assert.equal(refused.ok, false)
    assert.ok(accepted.ok && !accepted.replayed)
  },

  'is remembered for 24 hours, to the millisecond': async ({ done, run, refused, advance, stock }) => {
    await done(createProduct('a', 5))
    const command = (fingerprint = 'a request') => reserve('ann', { a: 1 }, { ttlMs: 9 * day, idempotency: key('k', { fingerprint }) })
    const first = await run(command())
    await advance(day - 1)
    assert.equal(JSON.stringify(await run(command())), JSON.stringify({ ...first, replayed: true }))
    await refused(command('another request'), { code: 'idempotency_key_reused' })
    await advance(1)
    const later = await run(command('another request'))
    assert.ok(later.ok && !later.replayed)
    // The key now means the later request, for another 24 hours.
    await advance(day - 1)
    assert.equal(JSON.stringify(await run(command('another request'))), JSON.stringify({ ...later, replayed: true }))
    await refused(command(), { code: 'idempotency_key_reused' })
    assert.equal((await stock('a')).reserved, 2)
  },

  'is kept with an answer that only found what was done before (I2, I3)': async ({ done, run, refused, batch, events }) => {
    await done(createProduct('a', 5))
    const [sold, given, other] = [
      await done(reserve('ann', { a: 1 })),
      await done(reserve('ann', { a: 1 })),
      await done(reserve('ann', { a: 1 })),
    ]
    const order = await done(confirm(sold.id))
    await done(cancel(given.id))
    await events()
    const repeats = [() => confirm(sold.id, { idempotency: key('confirm') }), () => cancel(given.id, { idempotency: key('cancel') })]
    for (const repeat of repeats) {
      const [first, second] = await batch(repeat(), repeat())
      assert.ok(first.ok && !first.created && !first.replayed)
      assert.equal(JSON.stringify(second), JSON.stringify({ ...first, replayed: true }))
      await done(cancelOrder(order.id))
      assert.equal(JSON.stringify(await run(repeat())), JSON.stringify(second))
    }
    const reused = { code: 'idempotency_key_reused' } as const
    await refused(confirm(other.id, { idempotency: key('confirm', { fingerprint: 'another request' }) }), reused)
    await refused(cancel(other.id, { idempotency: key('cancel', { fingerprint: 'another request' }) }), reused)
  },

  'tells a repeated confirm from a replayed one': async ({ done, run }) => {
    await done(createProduct('a', 5))
    const { id } = await done(reserve('ann', { a: 1 }))
    const first = await run(confirm(id, { idempotency: key('one') }))
    const other = await run(confirm(id, { idempotency: key('two') }))
    const replay = await run(confirm(id, { idempotency: key('one') }))
    assert.ok(first.ok && other.ok && replay.ok)
    assert.deepEqual([first.created, other.created, replay.created], [true, false, true])
    assert.deepEqual([first.replayed, other.replayed, replay.replayed], [false, false, true])
    assert.equal(JSON.stringify(first.value), JSON.stringify(other.value))
  },
})
