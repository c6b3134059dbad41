import assert from 'node:assert/strict'
import { cancel, cancelOrder, confirm, createProduct, expire, group, newId, reserve } from './kit.ts'

const eur = (amount: number) => ({ amount, currency: 'EUR' })

export const confirmTests = group('confirm', {
  'answers with the placed order and ends the reservation (O3)': async ({ done, store, advance, stock }) => {
    await done(createProduct('a', 5, { price: eur(250) }))
    const { id, createdAt, expiresAt } = await done(reserve('ann', { a: 3 }, { ttlMs: 10_000, metadata: { cart: '7', note: 'old' } }))
    await advance(1_000)
    const orderId = newId()
    const order = await done(confirm(id, { orderId, userId: 'ann', metadata: { note: 'new', paid: 'yes' } }))
    assert.deepEqual(order, {
      id: orderId,
      reservationId: id,
      userId: 'ann',
      status: 'placed',
      items: [{ sku: 'a', quantity: 3, unitPrice: eur(250) }],
      total: eur(750),
      metadata: { cart: '7', note: 'new', paid: 'yes' },
      createdAt: createdAt + 1_000,
      cancelledAt: null,
    })
    assert.deepEqual(await store.order(orderId), order)
    const reservation = await store.reservation(id)
    assert.deepEqual(reservation, {
      ...reservation,
      status: 'confirmed',
      expiresAt,
      expiresInMs: 0,
      endedAt: createdAt + 1_000,
      orderId,
      metadata: { cart: '7', note: 'old' },
    })
    const { total, reserved, sold, version } = await stock('a')
    assert.deepEqual({ total, reserved, sold, version }, { total: 5, reserved: 0, sold: 3, version: 3 })
  },

  'repeated gives the same order and makes no other (O2, O4)': async ({ done, run, stock }) => {
    await done(createProduct('a', 5))
    const { id } = await done(reserve('ann', { a: 3 }))
    const first = await run(confirm(id))
    assert.ok(first.ok && first.created)
    const again = await run(confirm(id, { metadata: { late: 'ignored' } }))
    assert.deepEqual(again, { ...first, created: false })
    assert.equal((await stock('a')).sold, 3)
  },

  'makes one order when 20 ask at once (O2)': async ({ done, run, batch, store }) => {
    await done(createProduct('a', 5))
    const { id } = await done(reserve('ann', { a: 1 }))
    const together = await Promise.all(Array.from({ length: 10 }, () => run(confirm(id))))
    const outcomes = [...together, ...(await batch(...Array.from({ length: 10 }, () => confirm(id))))]
    assert.equal(outcomes.filter((outcome) => outcome.ok && outcome.created).length, 1)
    assert.equal(new Set(outcomes.map((outcome) => (outcome.ok ? outcome.value.id : outcome.refusal.code))).size, 1)
    assert.equal((await store.orders({ userId: null }, { limit: 9, cursor: null })).data.length, 1)
  },

  'works until the last millisecond and not at expiresAt (H4, H5)': async ({ done, refused, advance }) => {
    await done(createProduct('a', 5))
    const early = await done(reserve('ann', { a: 1 }, { ttlMs: 10_000 }))
    const late = await done(reserve('ann', { a: 1 }, { ttlMs: 10_000 }))
    await advance(9_999)
    assert.equal((await done(confirm(early.id))).createdAt, early.expiresAt - 1)
    await advance(1)
    await refused(confirm(late.id), { code: 'reservation_expired' })
  },

  'comes too late in the batch that finds the reservation due (H1, H5)': async ({ done, batch, advance, stock }) => {
    await done(createProduct('a', 5))
    const { id } = await done(reserve('ann', { a: 1 }, { ttlMs: 1_000 }))
    await advance(1_000)
    const outcomes = await batch(confirm(id), cancel(id), expire(), confirm(id))
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.ok ? outcome.value : outcome.refusal.code)),
      ['reservation_expired', 'reservation_expired', { expired: 1 }, 'reservation_expired'],
    )
    assert.equal((await stock('a')).version, 3)
  },

  'refuses an unknown id before anything else, then another user, then an ended reservation (H8)': async ({ done, refused }) => {
    await done(createProduct('a', 5))
    const { id } = await done(reserve('ann', { a: 1 }))
    await refused(confirm(newId(), { userId: 'eve' }), { code: 'reservation_not_found' })
    await refused(confirm(id, { userId: 'eve' }), { code: 'not_owner' })
    await done(cancel(id))
    await refused(confirm(id, { userId: 'eve' }), { code: 'not_owner' })
    await refused(confirm(id, { userId: 'ann' }), { code: 'reservation_cancelled' })
  },

  'does not show an order to another user': async ({ done, refused }) => {
    await done(createProduct('a', 5))
    const { id } = await done(reserve('ann', { a: 1 }))
    await done(confirm(id))
    await refused(confirm(id, { userId: 'eve' }), { code: 'not_owner' })
  },

  'refuses when the order was cancelled': async ({ done, refused, batch }) => {
    await done(createProduct('a', 5))
    const { id } = await done(reserve('ann', { a: 1 }))
    const order = await done(confirm(id))
    await done(cancelOrder(order.id))
    await refused(confirm(id), { code: 'order_cancelled' })
    const [again] = await batch(confirm(id), confirm(id))
    assert.deepEqual(again, { ok: false, refusal: { code: 'order_cancelled' } })
  },

  'refuses metadata that is too large together with that of the reservation, and leaves no trace': async ({
    done,
    refused,
    store,
    stock,
  }) => {
    await done(createProduct('a', 5))
    const half = 'x'.repeat(1_024)
    const { id } = await done(reserve('ann', { a: 1 }, { metadata: { one: half } }))
    const message = "together with the reservation's is 2067 bytes of JSON; at most 2048 are allowed"
    await refused(confirm(id, { metadata: { two: half } }), { code: 'validation_failed', errors: [{ path: '/metadata', message }] })
    assert.equal((await store.reservation(id))?.status, 'active')
    assert.equal((await stock('a')).sold, 0)
    // A key of the same name takes no more room.
    assert.deepEqual((await done(confirm(id, { metadata: { one: half.toUpperCase() } }))).metadata, { one: half.toUpperCase() })
  },

  'has no total if a price is missing or the currencies differ': async ({ done, batch }) => {
    await batch(
      createProduct('euro', 5, { price: eur(100) }),
      createProduct('free', 5, { price: eur(0) }),
      createProduct('dollar', 5, { price: { amount: 100, currency: 'USD' } }),
      createProduct('unpriced', 5),
    )
    const totalOf = async (cart: Record<string, number>) => (await done(confirm((await done(reserve('ann', cart))).id))).total
    assert.deepEqual(await totalOf({ euro: 2, free: 1 }), eur(200))
    assert.deepEqual(await totalOf({ free: 1 }), eur(0))
    assert.equal(await totalOf({ euro: 1, dollar: 1 }), null)
    assert.equal(await totalOf({ euro: 1, unpriced: 1 }), null)
  },

  'may follow its reservation in the same batch': async ({ batch, stock }) => {
    const id = newId()
    const [, , order] = await batch(createProduct('a', 1), reserve('ann', { a: 1 }, { id }), confirm(id))
    assert.ok(order.ok && order.created && order.value.reservationId === id)
    assert.equal((await stock('a')).status, 'sold_out')
  },

  'adds its metadata to that of a reservation of the same batch': async ({ done, batch }) => {
    await done(createProduct('a', 5))
    const ids = [newId(), newId()]
    const outcomes = await batch(
      ...ids.map((id) => reserve('ann', { a: 1 }, { id, metadata: { one: '1', two: '2' } })),
      ...ids.map((id) => confirm(id, { metadata: { two: 'II' } })),
    )
    for (const order of outcomes.slice(2))
      assert.deepEqual(order.ok && 'metadata' in order.value && order.value.metadata, { one: '1', two: 'II' })
  },
})
