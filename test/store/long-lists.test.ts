import { describe, expect, it } from 'vitest'
import { createProduct, reserve } from '../../src/store/conformance/kit.ts'
import { sqliteStore } from '../../src/store/sqlite/store.ts'

describe('a list with a filter that fits few of very many reservations', () => {
  it('looks at a bounded number of rows for each page, and finds them all in the end', async () => {
    const store = await sqliteStore({ path: ':memory:' })
    await store.execute([createProduct('rare', 1), createProduct('common', 1_000_000)])
    const [made] = await store.execute([reserve('ann', { rare: 1 })])
    for (let batch = 0; batch < 26; batch++) await store.execute(Array.from({ length: 2_000 }, () => reserve('bob', { common: 1 })))

    const filter = { userId: null, sku: 'rare', status: null }
    const first = await store.reservations(filter, { limit: 50, cursor: null })
    expect(first.data).toEqual([])
    expect(first.nextCursor).not.toBeNull()
    const second = await store.reservations(filter, { limit: 50, cursor: first.nextCursor })
    expect(second.data.map(({ id }) => id)).toEqual([made?.ok === true && 'id' in made.value && made.value.id])
    expect(second.nextCursor).toBeNull()
    await store.close()
  })
})
