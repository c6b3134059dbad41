import type { Event } from '../../domain/event.ts'
import { viewOrder, type Order, type OrderRow } from '../../domain/order.ts'
import { viewProduct, type Product } from '../../domain/product.ts'
import { viewReservation, type Reservation } from '../../domain/reservation.ts'
import type { OrderFilter, Page, PageQuery, ReservationFilter } from '../port.ts'
import { blockOf, blockStart, windowBlocks, windowRows } from '../sql/blocks.ts'
import { beforeOf, checkSkuCursor, isGap, pageOf, refuseGap, seqOf } from '../sql/pages.ts'
import { removedOf } from '../sql/retention.ts'
import { integer, integerOrNull, readEvent, readOrder, readProduct, readReservation, readStock, skuInItems, type Row } from '../sql/rows.ts'
import type { Prepared, Queries } from './statements.ts'

/** Runs one statement in a transaction of its own. */
export type Read = (statement: Prepared, values?: readonly unknown[]) => Promise<readonly Row[]>

/** Blocks that one statement looks into; a user who has very many reservations must not make it sort them all. */
const blocksAtOnce = 64

function toProduct(row: Row): Product {
  const releases = { dueUnits: integerOrNull(row['due_units']) ?? 0, nextReleaseAt: integerOrNull(row['next_release_at']) }
  return viewProduct(readProduct(row), readStock(row), releases)
}

export async function readProductView(read: Read, sql: Queries, sku: string): Promise<Product | null> {
  const [row] = await read(sql.product, [sku])
  return row === undefined ? null : toProduct(row)
}

export async function readProducts(read: Read, sql: Queries, { limit, cursor }: PageQuery): Promise<Page<Product>> {
  checkSkuCursor(cursor)
  const rows = await read(sql.productsAfter, [cursor ?? '', limit + 1])
  const data = rows.slice(0, limit).map(toProduct)
  return { data, nextCursor: rows.length > limit ? (data.at(-1)?.sku ?? null) : null }
}

/** `at`: as seen then; null: now. */
export async function readReservationView(read: Read, sql: Queries, id: string, at: number | null = null): Promise<Reservation | null> {
  const [row] = await read(sql.reservation, [id])
  return row === undefined ? null : viewReservation(readReservation(row), at ?? integer(row['now']))
}

export async function readReservations(
  read: Read,
  sql: Queries,
  filter: ReservationFilter,
  { limit, cursor }: PageQuery,
  at: number | null = null,
): Promise<Page<Reservation>> {
  const { userId, status, slot = null } = filter
  const sku = filter.sku === null ? null : skuInItems(filter.sku)
  const [last] = await read(sql.lastReservation)
  const now = at ?? integer(last?.['now'])
  const before = beforeOf(cursor, integer(last?.['seq']) + 1)
  const toReservation = (row: Row): Reservation => viewReservation(readReservation(row), now)
  if (slot !== null) {
    return pageOf(await read(sql.reservationsInSlot, [status, now, sku, before, userId, slot, limit + 1]), limit, toReservation, 1)
  }
  if (userId !== null) {
    return newestFirst(before, limit, toReservation, (from, to, rest) =>
      read(sql.reservationsOfUser, [status, now, sku, before, userId, from, to, rest]),
    )
  }
  const from = Math.max(1, before - windowRows)
  return pageOf(await read(sql.reservationsBetween, [status, now, sku, before, from, limit + 1]), limit, toReservation, from)
}

export async function readOrderRow(read: Read, sql: Queries, id: string): Promise<OrderRow | null> {
  const [row] = await read(sql.order, [id])
  return row === undefined ? null : readOrder(row)
}

export async function readOrderView(read: Read, sql: Queries, id: string): Promise<Order | null> {
  const row = await readOrderRow(read, sql, id)
  return row === null ? null : viewOrder(row)
}

export async function readOrders(read: Read, sql: Queries, { userId }: OrderFilter, { limit, cursor }: PageQuery): Promise<Page<Order>> {
  const toOrder = (row: Row): Order => viewOrder(readOrder(row))
  const [last] = await read(sql.lastOrder)
  const before = beforeOf(cursor, integer(last?.['seq']) + 1)
  if (userId !== null)
    return newestFirst(before, limit, toOrder, (from, to, rest) => read(sql.ordersOfUser, [userId, before, from, to, rest]))
  return pageOf(await read(sql.ordersBefore, [before, limit + 1]), limit, toOrder, 1)
}

/** A page of the rows before a seq, newest first, which an index has block by block. */
async function newestFirst<Item>(
  before: number,
  limit: number,
  toItem: (row: Row) => Item,
  rowsIn: (from: number, to: number, rest: number) => Promise<readonly Row[]>,
): Promise<Page<Item>> {
  const newest = blockOf(before - 1)
  const oldest = Math.max(0, newest - windowBlocks + 1)
  const rows: Row[] = []
  for (let to = newest; to >= oldest && rows.length <= limit; to -= blocksAtOnce) {
    rows.push(...(await rowsIn(Math.max(oldest, to - blocksAtOnce + 1), to, limit + 1 - rows.length)))
  }
  return pageOf(rows, limit, toItem, blockStart(oldest))
}

export async function readEvents(read: Read, sql: Queries, { limit, cursor }: PageQuery): Promise<Page<Event>> {
  const data = limit === 0 ? [] : (await read(sql.eventsAfter, [seqOf(cursor, 0), limit])).map(readEvent)
  if (isGap(cursor, data)) refuseGap(cursor, removedOf((await read(sql.retention))[0]))
  const last = data.at(-1)?.cursor
  if (last !== undefined) return { data, nextCursor: last }
  const [row] = await read(sql.lastEvent)
  const head = integer(row?.['seq'])
  return { data, nextCursor: head === 0 ? null : limit === 0 ? String(head) : (cursor ?? '0') }
}
