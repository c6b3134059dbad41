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
const scanRowsMax = 5_000
const scanStep = 500

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

export function readReservations(sql: Statements, filter: ReservationFilter, query: PageQuery, now: number): Page<Reservation> {
  const { userId, sku, status } = filter
  const rowsBefore = (seq: number): Row[] => {
    if (userId !== null) return sql.reservationsOfUserBefore.all(userId, seq, scanStep)
    return sql.reservationsBefore.all(seq, scanStep)
  }
  return newestFirst(query, rowsBefore, (row) => {
    const reservation = viewReservation(readReservation(row), now)
    if (status !== null && reservation.status !== status) return null
    if (sku !== null && !reservation.items.some((item) => item.sku === sku)) return null
    return reservation
  })
}

export function readOrders(sql: Statements, { userId }: OrderFilter, query: PageQuery): Page<Order> {
  const rowsBefore = (seq: number): Row[] => {
    return userId === null ? sql.ordersBefore.all(seq, query.limit + 1) : sql.ordersOfUserBefore.all(userId, seq, query.limit + 1)
  }
  return newestFirst(query, rowsBefore, (row) => viewOrder(readOrder(row)))
}

export function readEvents(sql: Statements, { limit, cursor }: PageQuery): Page<Event> {
  const data = sql.eventsAfter.all(seqOf(cursor, 0), limit).map(readEvent)
  const last = data.at(-1)?.cursor
  if (last !== undefined) return { data, nextCursor: last }
  const isEmpty = sql.lastEvent.get()?.['seq'] === null
  return { data, nextCursor: isEmpty ? null : (cursor ?? '0') }
}

/** Walk down from the cursor until the page is full and one more is known to follow, the end is reached, or enough rows were looked at. */
function newestFirst<Item>({ limit, cursor }: PageQuery, rowsBefore: (seq: number) => Row[], pick: (row: Row) => Item | null): Page<Item> {
  const data: Item[] = []
  let seen = seqOf(cursor, Number.MAX_SAFE_INTEGER)
  for (let scanned = 0; scanned < scanRowsMax;) {
    const rows = rowsBefore(seen)
    for (const row of rows) {
      const item = pick(row)
      if (item !== null) {
        if (data.length === limit) return { data, nextCursor: String(seen) }
        data.push(item)
      }
      seen = integer(row['seq'])
    }
    if (rows.length === 0) return { data, nextCursor: null }
    scanned += rows.length
  }
  return { data, nextCursor: String(seen) }
}

function seqOf(cursor: string | null, start: number): number {
  if (cursor === null) return start
  if (!/^\d{1,15}$/.test(cursor)) throw invalidCursor(cursor)
  return Number(cursor)
}

function invalidCursor(cursor: string): Fault {
  return new Fault('invalid_cursor', `"${cursor}" is not a cursor of this list; use the nextCursor of the page before.`)
}
