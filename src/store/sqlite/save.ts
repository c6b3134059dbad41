import type { EventDraft } from '../../domain/event.ts'
import type { Changes } from '../../domain/facts.ts'
import type { OrderRow } from '../../domain/order.ts'
import type { ProductRow } from '../../domain/product.ts'
import type { Reservation, ReservationRow } from '../../domain/reservation.ts'
import type { StockRow } from '../../domain/stock.ts'
import type { Value } from './connect.ts'
import type { LoadedFacts } from './load.ts'
import { integer, writeStockChanges } from './rows.ts'
import type { Statements } from './statements.ts'

/** Write what was decided, inside the transaction that read the facts. */
export function saveChanges(sql: Statements, changes: Changes, facts: LoadedFacts): void {
  const products = new Map([...changes.newProducts, ...changes.changedProducts].map((row) => [row.sku, row]))
  for (const row of changes.newProducts) sql.insertProduct.run(row.sku, ...detailsOf(row), row.createdAt, row.updatedAt)
  for (const row of changes.changedProducts) sql.updateProduct.run(...detailsOf(row), row.updatedAt, row.sku)
  sql.saveStock(valuesOf(stockValues, changes.newStock, changes.changedStock))

  const firstNewSeq = integer(sql.lastReservation.get()?.['seq']) + 1
  for (const sku of changes.newlyLimited) sql.startCounting.run(firstNewSeq, sku)

  const isLimited = (sku: string): boolean => (products.get(sku) ?? facts.products.get(sku))?.maxPerUser != null
  const newSeqs = insertReservations(sql, changes.newReservations, firstNewSeq, isLimited)
  const ended = changes.newReservations.filter((row) => row.status !== 'active')
  updateReservations(sql, ended.concat(changes.changedReservations), (id) => newSeqs.get(id) ?? facts.seqs.get(id))

  sql.insertOrders(valuesOf(orderValues, changes.newOrders))
  for (const row of changes.changedOrders) sql.updateOrder.run(row.status, row.cancelledAt, row.id)
  for (const rows of [changes.newOrders, changes.changedOrders]) {
    for (const row of rows) if (row.status === 'cancelled') uncountLines(sql, row)
  }

  sql.insertEvents(valuesOf(eventValues, changes.events))
  for (const { idempotency, createdAt, created, value } of changes.answers) {
    sql.upsertAnswer.run(idempotency.scope, idempotency.key, idempotency.fingerprint, createdAt, created ? 1 : 0, JSON.stringify(value))
  }
}

/** The values of all rows, one after the other. A loop, because on the hot path `flatMap` costs as much as some of the statements. */
function valuesOf<Row>(values: (row: Row) => Value[], ...lists: readonly (readonly Row[])[]): Value[] {
  const all: Value[] = []
  for (const rows of lists) for (const row of rows) for (const value of values(row)) all.push(value)
  return all
}

function detailsOf(row: ProductRow): Value[] {
  const { name, description, price, maxPerUser, reservationTtlSeconds, saleStartsAt, saleEndsAt } = row
  return [name, description, price?.amount ?? null, price?.currency ?? null, maxPerUser, reservationTtlSeconds, saleStartsAt, saleEndsAt]
}

function stockValues(row: StockRow): Value[] {
  return [row.sku, row.total, row.reserved, row.sold, row.version]
}

/** All as active; where each stands in its table. */
function insertReservations(
  sql: Statements,
  rows: readonly ReservationRow[],
  firstSeq: number,
  isLimited: (sku: string) => boolean,
): Map<string, number> {
  const seqs = new Map<string, number>()
  if (rows.length === 0) return seqs
  const values: Value[] = []
  const lines: Value[] = []
  let seq = firstSeq - 1
  for (const row of rows) {
    seqs.set(row.id, ++seq)
    values.push(seq, row.id, row.userId, JSON.stringify(row.items), JSON.stringify(row.metadata), row.createdAt, row.expiresAt)
    for (const { sku, quantity } of row.items) lines.push(sku, seq, quantity, row.expiresAt, isLimited(sku) ? row.userId : null)
  }
  sql.insertReservations(values)
  sql.insertLines(lines)
  return seqs
}

function updateReservations(sql: Statements, rows: readonly ReservationRow[], seqOf: (id: string) => number | undefined): void {
  const values: Value[] = []
  const lines: Value[] = []
  for (const row of rows) {
    const seq = integer(seqOf(row.id) ?? null)
    values.push(seq, row.status, row.expiresAt, row.endedAt, row.orderId)
    const dueAt = row.status === 'active' ? row.expiresAt : null
    const counts = row.status === 'active' || row.status === 'confirmed' ? 1 : 0
    for (const { sku } of row.items) lines.push(sku, seq, dueAt, counts)
  }
  sql.updateReservations(values)
  sql.updateLines(lines)
}

/** The units of a cancelled order count against nobody's limit any more. */
function uncountLines(sql: Statements, order: OrderRow): void {
  const seq = integer(sql.reservation.get(order.reservationId)?.['seq'])
  sql.updateLines(order.items.flatMap(({ sku }): Value[] => [sku, seq, null, 0]))
}

function orderValues(row: OrderRow): Value[] {
  return [row.id, row.reservationId, row.userId, row.status, JSON.stringify(row.metadata), row.createdAt, row.cancelledAt]
}

function eventValues(event: EventDraft): Value[] {
  const kind = event.type.slice(0, event.type.indexOf('.'))
  const stored = kind === 'stock' || kind === 'product' ? JSON.stringify(event.data) : null
  const expiresAt = kind === 'reservation' ? (event.data as Reservation).expiresAt : null
  return [event.type, event.time, event.subject, expiresAt, writeStockChanges(event.stock), stored, event.reason]
}
