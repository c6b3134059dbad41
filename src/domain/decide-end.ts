import type { Books } from './books.ts'
import type { Cancel, Confirm, Extend, Outcome } from './command.ts'
import { metadataProblem } from './limits.ts'
import { viewOrder, type Order, type OrderRow } from './order.ts'
import type { Refusal } from './refusals.ts'
import { endedRefusal, expireReservation, viewReservation, type Reservation, type ReservationRow } from './reservation.ts'

/** Given back by time. */
export function expire(books: Books, row: ReservationRow): void {
  const ended = expireReservation(row)
  books.reservations.set(ended.id, ended)
  // Not uncounted: the usage facts leave out what is due.
  giveBack(books, 'reservation.expired', ended, viewReservation(ended, books.now))
}

/** The buyer has paid or promised: the order exists from here on. Repeating finds the same order. */
export function confirm(books: Books, command: Confirm): Outcome<Order> {
  const found = find(books, command.reservationId, command.userId)
  if ('refusal' in found) return found
  const { row } = found
  if (row.status === 'confirmed') return confirmedAlready(books, row, command)
  if (row.status !== 'active') return { ok: false, refusal: endedRefusal(row.status) }

  const metadata = { ...row.metadata, ...command.metadata }
  const problem = metadataProblem(metadata)
  if (problem !== null) {
    return {
      ok: false,
      refusal: { code: 'validation_failed', errors: [{ path: '/metadata', message: `together with the reservation's ${problem}` }] },
    }
  }
  const order: OrderRow = {
    id: command.orderId,
    reservationId: row.id,
    userId: row.userId,
    status: 'placed',
    items: row.items,
    metadata,
    createdAt: books.now,
    cancelledAt: null,
  }
  const ended: ReservationRow = { ...row, status: 'confirmed', endedAt: books.now, orderId: order.id }
  books.reservations.set(ended.id, ended)
  books.orders.set(order.id, order)
  for (const { sku, quantity } of ended.items) books.move(sku, { reserved: -quantity, sold: quantity })
  books.record('reservation.confirmed', ended.id, viewReservation(ended, books.now))
  const value = viewOrder(order)
  books.record('order.created', order.id, value)
  return { ok: true, value, created: true, replayed: false }
}

function confirmedAlready(books: Books, row: ReservationRow, command: Confirm): Outcome<Order> {
  const order = books.need(books.orders.get(row.orderId ?? ''), `order of reservation ${row.id}`)
  if (order.status === 'cancelled') return { ok: false, refusal: { code: 'order_cancelled' } }
  // Its own id back means that an earlier attempt of this very command was committed.
  return { ok: true, value: viewOrder(order), created: order.id === command.orderId, replayed: false }
}

/** Given back by its owner or an operator. Repeating gives the same answer. */
export function cancel(books: Books, command: Cancel): Outcome<Reservation> {
  const found = find(books, command.reservationId, command.userId)
  if ('refusal' in found) return found
  const { row } = found
  if (row.status === 'cancelled') return { ok: true, value: viewReservation(row, books.now), created: false, replayed: false }
  if (row.status !== 'active') return { ok: false, refusal: endedRefusal(row.status) }

  const ended: ReservationRow = { ...row, status: 'cancelled', endedAt: books.now }
  books.reservations.set(ended.id, ended)
  for (const { sku, quantity } of ended.items) books.count(ended.userId, sku, -quantity)
  const value = viewReservation(ended, books.now)
  giveBack(books, 'reservation.cancelled', ended, value)
  return { ok: true, value, created: false, replayed: false }
}

/** More time from now on; never less than there was. */
export function extend(books: Books, command: Extend): Outcome<Reservation> {
  const found = find(books, command.reservationId, command.userId)
  if ('refusal' in found) return found
  const { row } = found
  if (row.status !== 'active') return { ok: false, refusal: endedRefusal(row.status) }

  const expiresAt = Math.max(row.expiresAt, books.now + command.ttlMs)
  const next = { ...row, expiresAt }
  const value = viewReservation(next, books.now)
  if (expiresAt > row.expiresAt) {
    books.reservations.set(next.id, next)
    books.record('reservation.extended', next.id, value)
  }
  return { ok: true, value, created: false, replayed: false }
}

function find(books: Books, id: string, userId: string | null): { row: ReservationRow } | { ok: false; refusal: Refusal } {
  const row = books.reservations.get(id)
  if (row === undefined) return { ok: false, refusal: { code: 'reservation_not_found' } }
  if (userId !== null && userId !== row.userId) return { ok: false, refusal: { code: 'not_owner' } }
  return { row }
}

function giveBack(books: Books, type: 'reservation.cancelled' | 'reservation.expired', row: ReservationRow, view: Reservation): void {
  for (const { sku, quantity } of row.items) books.move(sku, { reserved: -quantity })
  books.record(type, row.id, view)
}
