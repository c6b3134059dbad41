import assert from 'node:assert/strict'
import { faultCode } from '../../domain/faults.ts'
import type { Order } from '../../domain/order.ts'
import type { Page, PageQuery, ReservationFilter } from '../port.ts'
import { buy, cancel, cancelOrder, createProduct, expire, group, reserve, valueOf } from './kit.ts'

const none: ReservationFilter = { userId: null, sku: null, status: null }

async function walk<Item>(read: (query: PageQuery) => Promise<Page<Item>>, limit: number): Promise<Item[]> {
  const items: Item[] = []
  let cursor: string | null = null
  do {
    const page: Page<Item> = await read({ limit, cursor })
    assert.ok(page.data.length <= limit)
    items.push(...page.data)
    cursor = page.nextCursor
  } while (cursor !== null)
  return items
}

export const listTests = group('lists', {
  'show products in ASCII order of sku, in pages of any size': async ({ batch, store }) => {
    const skus = ['b', 'a', 'A', '_', '-', '.', '0', 'aa', 'B', 'a.b', '__proto__', 'a-b']
    await batch(...skus.map((sku) => createProduct(sku, 1)))
    for (const limit of [1, 3, 12, 200]) {
      const seen = await walk((query) => store.products(query), limit)
      assert.deepEqual(
        seen.map((product) => product.sku),
        skus.toSorted(),
      )
    }
    assert.equal((await store.products({ limit: 12, cursor: null })).nextCursor, null)
  },

  'show reservations newest first, in pages of any size': async ({ done, batch, advance, store }) => {
    await done(createProduct('a', 99))
    const ids: string[] = []
    for (let round = 0; round < 5; round++) {
      // Those of one batch have one instant.
      const outcomes = await batch(...Array.from({ length: 3 }, () => reserve('ann', { a: 1 })))
      ids.push(...outcomes.map((outcome) => valueOf(outcome).id))
      await advance(1)
    }
    const seen = await walk((query) => store.reservations(none, query), 200)
    assert.deepEqual(
      seen.map((reservation) => reservation.createdAt),
      seen.map((reservation) => reservation.createdAt).toSorted((a, b) => b - a),
    )
    assert.deepEqual(seen.map((reservation) => reservation.id).toSorted(), ids.toSorted())
    for (const limit of [1, 4, 15]) assert.deepEqual(await walk((query) => store.reservations(none, query), limit), seen)
    assert.equal((await store.reservations(none, { limit: 15, cursor: null })).nextCursor, null)
  },

  'keep their place while new ones come': async ({ done, store }) => {
    await done(createProduct('a', 99))
    const [first, second, third] = [reserve('ann', { a: 1 }), reserve('ann', { a: 1 }), reserve('ann', { a: 1 })]
    for (const command of [first, second, third]) await done(command)
    const page = await store.reservations(none, { limit: 1, cursor: null })
    await done(reserve('ann', { a: 1 }))
    const rest = await store.reservations(none, { limit: 9, cursor: page.nextCursor })
    assert.deepEqual(
      rest.data.map((reservation) => reservation.id),
      [second.id, first.id],
    )
  },

  'filter reservations by user, sku and status together': async (context) => {
    const { done, advance, store } = context
    await done(createProduct('a', 99))
    await done(createProduct('b', 99))
    const due = await done(reserve('ann', { a: 1 }, { ttlMs: 1_000 }))
    const swept = await done(reserve('bob', { a: 1, b: 1 }, { ttlMs: 500 }))
    const bought = (await buy(context, 'ann', { a: 1, b: 1 })).reservationId
    const cancelled = await done(reserve('ann', { b: 1 }))
    await done(cancel(cancelled.id))
    const active = await done(reserve('ann', { a: 1 }))
    await advance(500)
    await done(expire())
    await advance(500)
    const names = new Map([
      [due.id, 'due'],
      [swept.id, 'swept'],
      [bought, 'bought'],
      [cancelled.id, 'cancelled'],
      [active.id, 'active'],
    ])
    const find = async (filter: Partial<ReservationFilter>): Promise<string> => {
      const found = await walk((query) => store.reservations({ ...none, ...filter }, query), 2)
      return found.map((reservation) => names.get(reservation.id)).join(' ')
    }
    assert.equal(await find({}), 'active cancelled bought swept due')
    assert.equal(await find({ userId: 'ann' }), 'active cancelled bought due')
    assert.equal(await find({ sku: 'a' }), 'active bought swept due')
    assert.equal(await find({ sku: 'b' }), 'cancelled bought swept')
    assert.equal(await find({ status: 'expired' }), 'swept due')
    assert.equal(await find({ status: 'active' }), 'active')
    assert.equal(await find({ status: 'confirmed' }), 'bought')
    assert.equal(await find({ status: 'cancelled' }), 'cancelled')
    assert.equal(await find({ userId: 'ann', sku: 'a', status: 'expired' }), 'due')
    assert.equal(await find({ userId: 'bob', sku: 'b' }), 'swept')
    assert.equal(await find({ userId: 'ann', sku: 'none' }), '')
    assert.equal(await find({ userId: 'Ann' }), '')
  },

  'show orders newest first, of one user if asked': async (context) => {
    const { done, advance, store } = context
    await done(createProduct('a', 99))
    const orders: Order[] = []
    for (const user of ['ann', 'bob', 'ann', 'ann', 'bob']) {
      orders.unshift(await buy(context, user, { a: 1 }))
      await advance(1)
    }
    for (const limit of [1, 2, 5, 200]) {
      assert.deepEqual(await walk((query) => store.orders({ userId: null }, query), limit), orders)
      const anns: Order[] = orders.filter((order) => order.userId === 'ann')
      assert.deepEqual(await walk((query) => store.orders({ userId: 'ann' }, query), limit), anns)
    }
    const cancelled = await done(cancelOrder(orders[2]!.id))
    assert.deepEqual((await store.orders({ userId: null }, { limit: 9, cursor: null })).data[2], cancelled)
    assert.deepEqual(await store.orders({ userId: 'none' }, { limit: 9, cursor: null }), { data: [], nextCursor: null })
  },

  'are empty in an empty store': async ({ store }) => {
    const empty = { data: [], nextCursor: null }
    assert.deepEqual(await store.products({ limit: 9, cursor: null }), empty)
    assert.deepEqual(await store.reservations(none, { limit: 9, cursor: null }), empty)
    assert.deepEqual(await store.orders({ userId: null }, { limit: 9, cursor: null }), empty)
    assert.deepEqual(await store.reservations({ ...none, sku: 'a' }, { limit: 9, cursor: null }), empty)
  },

  'refuse a cursor that the store did not make, with the fault invalid_cursor': async ({ done, store }) => {
    await done(createProduct('a', 9))
    const notACursor = ['', ' ', 'nonsense!', '1; drop table orders', 'x'.repeat(99), 'é', '\u0000']
    const notANumber = ['1.5', '-1', '1e3', '9'.repeat(20)]
    const isInvalid = (error: unknown): boolean => faultCode(error) === 'invalid_cursor'
    for (const cursor of notACursor) await assert.rejects(store.products({ limit: 9, cursor }), isInvalid, `products ${cursor}`)
    for (const cursor of [...notACursor, ...notANumber]) {
      const query = { limit: 9, cursor }
      await assert.rejects(store.reservations(none, query), isInvalid, `reservations ${cursor}`)
      await assert.rejects(store.orders({ userId: null }, query), isInvalid, `orders ${cursor}`)
      await assert.rejects(store.events(query), isInvalid, `events ${cursor}`)
    }
  },
})
