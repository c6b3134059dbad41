import type { Books } from './books.ts'
import type { Cancel, Confirm, Extend, Outcome } from './command.ts'
import { metadataProblem } from './limits.ts'
import { viewOrder, type Order } from './order.ts'
import type { Refusal } from './refusals.ts'
import { endedRefusal, viewReservation, type Reservation, type ReservationRow } from './reservation.ts'
import { cancelReservation, confirmReservation, extendReservation } from './transitions.ts'

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
  const value = confirmReservation(books, row, command.orderId, metadata)
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

  return { ok: true, value: cancelReservation(books, row), created: false, replayed: false }
}

/** More time from now on; never less than there was. */
export function extend(books: Books, command: Extend): Outcome<Reservation> {
  const found = find(books, command.reservationId, command.userId)
  if ('refusal' in found) return found
  const { row } = found
  if (row.status !== 'active') return { ok: false, refusal: endedRefusal(row.status) }

  const expiresAt = Math.max(row.expiresAt, books.now + command.ttlMs)
  return { ok: true, value: extendReservation(books, row, expiresAt), created: false, replayed: false }
}

function find(books: Books, id: string, userId: string | null): { row: ReservationRow } | { ok: false; refusal: Refusal } {
  const row = books.reservations.get(id)
  if (row === undefined) return { ok: false, refusal: { code: 'reservation_not_found' } }
  if (userId !== null && userId !== row.userId) return { ok: false, refusal: { code: 'not_owner' } }
  return { row }
}
