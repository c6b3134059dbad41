import { describe, expect, it } from 'vitest'
import {
  adjustStock,
  cancel,
  cancelOrder,
  confirm,
  createProduct,
  expire,
  key,
  reserve,
  updateProduct,
} from '../../src/store/conformance/kit.ts'
import type { ReservationRow } from '../../src/domain/reservation.ts'
import { decideAll, decideOne, nothing, now, order, product, reservation, seen, stock } from './facts.ts'

describe('decide() on reserve', () => {
  it('sets the units aside and says which rows that changes', () => {
    const price = { amount: 5, currency: 'EUR' }
    const command = reserve('ann', { b: 1, a: 2 }, { ttlMs: 60_000, metadata: { k: 'v' } })
    const rows = { products: [product('a', { price }), product('b')], stock: [stock('a', 9), stock('b', 9)] }
    const { outcome, changes } = decideOne(command, rows)
    const row: ReservationRow = {
      id: command.id,
      userId: 'ann',
      status: 'active',
      items: [
        { sku: 'b', quantity: 1, unitPrice: null },
        { sku: 'a', quantity: 2, unitPrice: price },
      ],
      metadata: { k: 'v' },
      createdAt: now,
      expiresAt: now + 60_000,
      endedAt: null,
      orderId: null,
      slots: [],
    }
    const value = seen(row, 60_000)
    expect(outcome).toEqual({ ok: true, value, created: true, replayed: false })
    const changedStock = [stock('b', 9, { reserved: 1, version: 8 }), stock('a', 9, { reserved: 2, version: 8 })]
    expect(changes).toEqual({
      ...nothing,
      newReservations: [row],
      changedStock,
      events: [{ type: 'reservation.created', time: now, subject: command.id, data: value, stock: changedStock, reason: null }],
    })
  })

  it('leaves no trace of a refused command', () => {
    const { outcome, changes } = decideOne(reserve('ann', { a: 1, b: 3 }, { idempotency: key('k') }), {
      stock: [stock('a', 9), stock('b', 2)],
    })
    expect(outcome).toEqual({ ok: false, refusal: { code: 'insufficient_stock', items: [{ sku: 'b', requested: 3, available: 2 }] } })
    expect(changes).toEqual(nothing)
  })

  it('does not change the facts it is given', () => {
    const row = Object.freeze(stock('a', 9))
    const command = reserve('ann', { a: 1 })
    expect(decideOne(command, { stock: [row] })).toEqual(decideOne(command, { stock: [row] }))
  })

  it('prefers unknown, then the sale window, then the limit, then the slots, then the stock', () => {
    const rows = {
      products: [product('short'), product('limited', { maxPerUser: 1 }), product('early', { saleStartsAt: now + 1 })],
      stock: [stock('short', 0), stock('limited', 0), stock('early', 0)],
      usage: { ann: { limited: 1 } },
      occupied: { full: 1 },
    }
    const codeOf = (cart: Record<string, number>, max = 1): string => {
      const { outcome } = decideOne(reserve('ann', cart, { slots: [{ name: 'full', max }] }), rows)
      return outcome.ok ? 'ok' : outcome.refusal.code
    }
    expect(codeOf({ short: 1, limited: 1, early: 1, none: 1 })).toBe('product_not_found')
    expect(codeOf({ short: 1, limited: 1, early: 1 })).toBe('sale_not_started')
    expect(codeOf({ short: 1, limited: 1 })).toBe('user_limit_exceeded')
    expect(codeOf({ short: 1 })).toBe('reservation_limit_exceeded')
    expect(codeOf({ short: 1 }, 2)).toBe('insufficient_stock')
  })

  it.each([
    [null, null, 'ok'],
    [now, null, 'ok'],
    [now + 1, null, 'sale_not_started'],
    [null, now + 1, 'ok'],
    [null, now, 'sale_ended'],
  ])('sells from %s until %s: %s', (saleStartsAt, saleEndsAt, expected) => {
    const rows = { products: [product('a', { saleStartsAt, saleEndsAt })], stock: [stock('a', 9)] }
    const { outcome } = decideOne(reserve('ann', { a: 1 }), rows)
    expect(outcome.ok ? 'ok' : outcome.refusal.code).toBe(expected)
  })

  it('takes the smallest ttl of the products, and 600 seconds without one', () => {
    const products = [product('a', { reservationTtlSeconds: 60 }), product('b', { reservationTtlSeconds: 30 }), product('c')]
    const rows = { products, stock: [stock('a', 9), stock('b', 9), stock('c', 9)] }
    const ttlOf = (cart: Record<string, number>, ttlMs: number | null = null): number | null => {
      const { outcome } = decideOne(reserve('ann', cart, { ttlMs }), rows)
      return outcome.ok ? outcome.value.expiresInMs : null
    }
    expect(ttlOf({ a: 1, b: 1, c: 1 })).toBe(30_000)
    expect(ttlOf({ a: 1, c: 1 })).toBe(60_000)
    expect(ttlOf({ c: 1 })).toBe(600_000)
    expect(ttlOf({ a: 1, b: 1, c: 1 }, 90_000)).toBe(90_000)
  })

  it('gives back what is due before it answers anybody (H6)', () => {
    const due = [
      reservation('late', { a: 1 }, { expiresAt: now }),
      reservation('early', { a: 1, b: 1 }, { expiresAt: now - 5 }),
      reservation('twin', { a: 1 }, { expiresAt: now }),
    ]
    const rows = { stock: [stock('a', 3, { reserved: 3 }), stock('b', 1, { reserved: 1 })], reservations: due }
    const { outcomes, changes } = decideAll([reserve('bob', { a: 3, b: 1 })], rows)
    expect(outcomes[0]?.ok).toBe(true)
    const expired = changes.events.filter((event) => event.type === 'reservation.expired')
    expect(expired.map((event) => event.subject)).toEqual(['early', 'late', 'twin'])
    expect(changes.changedReservations.map(({ id, status, endedAt }) => [id, status, endedAt])).toEqual([
      ['early', 'expired', now - 5],
      ['late', 'expired', now],
      ['twin', 'expired', now],
    ])
    // Three expiries and one reservation of a; one of each of b.
    expect(changes.changedStock).toEqual([stock('a', 3, { reserved: 3, version: 11 }), stock('b', 1, { reserved: 1, version: 9 })])
  })

  it('counts what a user takes and gives back within the batch (U1)', () => {
    const held = reservation('held', { a: 1 })
    const sold = reservation('sold', { a: 1 }, { status: 'confirmed', endedAt: now - 500, orderId: 'o' })
    const rows = {
      products: [product('a', { maxPerUser: 2 })],
      stock: [stock('a', 9, { reserved: 1, sold: 1 })],
      reservations: [held, sold],
      orders: [order('o', sold)],
      usage: { ann: { a: 2 }, bob: { a: 0 } },
    }
    const { outcomes } = decideAll(
      [
        reserve('ann', { a: 1 }),
        cancel('held'),
        reserve('ann', { a: 1 }),
        reserve('ann', { a: 1 }),
        cancelOrder('o'),
        reserve('ann', { a: 1 }),
        reserve('bob', { a: 2 }),
        reserve('bob', { a: 1 }),
      ],
      rows,
    )
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([false, true, true, false, true, true, true, false])
    const over = { ok: false, refusal: { code: 'user_limit_exceeded', sku: 'a', limit: 2, remaining: 0 } }
    expect([outcomes[0], outcomes[7]]).toEqual([over, over])
  })

  it('never tells a negative remainder when the limit was lowered', () => {
    const rows = { products: [product('a', { maxPerUser: 1 })], stock: [stock('a', 9)], usage: { ann: { a: 5 } } }
    const { outcome } = decideOne(reserve('ann', { a: 1 }), rows)
    expect(outcome).toEqual({ ok: false, refusal: { code: 'user_limit_exceeded', sku: 'a', limit: 1, remaining: 0 } })
  })

  it('counts what occupies a slot within the batch, and frees it with each end', () => {
    const two = { slots: [{ name: 'two', max: 2 }] }
    const held = reservation('held', { a: 1 }, { slots: ['two', 'nobody asks'] })
    const due = reservation('due', { a: 1 }, { slots: ['two'], expiresAt: now })
    const last = reserve('ann', { a: 1 }, { slots: [...two.slots, { name: 'two', max: 9 }] })
    const { outcomes, changes } = decideAll(
      [
        reserve('ann', { a: 1 }, two),
        reserve('ann', { a: 1 }, two),
        cancel('held'),
        reserve('ann', { a: 1 }, { ...two, id: 'sold' }),
        reserve('ann', { a: 1 }, two),
        confirm('sold'),
        last,
        reserve('ann', { a: 1 }, two),
      ],
      { stock: [stock('a', 9, { reserved: 2 })], reservations: [held, due], occupied: { two: 1 } },
    )
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([true, false, true, true, false, true, true, false])
    expect(outcomes[1]).toEqual({ ok: false, refusal: { code: 'reservation_limit_exceeded', limit: 2 } })
    expect(changes.newReservations.at(-1)).toMatchObject({ id: last.id, slots: ['two'] })
  })

  it('finds its own row when it is repeated, and answers as at first (O4)', () => {
    const command = reserve('ann', { a: 1 })
    const made = reservation(command.id, { a: 1 }, { status: 'confirmed', endedAt: now, orderId: 'o' })
    const { outcome, changes } = decideOne(command, {
      stock: [stock('a', 1, { sold: 1 })],
      reservations: [made],
      orders: [order('o', made)],
    })
    const value = seen({ ...made, status: 'active', endedAt: null, orderId: null }, 2_000)
    expect(outcome).toEqual({ ok: true, value, created: true, replayed: false })
    expect(changes).toEqual(nothing)
  })

  it('fails rather than read a missing fact as zero', () => {
    const limited = { products: [product('a', { maxPerUser: 1 })], stock: [stock('a', 9)] }
    expect(() => decideOne(reserve('ann', { a: 1 }), limited)).toThrow('missing fact: units of a that ann holds and bought')
    const slot = reserve('ann', { a: 1 }, { slots: [{ name: 'one', max: 1 }] })
    expect(() => decideOne(slot, { stock: [stock('a', 9)] })).toThrow('missing fact: how many occupy one')
    expect(() => decideOne(reserve('ann', { a: 1 }), { products: [product('a')] })).toThrow('missing fact: stock of a')
    const lost = reservation('r', { a: 1 }, { status: 'confirmed', endedAt: now, orderId: 'o' })
    expect(() => decideOne(confirm('r'), { stock: [stock('a', 9)], reservations: [lost] })).toThrow('missing fact: order of reservation r')
  })
})

describe('the turns of stock', () => {
  it('tells that it sold out, with what may come back and when', () => {
    const rows = { stock: [stock('a', 3, { reserved: 2 })], releases: { a: { dueUnits: 0, nextReleaseAt: now + 77 } } }
    const { changes } = decideOne(reserve('ann', { a: 1 }, { ttlMs: 5_000 }), rows)
    expect(changes.events[1]).toEqual({
      type: 'stock.sold_out',
      time: now,
      subject: 'a',
      data: { ...stock('a', 3, { reserved: 3, version: 8 }), available: 0, status: 'all_reserved', nextReleaseAt: now + 77 },
      stock: [],
      reason: null,
    })
  })

  it('takes the next release from its own batch when that is sooner', () => {
    const held = reservation('held', { a: 1, b: 1 }, { expiresAt: now + 50 })
    const rows = {
      stock: [stock('a', 3, { reserved: 2 }), stock('b', 1, { reserved: 1 })],
      reservations: [held],
      releases: { a: { dueUnits: 0, nextReleaseAt: now + 77 } },
    }
    const { changes } = decideAll([reserve('ann', { a: 1 }, { ttlMs: 60 }), cancel('held'), reserve('bob', { a: 1 }, { ttlMs: 70 })], rows)
    const turns = changes.events.flatMap(({ type, data }) => (type.startsWith('stock.') ? [[type, 'sku' in data && data.sku, data]] : []))
    expect(turns).toMatchObject([
      ['stock.sold_out', 'a', { nextReleaseAt: now + 50 }],
      ['stock.available_again', 'a', { available: 1, nextReleaseAt: now + 60 }],
      ['stock.available_again', 'b', { available: 1, nextReleaseAt: null }],
      ['stock.sold_out', 'a', { nextReleaseAt: now + 60 }],
    ])
  })

  it('does not take what is due and given back later in the batch for the next release', () => {
    const due = ['r1', 'r2'].map((id) => reservation(id, { a: 1 }, { expiresAt: now }))
    const rows = { stock: [stock('a', 3, { reserved: 3 })], reservations: due, releases: { a: { dueUnits: 0, nextReleaseAt: now + 77 } } }
    const { changes } = decideOne(expire(), rows)
    expect(changes.events.map(({ type, data }) => [type, 'sku' in data && data])).toMatchObject([
      ['reservation.expired', false],
      ['stock.available_again', { available: 1, nextReleaseAt: now + 77 }],
      ['reservation.expired', false],
    ])
  })

  it('tells every turn of one batch, in order', () => {
    const { changes } = decideAll(
      [createProduct('a', 1), reserve('ann', { a: 1 }), adjustStock('a', 1), adjustStock('a', -1), updateProduct('a', { name: 'New' })],
      { releases: { a: { dueUnits: 0, nextReleaseAt: null } } },
    )
    expect(changes.events.map((event) => event.type)).toEqual([
      'product.created',
      'reservation.created',
      'stock.sold_out',
      'stock.adjusted',
      'stock.available_again',
      'stock.adjusted',
      'stock.sold_out',
      'product.updated',
    ])
  })
})
