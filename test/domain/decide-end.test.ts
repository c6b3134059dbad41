import { describe, expect, it } from 'vitest'
import { cancel, cancelOrder, confirm, expire, extend, type Cart } from '../../src/store/conformance/kit.ts'
import type { ReservationRow } from '../../src/domain/reservation.ts'
import { decideAll, decideOne, nothing, now, order, reservation, seen, stock } from './facts.ts'

const cart = { a: 2 } satisfies Cart
const books = [stock('a', 9, { reserved: 2 })]
const rowsWith = (row: ReservationRow) => ({
  stock: books,
  reservations: [row],
  orders: row.orderId === null ? [] : [order(row.orderId, row)],
})

const active = reservation('r', cart)
const due = reservation('r', cart, { expiresAt: now })
const expired = reservation('r', cart, { status: 'expired', expiresAt: now - 5, endedAt: now - 5 })
const cancelled = reservation('r', cart, { status: 'cancelled', endedAt: now - 5 })
const confirmed = reservation('r', cart, { status: 'confirmed', endedAt: now - 5, orderId: 'o' })

describe('the end of a reservation', () => {
  it.each([
    [
      'confirm',
      confirm('r'),
      { active: 'ok', due: 'reservation_expired', expired: 'reservation_expired', cancelled: 'reservation_cancelled', confirmed: 'ok' },
    ],
    [
      'cancel',
      cancel('r'),
      { active: 'ok', due: 'reservation_expired', expired: 'reservation_expired', cancelled: 'ok', confirmed: 'reservation_confirmed' },
    ],
    [
      'extend',
      extend('r', 5_000),
      {
        active: 'ok',
        due: 'reservation_expired',
        expired: 'reservation_expired',
        cancelled: 'reservation_cancelled',
        confirmed: 'reservation_confirmed',
      },
    ],
  ])('is final for %s (H1, H2)', (_, command, expected) => {
    const states = { active, due, expired, cancelled, confirmed }
    const found = Object.entries(states).map(([name, row]) => {
      const { outcome } = decideOne(command, rowsWith(row))
      return [name, outcome.ok ? 'ok' : outcome.refusal.code]
    })
    expect(Object.fromEntries(found)).toEqual(expected)
  })

  it.each([
    ['confirm', confirm('r', { userId: 'eve' })],
    ['cancel', cancel('r', { userId: 'eve' })],
    ['extend', extend('r', 5_000, { userId: 'eve' })],
  ])('is not for others: %s (H8)', (_, command) => {
    expect(decideOne(command, {}).outcome).toEqual({ ok: false, refusal: { code: 'reservation_not_found' } })
    for (const row of [active, expired, cancelled, confirmed]) {
      const { outcome, changes } = decideOne(command, rowsWith(row))
      expect(outcome).toEqual({ ok: false, refusal: { code: 'not_owner' } })
      expect(changes).toEqual(nothing)
    }
  })

  it('by confirming makes the order, with the metadata of both', () => {
    const row = reservation('r', cart, { metadata: { a: 'old', b: 'kept' } })
    const { outcome, changes } = decideOne(confirm('r', { orderId: 'o', metadata: { a: 'new' } }), rowsWith(row))
    const made = order('o', row, { metadata: { a: 'new', b: 'kept' }, createdAt: now })
    expect(outcome).toEqual({ ok: true, value: { ...made, total: null }, created: true, replayed: false })
    const ended: ReservationRow = { ...row, status: 'confirmed', endedAt: now, orderId: 'o' }
    const changedStock = [stock('a', 9, { sold: 2, version: 8 })]
    expect(changes).toEqual({
      ...nothing,
      changedReservations: [ended],
      newOrders: [made],
      changedStock,
      events: [
        { type: 'reservation.confirmed', time: now, subject: 'r', data: seen(ended, 0), stock: changedStock, reason: null },
        { type: 'order.created', time: now, subject: 'o', data: { ...made, total: null }, stock: [], reason: null },
      ],
    })
  })

  it('by confirming again changes nothing', () => {
    const { outcome, changes } = decideOne(confirm('r', { orderId: 'another' }), rowsWith(confirmed))
    expect(outcome).toMatchObject({ ok: true, value: { id: 'o' }, created: false })
    expect(changes).toEqual(nothing)
    expect(decideOne(confirm('r', { orderId: 'o' }), rowsWith(confirmed)).outcome).toMatchObject({ created: true })
  })

  it('has its order cancelled', () => {
    const rows = { stock: books, reservations: [confirmed], orders: [order('o', confirmed, { status: 'cancelled', cancelledAt: now })] }
    expect(decideOne(confirm('r'), rows).outcome).toEqual({ ok: false, refusal: { code: 'order_cancelled' } })
  })

  it('by cancelling gives the units back once', () => {
    const { outcomes, changes } = decideAll([cancel('r'), cancel('r')], rowsWith(active))
    expect(outcomes[1]).toEqual(outcomes[0])
    expect(changes.changedStock).toEqual([stock('a', 9, { version: 8 })])
    expect(changes.events.map((event) => event.type)).toEqual(['reservation.cancelled'])
  })

  it('by expiring gives the units back once', () => {
    const { outcomes, changes } = decideAll([expire(), confirm('r'), cancel('r'), expire()], rowsWith(due))
    expect(outcomes[0]).toEqual({ ok: true, value: { expired: 1 }, created: false, replayed: false })
    expect(changes.changedStock).toEqual([stock('a', 9, { version: 8 })])
    expect(changes.events.map((event) => event.type)).toEqual(['reservation.expired'])
  })

  it('comes exactly at expiresAt, not a millisecond before (H4, H5)', () => {
    const codeAt = (expiresAt: number): string => {
      const { outcome } = decideOne(confirm('r'), rowsWith(reservation('r', cart, { expiresAt })))
      return outcome.ok ? 'ok' : outcome.refusal.code
    }
    expect([now - 1, now, now + 1].map(codeAt)).toEqual(['reservation_expired', 'reservation_expired', 'ok'])
  })

  it('moves only forward by extending (H7)', () => {
    const later = decideOne(extend('r', 5_000), rowsWith(active))
    expect(later.outcome).toMatchObject({ ok: true, value: { expiresAt: now + 5_000, expiresInMs: 5_000 } })
    expect(later.changes.events.map(({ type, stock: moved }) => [type, moved])).toEqual([['reservation.extended', []]])
    const sooner = decideOne(extend('r', 500), rowsWith(active))
    expect(sooner.outcome).toMatchObject({ ok: true, value: { expiresAt: now + 1_000, expiresInMs: 1_000 } })
    expect(sooner.changes).toEqual(nothing)
  })

  it('refuses metadata that is too large together', () => {
    const row = reservation('r', cart, { metadata: { a: 'x'.repeat(1_500) } })
    const { outcome, changes } = decideOne(confirm('r', { metadata: { b: 'x'.repeat(1_500) } }), rowsWith(row))
    expect(outcome).toMatchObject({ ok: false, refusal: { code: 'validation_failed', errors: [{ path: '/metadata' }] } })
    expect(changes).toEqual(nothing)
  })
})

describe('the cancelling of an order', () => {
  const rows = { stock: [stock('a', 9, { sold: 2 })], reservations: [confirmed], orders: [order('o', confirmed)] }

  it('restocks once (O5)', () => {
    const { outcomes, changes } = decideAll([cancelOrder('o', { reason: 'torn' }), cancelOrder('o')], rows)
    expect(outcomes[1]).toEqual(outcomes[0])
    expect(outcomes[0]).toMatchObject({ ok: true, value: { status: 'cancelled', cancelledAt: now } })
    expect(changes.changedStock).toEqual([stock('a', 9, { version: 8 })])
    expect(changes.events).toMatchObject([{ type: 'order.cancelled', subject: 'o', reason: 'torn', stock: changes.changedStock }])
    expect(changes.changedReservations).toEqual([])
  })

  it('needs an order', () => {
    expect(decideOne(cancelOrder('none'), rows).outcome).toEqual({ ok: false, refusal: { code: 'order_not_found' } })
  })
})
