import assert from 'node:assert/strict'
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
  readEvents,
  reserve,
  updateProduct,
  type Context,
} from './kit.ts'

async function everyTransition(context: Context): Promise<void> {
  const { done, advance } = context
  await done(createProduct('a', 3, { price: { amount: 100, currency: 'EUR' } }))
  await done(createProduct('b', 3))
  const bought = await done(reserve('ann', { b: 1, a: 3 }, { ttlMs: 5_000, metadata: { z: '1', a: '2' } }))
  await advance(10)
  await done(extend(bought.id, 9_000))
  await advance(10)
  const order = await done(confirm(bought.id, { metadata: { paid: 'yes' } }))
  await advance(10)
  await done(cancelOrder(order.id, { reason: 'torn' }))
  await done(cancel((await done(reserve('ann', { a: 1 }))).id))
  await done(reserve('ann', { b: 3 }, { ttlMs: 1_000 }))
  await advance(1_234)
  await done(expire())
  await done(updateProduct('a', { name: 'New' }))
  await done(adjustStock('a', -3, { reason: 'stolen' }))
}

export const eventTests = group('events', {
  'tell every transition once, in order, with the thing after it (E1)': async (context) => {
    await everyTransition(context)
    const events = await context.events()
    assert.deepEqual(
      events.map(({ type, subject }) => (/^(stock|product)/.test(type) ? `${type} ${subject}` : type)),
      [
        'product.created a',
        'product.created b',
        'reservation.created',
        'stock.sold_out a',
        'reservation.extended',
        'reservation.confirmed',
        'order.created',
        'order.cancelled',
        'stock.available_again a',
        'reservation.created',
        'reservation.cancelled',
        'reservation.created',
        'stock.sold_out b',
        'reservation.expired',
        'stock.available_again b',
        'product.updated a',
        'stock.adjusted a',
        'stock.sold_out a',
      ],
    )
    assert.deepEqual(
      events.flatMap(({ type, reason }) => (reason === null ? [] : [[type, reason]])),
      [
        ['order.cancelled', 'torn'],
        ['stock.adjusted', 'stolen'],
      ],
    )
    assert.equal(new Set(events.map((event) => event.id)).size, events.length)
  },

  'hold what the command answered': async ({ done, advance, events }) => {
    const answers: unknown[] = [await done(createProduct('a', 5))]
    const made = await done(reserve('ann', { a: 1 }, { metadata: { k: 'v' } }))
    await advance(100)
    const extended = await done(extend(made.id, 999_000))
    await advance(100)
    const order = await done(confirm(made.id, { metadata: { l: 'w' } }))
    const confirmed = { ...extended, status: 'confirmed', expiresInMs: 0, endedAt: order.createdAt, orderId: order.id }
    await advance(100)
    answers.push(made, extended, confirmed, order, await done(cancelOrder(order.id)), await done(adjustStock('a', 2)))
    answers.push(await done(updateProduct('a', { name: 'New' })))
    const stored = (await events()).map((event) => JSON.stringify(event.data))
    assert.deepEqual(
      stored,
      answers.map((answer) => JSON.stringify(answer)),
    )
  },

  'stay the same bytes, whatever happens later (E4)': async (context) => {
    const { done, advance, store, events } = context
    const seen: string[] = []
    const remember = async (): Promise<void> => {
      const texts = (await events()).map((event) => JSON.stringify(event))
      assert.deepEqual(texts.slice(0, seen.length), seen)
      seen.splice(0, seen.length, ...texts)
    }
    await done(createProduct('a', 3))
    await remember()
    const one = await done(reserve('ann', { a: 1 }, { ttlMs: 1_000, metadata: { k: 'v' } }))
    const two = await done(reserve('ann', { a: 1 }, { ttlMs: 1_000 }))
    const three = await done(reserve('ann', { a: 1 }, { ttlMs: 1_000 }))
    await remember()
    await advance(500)
    await done(extend(one.id, 5_000))
    await done(extend(two.id, 700))
    await remember()
    const order = await done(confirm(one.id, { metadata: { k: 'w' } }))
    await remember()
    await done(cancelOrder(order.id))
    await remember()
    await done(cancel(three.id))
    await advance(700)
    await remember()
    await done(expire())
    await remember()
    await done(updateProduct('a', { price: { amount: 1, currency: 'EUR' }, name: 'New' }))
    await remember()
    assert.equal((await store.reservation(two.id))?.status, 'expired')
  },

  'tell nothing of refusals and repetitions (E3)': async ({ done, run, events }) => {
    await done(createProduct('a', 1))
    const { id } = await done(reserve('ann', { a: 1 }))
    const order = await done(confirm(id))
    await done(cancelOrder(order.id))
    const before = await events()
    for (const command of [
      confirm(id),
      cancel(id),
      extend(id, 1),
      cancelOrder(order.id),
      reserve('ann', { a: 2 }),
      createProduct('a', 1),
    ]) {
      await run(command)
    }
    await run(adjustStock('a', -2))
    await run(expire())
    assert.deepEqual(await events(), before)
  },

  'name every sku that changed, once each (S4)': async ({ done, events }) => {
    await done(createProduct('a', 5))
    await done(createProduct('b', 5))
    await done(
      reserve('ann', [
        { sku: 'b', quantity: 1 },
        { sku: 'a', quantity: 1 },
        { sku: 'b', quantity: 2 },
      ]),
    )
    assert.deepEqual((await events()).at(-1)?.stock, [
      { sku: 'b', version: 2, total: 5, reserved: 3, sold: 0 },
      { sku: 'a', version: 2, total: 5, reserved: 1, sold: 0 },
    ])
  },

  'go on from any cursor, in pages of any size, without gap or repeat (E2)': async (context) => {
    await everyTransition(context)
    const { store } = context
    const all = await context.events()
    for (const limit of [1, 2, 7, 200]) {
      const paged = []
      for (let cursor: string | null = null; ;) {
        const page = await store.events({ limit, cursor })
        assert.ok(page.data.length <= limit)
        assert.equal(page.nextCursor, page.data.at(-1)?.cursor ?? cursor)
        if (page.data.length === 0) break
        paged.push(...page.data)
        cursor = page.nextCursor
      }
      assert.deepEqual(paged, all)
    }
    for (const [index, event] of all.entries()) assert.deepEqual(await readEvents(store, event.cursor), all.slice(index + 1))
  },

  'have no next cursor only while there are none': async ({ done, store, events }) => {
    assert.deepEqual(await store.events({ limit: 5, cursor: null }), { data: [], nextCursor: null })
    await done(createProduct('a', 5))
    const { nextCursor } = await store.events({ limit: 5, cursor: null })
    assert.ok(nextCursor !== null)
    assert.deepEqual(await store.events({ limit: 5, cursor: nextCursor }), { data: [], nextCursor })
    await done(createProduct('b', 5))
    assert.deepEqual((await store.events({ limit: 5, cursor: nextCursor })).data, (await events()).slice(1))
  },

  'say sold_out when available reaches 0, and available_again when it leaves it': async (context) => {
    const { done, batch, events } = context
    await done(createProduct('a', 2))
    const turns = async () => (await events()).flatMap(({ type, data }) => (/sold_out|again/.test(type) ? [[type, data]] : []))
    await buy(context, 'ann', { a: 1 })
    assert.deepEqual(await turns(), [])
    const held = await done(reserve('ann', { a: 1 }, { ttlMs: 5_000 }))
    const soldOut = {
      sku: 'a',
      total: 2,
      reserved: 1,
      sold: 1,
      available: 0,
      version: 4,
      status: 'all_reserved',
      nextReleaseAt: held.expiresAt,
    }
    assert.deepEqual(await turns(), [['stock.sold_out', soldOut]])
    await done(confirm(held.id))
    assert.equal((await turns()).length, 1)
    await batch(adjustStock('a', 1), reserve('ann', { a: 1 }))
    const types = (await turns()).map(([type]) => type)
    assert.deepEqual(types, ['stock.sold_out', 'stock.available_again', 'stock.sold_out'])
  },

  'never say sold_out while due units are free (H6)': async ({ done, advance, stock, events }) => {
    await done(createProduct('a', 10))
    for (const user of ['ann', 'bob']) await done(reserve(user, { a: 2 }, { ttlMs: 1_000 }))
    await advance(1_000)
    await done(reserve('cid', { a: 6 }))
    assert.equal((await stock('a')).available, 4)
    for (const { type, data } of await events()) {
      if (type === 'stock.sold_out') assert.equal((data as { available: number }).available, 0)
    }
    await done(reserve('dan', { a: 4 }))
    assert.equal((await events()).at(-1)?.type, 'stock.sold_out')
  },

  'begin at the end for whoever asks for none': async ({ store, done }) => {
    const end = async (): Promise<string | null> => (await store.events({ limit: 0, cursor: null })).nextCursor
    assert.equal(await end(), null)
    await done(createProduct('a', 10))
    await done(reserve('ann', { a: 2 }))
    const cursor = await end()
    assert.deepEqual(await store.events({ limit: 0, cursor: '0' }), { data: [], nextCursor: cursor })
    assert.deepEqual((await store.events({ limit: 9, cursor })).data, [])
    await done(reserve('bob', { a: 2 }))
    assert.deepEqual(
      (await store.events({ limit: 9, cursor })).data.map(({ type }) => type),
      ['reservation.created'],
    )
  },
})
