import type { EventDraft } from '../../domain/event.ts'
import type { Changes } from '../../domain/facts.ts'
import type { OrderRow } from '../../domain/order.ts'
import type { ProductRow } from '../../domain/product.ts'
import type { Reservation, ReservationRow } from '../../domain/reservation.ts'
import type { StockRow } from '../../domain/stock.ts'
import type { Value } from './connect.ts'
import type { LoadedFacts } from './load.ts'
import { writeStockChanges } from './rows.ts'
import type { Statements } from './statements.ts'

/** Write what was decided, inside the transaction that read the facts. */
export function saveChanges(sql: Statements, changes: Changes, facts: LoadedFacts): void {
  const products = new Map([...changes.newProducts, ...changes.changedProducts].map((row) => [row.sku, row]))
  for (const row of changes.newProducts) sql.insertProduct.run(row.sku, ...detailsOf(row), row.createdAt, row.updatedAt)
  for (const row of changes.changedProducts) sql.updateProduct.run(...detailsOf(row), row.updatedAt, row.sku)
  for (const row of changes.newStock) sql.insertStock.run(...booksOf(row))
  for (const row of changes.changedStock) sql.updateStock.run(...booksOf(row))

  const isLimited = (sku: string): boolean => (products.get(sku) ?? facts.products.get(sku))?.maxPerUser != null
  for (const row of changes.newReservations) insertReservation(sql, row, isLimited)
  for (const row of changes.changedReservations) updateReservation(sql, row, Number(facts.seqs.get(row.id)))

  for (const row of changes.newOrders) {
    sql.insertOrder.run(row.id, row.reservationId, row.userId, row.status, JSON.stringify(row.metadata), row.createdAt, row.cancelledAt)
  }
  for (const row of changes.changedOrders) sql.updateOrder.run(row.status, row.cancelledAt, row.id)
  for (const row of [...changes.newOrders, ...changes.changedOrders]) if (row.status === 'cancelled') releaseLines(sql, row)

  for (const sku of changes.newlyLimited) sql.startCounting.run(sku)
  for (const event of changes.events) insertEvent(sql, event)
  for (const { idempotency, createdAt, created, value } of changes.answers) {
    sql.upsertAnswer.run(idempotency.scope, idempotency.key, idempotency.fingerprint, createdAt, created ? 1 : 0, JSON.stringify(value))
  }
}

function detailsOf(row: ProductRow): Value[] {
  const { name, description, price, maxPerUser, reservationTtlSeconds, saleStartsAt, saleEndsAt } = row
  return [name, description, price?.amount ?? null, price?.currency ?? null, maxPerUser, reservationTtlSeconds, saleStartsAt, saleEndsAt]
}

function booksOf(row: StockRow): Value[] {
  return [row.total, row.reserved, row.sold, row.version, row.sku]
}

function insertReservation(sql: Statements, row: ReservationRow, isLimited: (sku: string) => boolean): void {
  const { lastInsertRowid } = sql.insertReservation.run(
    row.id,
    row.userId,
    row.status,
    JSON.stringify(row.items),
    JSON.stringify(row.metadata),
    row.createdAt,
    row.expiresAt,
    row.endedAt,
    row.orderId,
  )
  const counts = row.status === 'active' || row.status === 'confirmed'
  for (const { sku, quantity } of row.items) {
    sql.insertLine.run(sku, Number(lastInsertRowid), quantity, dueAt(row), counts && isLimited(sku) ? row.userId : null)
  }
}

function updateReservation(sql: Statements, row: ReservationRow, seq: number): void {
  sql.updateReservation.run(row.status, row.expiresAt, row.endedAt, row.orderId, seq)
  const ended = row.status === 'cancelled' || row.status === 'expired'
  for (const { sku } of row.items) {
    if (ended) sql.releaseLine.run(sku, seq)
    else sql.updateLine.run(dueAt(row), sku, seq)
  }
}

function dueAt(row: ReservationRow): number | null {
  return row.status === 'active' ? row.expiresAt : null
}

function releaseLines(sql: Statements, order: OrderRow): void {
  const seq = Number(sql.reservation.get(order.reservationId)?.['seq'])
  for (const { sku } of order.items) sql.releaseLine.run(sku, seq)
}

function insertEvent(sql: Statements, event: EventDraft): void {
  const kind = event.type.slice(0, event.type.indexOf('.'))
  const stored = kind === 'stock' || kind === 'product' ? JSON.stringify(event.data) : null
  const expiresAt = kind === 'reservation' ? (event.data as Reservation).expiresAt : null
  sql.insertEvent.run(event.type, event.time, event.subject, expiresAt, writeStockChanges(event.stock), stored, event.reason)
}
