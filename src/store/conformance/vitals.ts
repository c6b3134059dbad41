import assert from 'node:assert/strict'
import { cancel, confirm, createProduct, expire, group, reserve } from './kit.ts'

export const vitalTests = group('how the store is', {
  'is told in numbers: what is active, and how long something that is due has waited': async ({ done, advance, store }) => {
    const { vitals } = store
    // Nothing is asked of stores that do not tell.
    if (vitals === undefined) return
    const overdueMs = async (): Promise<number> => (await vitals.read()).overdueMs
    await done(createProduct('a', 9))
    assert.deepEqual([await overdueMs(), await vitals.countActive()], [0, 0])
    for (const ttlMs of [1_000, 3_000, 9_000, 9_000]) await done(reserve('ann', { a: 1 }, { ttlMs }))
    const [one, two] = (await store.reservations({ userId: null, sku: null, status: 'active' }, { limit: 2, cursor: null })).data
    assert.deepEqual([await overdueMs(), await vitals.countActive()], [0, 4])
    await advance(3_500)
    // Given back is what was not sold or cancelled; due is what nobody has given back.
    assert.deepEqual([await overdueMs(), await vitals.countActive()], [2_500, 4])
    await done(expire())
    assert.equal(await overdueMs(), 0)
    await done(confirm(one!.id))
    await done(cancel(two!.id))
    // A ledger may come a moment later.
    for (let tries = 0; tries < 1_000 && (await vitals.countActive()) > 0; tries++) await store.events({ limit: 0, cursor: null })
    assert.equal(await vitals.countActive(), 0)
    const { generation, waitingForLedger } = await vitals.read()
    assert.equal(generation === null, waitingForLedger === null)
  },
})
