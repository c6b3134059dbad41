import type { Event } from '../../domain/event.ts'
import { Fault } from '../../domain/faults.ts'
import { viewOrder, type Order } from '../../domain/order.ts'
import { viewProduct, type Product } from '../../domain/product.ts'
import { viewReservation, type Reservation } from '../../domain/reservation.ts'
import type { OrderFilter, Page, PageQuery, ReservationFilter } from '../port.ts'
import type { Row } from './connect.ts'
import { integer, readEvent, readOrder, readProduct, readReservation, readStock } from './rows.ts'
import type { Statements } from './statements.ts'

/** Rows one page may look at for a filter that no index serves; bounds how long one reader keeps the others waiting. */
const windowRows = 50_000

export function readProductView(sql: Statements, row: Row, now: number): Product {
  const product = readProduct(row)
  const dueUnits = integer(sql.dueUnits.get(product.sku, now)?.['units'])
  const next = sql.nextReleases.get(product.sku, now, 1)
  return viewProduct(product, readStock(row), { dueUnits, nextReleaseAt: next === undefined ? null : integer(next['due_at']) })
}

export function readProducts(sql: Statements, { limit, cursor }: PageQuery, now: number): Page<Product> {
  if (cursor !== null && !/^[A-Za-z0-9._-]{1,64}$/.test(cursor)) throw invalidCursor(cursor)
  const rows = sql.productsAfter.all(cursor ?? '', limit + 1)
  const data = rows.slice(0, limit).map((row) => readProductView(sql, row, now))
  return { data, nextCursor: rows.length > limit ? (data.at(-1)?.sku ?? null) : null }
}

export function readReservations(sql: Statements, filter: ReservationFilter, { limit, cursor }: PageQuery, now: number): Page<Reservation> {
  const { userId, sku, status } = filter
  const before = seqOf(cursor, integer(sql.lastReservation.get()?.['seq']) + 1)
  const from = userId === null ? Math.max(1, before - windowRows) : 1
  const rows =
    userId === null
      ? sql.reservationsBetween.all(status, now, sku, before, from, limit + 1)
      : sql.reservationsOfUser.all(status, now, sku, before, userId, limit + 1)
  const data = rows.slice(0, limit).map((row) => viewReservation(readReservation(row), now))
  const rest = from > 1 ? String(from) : null
  return { data, nextCursor: rows.length > limit ? cursorAt(rows[limit - 1]) : rest }
}

export function readOrders(sql: Statements, { userId }: OrderFilter, { limit, cursor }: PageQuery): Page<Order> {
  const before = seqOf(cursor, Number.MAX_SAFE_INTEGER)
  const rows = userId === null ? sql.ordersBefore.all(before, limit + 1) : sql.ordersOfUserBefore.all(userId, before, limit + 1)
  const data = rows.slice(0, limit).map((row) => viewOrder(readOrder(row)))
  return { data, nextCursor: rows.length > limit ? cursorAt(rows[limit - 1]) : null }
}

function cursorAt(row: Row | undefined): string {
  return String(integer(row?.['seq']))
}

export function readEvents(sql: Statements, { limit, cursor }: PageQuery): Page<Event> {
  const data = sql.eventsAfter.all(seqOf(cursor, 0), limit).map(readEvent)
  const last = data.at(-1)?.cursor
  if (last !== undefined) return { data, nextCursor: last }
  const isEmpty = sql.lastEvent.get()?.['seq'] === null
  return { data, nextCursor: isEmpty ? null : (cursor ?? '0') }
}

function seqOf(cursor: string | null, start: number): number {
  if (cursor === null) return start
  if (!/^\d{1,15}$/.test(cursor)) throw invalidCursor(cursor)
  return Number(cursor)
}

function invalidCursor(cursor: string): Fault {
  return new Fault('invalid_cursor', `"${cursor}" is not a cursor of this list; use the nextCursor of the page before.`)
}
