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
  sql.saveStock([...changes.newStock, ...changes.changedStock].map(stockValues))

  const isLimited = (sku: string): boolean => (products.get(sku) ?? facts.products.get(sku))?.maxPerUser != null
  const newSeqs = insertReservations(sql, changes.newReservations, isLimited)
  for (const row of changes.newReservations) if (row.status !== 'active') updateReservation(sql, row, need(newSeqs.get(row.id)))
  for (const row of changes.changedReservations) updateReservation(sql, row, need(facts.seqs.get(row.id)))

  sql.insertOrders(changes.newOrders.map(orderValues))
  for (const row of changes.changedOrders) sql.updateOrder.run(row.status, row.cancelledAt, row.id)
  for (const row of [...changes.newOrders, ...changes.changedOrders]) if (row.status === 'cancelled') releaseLines(sql, row)

  for (const sku of changes.newlyLimited) sql.startCounting.run(sku)
  sql.insertEvents(changes.events.map(eventValues))
  for (const { idempotency, createdAt, created, value } of changes.answers) {
    sql.upsertAnswer.run(idempotency.scope, idempotency.key, idempotency.fingerprint, createdAt, created ? 1 : 0, JSON.stringify(value))
  }
}

function detailsOf(row: ProductRow): Value[] {
  const { name, description, price, maxPerUser, reservationTtlSeconds, saleStartsAt, saleEndsAt } = row
  return [name, description, price?.amount ?? null, price?.currency ?? null, maxPerUser, reservationTtlSeconds, saleStartsAt, saleEndsAt]
}

function stockValues(row: StockRow): Value[] {
  return [row.sku, row.total, row.reserved, row.sold, row.version]
}

/** All as active; where each stands in its table. */
function insertReservations(sql: Statements, rows: readonly ReservationRow[], isLimited: (sku: string) => boolean): Map<string, number> {
  const seqs = new Map<string, number>()
  if (rows.length === 0) return seqs
  const values: Value[][] = []
  const lines: Value[][] = []
  let seq = integer(sql.lastReservation.get()?.['seq'])
  for (const row of rows) {
    seqs.set(row.id, ++seq)
    values.push([seq, row.id, row.userId, JSON.stringify(row.items), JSON.stringify(row.metadata), row.createdAt, row.expiresAt])
    for (const { sku, quantity } of row.items) lines.push([sku, seq, quantity, row.expiresAt, isLimited(sku) ? row.userId : null])
  }
  sql.insertReservations(values)
  sql.insertLines(lines)
  return seqs
}

function need(seq: number | undefined): number {
  return integer(seq ?? null)
}

function orderValues(row: OrderRow): Value[] {
  return [row.id, row.reservationId, row.userId, row.status, JSON.stringify(row.metadata), row.createdAt, row.cancelledAt]
}

function updateReservation(sql: Statements, row: ReservationRow, seq: number): void {
  sql.updateReservation.run(row.status, row.expiresAt, row.endedAt, row.orderId, seq)
  const ended = row.status === 'cancelled' || row.status === 'expired'
  for (const { sku } of row.items) {
    if (ended) sql.releaseLine.run(sku, seq)
    else sql.updateLine.run(row.status === 'active' ? row.expiresAt : null, sku, seq)
  }
}

function releaseLines(sql: Statements, order: OrderRow): void {
  const seq = Number(sql.reservation.get(order.reservationId)?.['seq'])
  for (const { sku } of order.items) sql.releaseLine.run(sku, seq)
}

function eventValues(event: EventDraft): Value[] {
  const kind = event.type.slice(0, event.type.indexOf('.'))
  const stored = kind === 'stock' || kind === 'product' ? JSON.stringify(event.data) : null
  const expiresAt = kind === 'reservation' ? (event.data as Reservation).expiresAt : null
  return [event.type, event.time, event.subject, expiresAt, writeStockChanges(event.stock), stored, event.reason]
}
