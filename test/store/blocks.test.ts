import { beforeAll, describe, expect, it } from 'vitest'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Reservation } from '../../src/domain/reservation.ts'
import { audit } from '../../src/store/audit.ts'
import { confirm, createProduct, reserve, updateProduct, valueOf } from '../../src/store/conformance/kit.ts'
import type { Page, Store } from '../../src/store/port.ts'
import type { Driver } from '../../src/store/sqlite/connect.ts'
import { applicationId } from '../../src/store/sqlite/migrate.ts'
import { sqliteStore } from '../../src/store/sqlite/store.ts'
import { manualClock, someInstant, type ManualClock } from '../support/clock.ts'
import { temporaryFile } from '../support/folder.ts'

/** Rows are indexed in blocks of this many. */
const blockRows = 8_192

async function reserveMany(store: Store, count: number, userId: string, sku: string, ttlMs = 600_000): Promise<Reservation[]> {
  const made: Reservation[] = []
  while (made.length < count) {
    const size = Math.min(2_000, count - made.length)
    const outcomes = await store.execute(Array.from({ length: size }, () => reserve(userId, { [sku]: 1 }, { ttlMs })))
    for (const outcome of outcomes) made.push(valueOf(outcome) as Reservation)
  }
  return made
}

async function pages<Item>(read: (cursor: string | null) => Promise<Page<Item>>): Promise<Item[]> {
  const items: Item[] = []
  for (let cursor: string | null = null; ;) {
    const page: Page<Item> = await read(cursor)
    items.push(...page.data)
    if (page.nextCursor === null) return items
    cursor = page.nextCursor
  }
}

describe('a store whose rows fill several blocks', () => {
  let store: Store
  let clock: ManualClock
  /** Of ann, newest first: one before each half block of bob's. */
  const anns: Reservation[] = []

  beforeAll(async () => {
    clock = manualClock()
    store = await sqliteStore({ path: ':memory:', clock })
    await store.execute([createProduct('a', 100_000), createProduct('few', 6)])
    for (let half = 0; half < 5; half++) {
      anns.unshift(...(await reserveMany(store, 1, 'ann', 'few', 60_000 * (half + 1))))
      const bobs = await reserveMany(store, blockRows / 2 + 10, 'bob', 'a')
      for (let from = 0; from < bobs.length; from += 2_000) await store.execute(bobs.slice(from, from + 2_000).map(({ id }) => confirm(id)))
    }
    return () => store.close()
  })

  it('lists the reservations and the orders of a user newest first, each once', async () => {
    const filter = { userId: 'ann', sku: null, status: null }
    const listed = await pages((cursor) => store.reservations(filter, { limit: 2, cursor }))
    expect(listed.map(({ id }) => id)).toEqual(anns.map(({ id }) => id))
    expect(await pages((cursor) => store.reservations({ ...filter, status: 'confirmed' }, { limit: 2, cursor }))).toEqual([])
    expect(await pages((cursor) => store.reservations({ ...filter, sku: 'a' }, { limit: 2, cursor }))).toEqual([])

    // A cursor from beyond the end begins at the end.
    const beyond = await store.reservations(filter, { limit: 2, cursor: '999999999999999' })
    expect(beyond.data.map(({ id }) => id)).toEqual(anns.slice(0, 2).map(({ id }) => id))

    const orders = await pages((cursor) => store.orders({ userId: 'bob' }, { limit: 200, cursor }))
    expect(new Set(orders.map(({ id }) => id)).size).toBe(5 * (blockRows / 2 + 10))
    const all = await pages((cursor) => store.orders({ userId: null }, { limit: 200, cursor }))
    expect(orders.map(({ id }) => id)).toEqual(all.map(({ id }) => id))
  })

  it('counts what a user had before there was a limit (U1)', async () => {
    await store.execute([updateProduct('few', { maxPerUser: 6 })])
    const [within, beyond] = await store.execute([reserve('ann', { few: 1 }, { ttlMs: 1_000 }), reserve('ann', { few: 1 })])
    expect(within?.ok).toBe(true)
    expect(beyond).toEqual({ ok: false, refusal: { code: 'user_limit_exceeded', sku: 'few', limit: 6, remaining: 0 } })
    clock.advance(1_000)
  })

  it('tells when units of any block come back, and sells them at that time (H6)', async () => {
    const stock = async (): Promise<unknown> => {
      const { available, nextReleaseAt } = (await store.product('few'))!.stock
      return { available, nextReleaseAt }
    }
    expect(await stock()).toEqual({ available: 1, nextReleaseAt: someInstant + 60_000 })
    clock.set(someInstant + 180_000)
    expect(await stock()).toEqual({ available: 4, nextReleaseAt: someInstant + 240_000 })
    const [refused, sold] = await store.execute([reserve('eve', { few: 5 }), reserve('eve', { few: 4 })])
    expect(refused?.ok).toBe(false)
    expect(sold?.ok).toBe(true)
    expect((await audit(store)).findings).toEqual([])
  })
})

describe('a file from before there were blocks', () => {
  it('is brought up to date with everything in it (O1)', async () => {
    const path = await temporaryFile()
    const { DatabaseSync } = createRequire(import.meta.url)('@photostructure/sqlite') as { DatabaseSync: Driver }
    const old = new DatabaseSync(path)
    old.exec(readFileSync(new URL('../../src/store/sqlite/migrations/0001-start.sql', import.meta.url), 'utf8'))
    const items = `[{"sku":"a","quantity":2,"unitPrice":null}]`
    old.exec(`pragma application_id = ${applicationId}; pragma user_version = 1;
      insert into products (sku, name, max_per_user, created_at, updated_at) values ('a', 'A', 5, 1, 1);
      insert into stock values ('a', 6, 2, 2, 4);
      insert into reservations values (1, 'r1', 'ann', 'active', '${items}', '{}', 1, ${someInstant + 60_000}, null, null),
        (2, 'r2', 'ann', 'confirmed', '${items}', '{}', 1, ${someInstant + 60_000}, 2, 'o2');
      insert into reservation_lines values ('a', 1, 2, ${someInstant + 60_000}, 'ann'), ('a', 2, 2, null, 'ann');
      insert into orders values (1, 'o2', 'r2', 'ann', 'placed', '{}', 2, null);
      insert into events values (1, 'product.created', 1, 'a', null, '[["a",1,6,0,0]]', '{"sku":"a","stock":{"sku":"a","total":6}}', null),
        (2, 'reservation.created', 1, 'r1', ${someInstant + 60_000}, '[["a",2,6,2,0]]', null, null),
        (3, 'reservation.created', 1, 'r2', ${someInstant + 60_000}, '[["a",3,6,4,0]]', null, null),
        (4, 'reservation.confirmed', 2, 'r2', ${someInstant + 60_000}, '[["a",4,6,2,2]]', null, null),
        (5, 'order.created', 2, 'o2', null, null, null, null)`)
    old.close()

    const clock = manualClock()
    const store = await sqliteStore({ path, clock })
    expect((await audit(store)).findings).toEqual([])
    const { data } = await store.events({ limit: 10, cursor: '1' })
    expect(data.map(({ cursor, type, subject }) => `${cursor} ${type} ${subject}`)).toEqual([
      '2 reservation.created r1',
      '3 reservation.created r2',
      '4 reservation.confirmed r2',
      '5 order.created o2',
    ])
    expect((await store.product('a'))?.stock).toMatchObject({ available: 2, reserved: 2, nextReleaseAt: someInstant + 60_000 })
    expect((await store.orders({ userId: 'ann' }, { limit: 10, cursor: null })).data.map(({ id }) => id)).toEqual(['o2'])
    const [beyond] = await store.execute([reserve('ann', { a: 2 })])
    expect(beyond).toEqual({ ok: false, refusal: { code: 'user_limit_exceeded', sku: 'a', limit: 5, remaining: 1 } })
    clock.advance(60_000)
    const [again] = await store.execute([reserve('eve', { a: 4 })])
    expect(again?.ok).toBe(true)
    await store.close()
  })
})
