import assert from 'node:assert/strict'
import { buy, cancelOrder, confirm, createProduct, group, newId, reserve } from './kit.ts'

export const orderTests = group('orders', {
  'cancelled put their units back on sale (O5)': async (context) => {
    const { done, run, store, advance, stock } = context
    await done(createProduct('a', 5))
    await done(createProduct('b', 5))
    const order = await buy(context, 'ann', { a: 2, b: 1 })
    await advance(1_000)
    const outcome = await run(cancelOrder(order.id, { reason: 'changed her mind' }))
    const cancelled = { ...order, status: 'cancelled', cancelledAt: order.createdAt + 1_000 }
    assert.deepEqual(outcome, { ok: true, value: cancelled, created: false, replayed: false })
    assert.deepEqual(await store.order(order.id), cancelled)
    for (const sku of ['a', 'b']) {
      const { available, sold, version } = await stock(sku)
      assert.deepEqual({ available, sold, version }, { available: 5, sold: 0, version: 4 })
    }
    assert.equal((await store.reservation(order.reservationId))?.status, 'confirmed')
  },

  'are cancelled once; again gives the same (O5)': async (context) => {
    const { done, run, batch, advance, stock } = context
    await done(createProduct('a', 5))
    const order = await buy(context, 'ann', { a: 2 })
    const first = await run(cancelOrder(order.id))
    await advance(1_000)
    assert.deepEqual(await run(cancelOrder(order.id, { reason: 'again' })), first)
    assert.deepEqual(await batch(cancelOrder(order.id), cancelOrder(order.id)), [first, first])
    const { available, version } = await stock('a')
    assert.deepEqual({ available, version }, { available: 5, version: 4 })
  },

  'that nobody placed are refused': async ({ refused, store }) => {
    await refused(cancelOrder(newId()), { code: 'order_not_found' })
    assert.equal(await store.order(newId()), null)
  },

  'can be placed and cancelled in one batch': async ({ done, batch, stock, store }) => {
    await done(createProduct('a', 1))
    const { id } = await done(reserve('ann', { a: 1 }))
    const orderId = newId()
    const [placed, cancelled, next] = await batch(confirm(id, { orderId }), cancelOrder(orderId), reserve('bob', { a: 1 }))
    assert.ok(placed.ok && cancelled.ok && next.ok)
    assert.equal((await store.order(orderId))?.status, 'cancelled')
    assert.deepEqual([(await stock('a')).reserved, (await stock('a')).sold], [1, 0])
  },
})
