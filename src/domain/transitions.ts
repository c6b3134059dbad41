import type { Books } from './books.ts'
import type { Metadata } from './limits.ts'
import { viewOrder, type Order, type OrderRow } from './order.ts'
import { viewProduct, type Product, type ProductRow } from './product.ts'
import { expireReservation, viewReservation, type Reservation, type ReservationRow } from './reservation.ts'
import type { Stock } from './stock.ts'

/** What each transition does to the books, and the event that tells it. Whether it may happen was decided before. */

export function makeReservation(books: Books, row: ReservationRow): Reservation {
  books.reservations.set(row.id, row)
  books.occupy(row, 1)
  const value = viewReservation(row, books.now)
  for (const { sku, quantity } of row.items) {
    books.count(row.userId, sku, quantity)
    books.move(sku, { reserved: quantity })
  }
  books.record('reservation.created', row.id, value)
  return value
}

/** The order exists from here on. `metadata`: that of the order. */
export function confirmReservation(books: Books, row: ReservationRow, orderId: string, metadata: Metadata): Order {
  const order: OrderRow = {
    id: orderId,
    reservationId: row.id,
    userId: row.userId,
    status: 'placed',
    items: row.items,
    metadata,
    createdAt: books.now,
    cancelledAt: null,
  }
  const ended: ReservationRow = { ...row, status: 'confirmed', endedAt: books.now, orderId }
  books.reservations.set(ended.id, ended)
  books.occupy(ended, -1)
  books.orders.set(order.id, order)
  for (const { sku, quantity } of ended.items) books.move(sku, { reserved: -quantity, sold: quantity })
  books.record('reservation.confirmed', ended.id, viewReservation(ended, books.now))
  const value = viewOrder(order)
  books.record('order.created', order.id, value)
  return value
}

export function cancelReservation(books: Books, row: ReservationRow): Reservation {
  for (const { sku, quantity } of row.items) books.count(row.userId, sku, -quantity)
  books.occupy(row, -1)
  return giveBack(books, 'reservation.cancelled', { ...row, status: 'cancelled', endedAt: books.now })
}

/** Given back by time. Not uncounted: the facts about users and slots leave out what is due. */
export function endByTime(books: Books, row: ReservationRow): void {
  giveBack(books, 'reservation.expired', expireReservation(row))
}

/** Given back because the memory that held it is gone. */
export function loseReservation(books: Books, row: ReservationRow): void {
  giveBack(books, 'reservation.lost', { ...row, status: 'lost', endedAt: books.now })
}

/** To the time there was already: no transition. */
export function extendReservation(books: Books, row: ReservationRow, expiresAt: number): Reservation {
  const next = { ...row, expiresAt }
  const value = viewReservation(next, books.now)
  if (expiresAt > row.expiresAt) {
    books.reservations.set(next.id, next)
    books.record('reservation.extended', next.id, value)
  }
  return value
}

export function addProduct(books: Books, row: ProductRow, totalStock: number): Product {
  const stock = { sku: row.sku, total: totalStock, reserved: 0, sold: 0, version: 1 }
  books.products.set(row.sku, row)
  books.open(stock)
  const value = viewProduct(row, stock, { dueUnits: 0, nextReleaseAt: null })
  books.record('product.created', row.sku, value)
  return value
}

/** To the very same row: no transition. */
export function changeProduct(books: Books, row: ProductRow, next: ProductRow): Product {
  const value: Product = { ...next, stock: books.viewStock(next.sku) }
  if (next !== row) {
    books.products.set(next.sku, next)
    if (row.maxPerUser === null && next.maxPerUser !== null) books.newlyLimited.add(next.sku)
    books.record('product.updated', next.sku, value)
  }
  return value
}

export function adjustTotal(books: Books, sku: string, delta: number, reason: string | null): Stock {
  books.move(sku, { total: delta })
  const value = books.viewStock(sku)
  books.record('stock.adjusted', sku, value, reason)
  return value
}

/** The sale is undone and its units are back on sale. */
export function undoOrder(books: Books, row: OrderRow, reason: string | null): Order {
  const cancelled: OrderRow = { ...row, status: 'cancelled', cancelledAt: books.now }
  books.orders.set(cancelled.id, cancelled)
  for (const { sku, quantity } of cancelled.items) {
    books.count(cancelled.userId, sku, -quantity)
    books.move(sku, { sold: -quantity })
  }
  const value = viewOrder(cancelled)
  books.record('order.cancelled', cancelled.id, value, reason)
  return value
}

function giveBack(books: Books, type: `reservation.${'cancelled' | 'expired' | 'lost'}`, ended: ReservationRow): Reservation {
  books.reservations.set(ended.id, ended)
  const value = viewReservation(ended, books.now)
  for (const { sku, quantity } of ended.items) books.move(sku, { reserved: -quantity })
  books.record(type, ended.id, value)
  return value
}
