import type { Event } from '../../domain/event.ts'
import { viewOrder, type Order, type OrderRow } from '../../domain/order.ts'
import { viewProduct, type Product } from '../../domain/product.ts'
import { viewReservation, type Reservation } from '../../domain/reservation.ts'
import type { Releases, StockRow } from '../../domain/stock.ts'
import type { OrderFilter, Page, PageQuery, ReservationFilter } from '../port.ts'
import { blockOf, blockStart, windowBlocks, windowRows } from '../sql/blocks.ts'
import { OpenUnits } from '../sql/lines.ts'
import { beforeOf, checkSkuCursor, isGap, pageOf, refuseGap, seqOf } from '../sql/pages.ts'
import { removedOf } from '../sql/retention.ts'
import { integer, integerOrNull, readEvent, readOrder, readProduct, readReservation, readStock, skuInItems, type Row } from '../sql/rows.ts'
import { userBlockBits, type Statements } from './statements.ts'

export function readProductView(sql: Statements, sku: string, now: number): Product | null {
  const row = sql.product.get(sku)
  return row === undefined ? null : toProduct(sql, row, now)
}

function toProduct(sql: Statements, row: Row, now: number): Product {
  const stock = readStock(row)
  return viewProduct(readProduct(row), stock, readReleases(sql, stock, now))
}

/** What comes back of one sku, apart from some reservations. */
export function readReleases(sql: Statements, stock: StockRow | undefined, now: number, except = new OpenUnits()): Releases {
  if (stock === undefined || stock.reserved === 0) return { dueUnits: 0, nextReleaseAt: null }
  const row = sql.releases.get(stock.sku, now, JSON.stringify(except.byTime()))
  return { dueUnits: integer(row?.['due_units']), nextReleaseAt: integerOrNull(row?.['next_release_at']) }
}

export function readProducts(sql: Statements, { limit, cursor }: PageQuery, now: number): Page<Product> {
  checkSkuCursor(cursor)
  const rows = sql.productsAfter.all(cursor ?? '', limit + 1)
  const data = rows.slice(0, limit).map((row) => toProduct(sql, row, now))
  return { data, nextCursor: rows.length > limit ? (data.at(-1)?.sku ?? null) : null }
}

export function readReservationView(sql: Statements, id: string, now: number): Reservation | null {
  const row = sql.reservation.get(id)
  return row === undefined ? null : viewReservation(readReservation(row), now)
}

export function readReservations(sql: Statements, filter: ReservationFilter, { limit, cursor }: PageQuery, now: number): Page<Reservation> {
  const { userId, status, slot = null } = filter
  const sku = filter.sku === null ? null : skuInItems(filter.sku)
  const before = beforeOf(cursor, integer(sql.lastReservation.get()?.['seq']) + 1)
  const toReservation = (row: Row): Reservation => viewReservation(readReservation(row), now)
  if (slot !== null) {
    return pageOf(sql.reservationsInSlot.all(status, now, sku, before, userId, slot, limit + 1), limit, toReservation, 1)
  }
  if (userId !== null) {
    return newestFirst(before, limit, toReservation, (block, rest) =>
      sql.reservationsOfUser.all(status, now, sku, before, userId, block, rest),
    )
  }
  const from = Math.max(1, before - windowRows)
  return pageOf(sql.reservationsBetween.all(status, now, sku, before, from, limit + 1), limit, toReservation, from)
}

export function readOrderRow(sql: Statements, id: string): OrderRow | null {
  const row = sql.order.get(id)
  return row === undefined ? null : readOrder(row)
}

export function readOrderView(sql: Statements, id: string): Order | null {
  const row = readOrderRow(sql, id)
  return row === null ? null : viewOrder(row)
}

export function readOrders(sql: Statements, { userId }: OrderFilter, { limit, cursor }: PageQuery): Page<Order> {
  const before = beforeOf(cursor, integer(sql.lastOrder.get()?.['seq']) + 1)
  const toOrder = (row: Row): Order => viewOrder(readOrder(row))
  if (userId !== null) return newestFirst(before, limit, toOrder, (block, rest) => sql.ordersOfUser.all(userId, before, block, rest))
  return pageOf(sql.ordersBefore.all(before, limit + 1), limit, toOrder, 1)
}

/** A page of the rows before a seq, newest first, which an index has block by block. */
function newestFirst<Item>(
  before: number,
  limit: number,
  toItem: (row: Row) => Item,
  rowsIn: (block: number, rest: number) => Row[],
): Page<Item> {
  const newest = blockOf(before - 1, userBlockBits)
  const oldest = Math.max(0, newest - windowBlocks + 1)
  const rows: Row[] = []
  for (let block = newest; block >= oldest && rows.length <= limit; block--) rows.push(...rowsIn(block, limit + 1 - rows.length))
  return pageOf(rows, limit, toItem, blockStart(oldest, userBlockBits))
}

export function readEvents(sql: Statements, { limit, cursor }: PageQuery): Page<Event> {
  const data = limit === 0 ? [] : sql.eventsAfter.all(seqOf(cursor, 0), limit).map(readEvent)
  if (isGap(cursor, data)) refuseGap(cursor, removedOf(sql.retention.get()))
  const last = data.at(-1)?.cursor
  if (last !== undefined) return { data, nextCursor: last }
  const head = sql.lastEvent.get()?.['seq'] ?? null
  return { data, nextCursor: head === null ? null : limit === 0 ? String(head) : (cursor ?? '0') }
}
