import type { EventDraft } from '../../domain/event.ts'
import type { Changes, StoredAnswer } from '../../domain/facts.ts'
import type { OrderRow } from '../../domain/order.ts'
import type { ProductRow } from '../../domain/product.ts'
import type { ReservationRow } from '../../domain/reservation.ts'
import type { StockRow } from '../../domain/stock.ts'
import type { Value } from './connect.ts'
import type { LoadedFacts } from './load.ts'
import { integer, writeDetail, writeItems } from './rows.ts'
import { blockOf, type Statements } from './statements.ts'

/** Write what was decided, inside the transaction that read the facts. */
export function saveChanges(sql: Statements, changes: Changes, facts: LoadedFacts): void {
  const products = new Map([...changes.newProducts, ...changes.changedProducts].map((row) => [row.sku, row]))
  for (const row of changes.newProducts) sql.insertProduct.run(row.sku, ...detailsOf(row), row.createdAt, row.updatedAt)
  for (const row of changes.changedProducts) sql.updateProduct.run(...detailsOf(row), row.updatedAt, row.sku)
  sql.saveStock(valuesOf(stockValues, changes.newStock, changes.changedStock))

  const firstNewSeq = integer(sql.lastReservation.get()?.['seq']) + 1
  for (const sku of changes.newlyLimited) sql.startCounting.run(firstNewSeq, sku)

  const lines = new Lines((sku) => (products.get(sku) ?? facts.products.get(sku))?.maxPerUser != null)
  const newSeqs = insertReservations(sql, changes.newReservations, firstNewSeq, lines)
  updateReservations(sql, changes, facts, newSeqs, lines)

  sql.insertOrders(valuesOf(orderValues, changes.newOrders))
  for (const row of changes.changedOrders) sql.updateOrder.run(row.status, row.cancelledAt, row.id)
  for (const rows of [changes.newOrders, changes.changedOrders]) {
    // The units of a cancelled order count against nobody's limit any more.
    for (const row of rows)
      if (row.status === 'cancelled') lines.uncount(row, newSeqs.get(row.reservationId) ?? integer(facts.seqs.get(row.reservationId)))
  }
  lines.save(sql)

  sql.insertEvents(valuesOf(eventValues, changes.events))
  sql.saveAnswers(valuesOf(answerValues, changes.answers))
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

/** The rows of lines that come and go with their reservations. A reservation that was made and ended in one batch leaves none. */
class Lines {
  readonly #isLimited: (sku: string) => boolean
  readonly #opened: Value[] = []
  readonly #closed: Value[] = []
  readonly #held: Value[] = []
  readonly #heldUntil: Value[] = []
  readonly #released: Value[] = []

  constructor(isLimited: (sku: string) => boolean) {
    this.#isLimited = isLimited
  }

  add(row: ReservationRow, seq: number): void {
    const isActive = row.status === 'active'
    for (const { sku, quantity } of row.items) {
      if (isActive) this.#opened.push(blockOf(seq), sku, row.expiresAt, seq, quantity)
      if ((isActive || row.status === 'confirmed') && this.#isLimited(sku)) {
        this.#held.push(sku, row.userId, seq, quantity, isActive ? row.expiresAt : null)
      }
    }
  }

  change(before: ReservationRow, after: ReservationRow, seq: number): void {
    const isActive = after.status === 'active'
    for (const { sku, quantity } of after.items) {
      this.#closed.push(blockOf(seq), sku, before.expiresAt, seq)
      if (isActive) this.#opened.push(blockOf(seq), sku, after.expiresAt, seq, quantity)
      if (!this.#isLimited(sku)) continue
      if (isActive || after.status === 'confirmed') this.#heldUntil.push(sku, after.userId, seq, isActive ? after.expiresAt : null)
      else this.#released.push(sku, after.userId, seq)
    }
  }

  uncount(order: OrderRow, seq: number): void {
    for (const { sku } of order.items) this.#released.push(sku, order.userId, seq)
  }

  save(sql: Statements): void {
    sql.deleteOpenLines(this.#closed)
    sql.insertOpenLines(this.#opened)
    sql.insertHeldLines(this.#held)
    sql.updateHeldLines(this.#heldUntil)
    sql.deleteHeldLines(this.#released)
  }
}

/** All as active; where each stands in its table. */
function insertReservations(sql: Statements, rows: readonly ReservationRow[], firstSeq: number, lines: Lines): Map<string, number> {
  const seqs = new Map<string, number>()
  const values: Value[] = []
  let seq = firstSeq
  for (const row of rows) {
    values.push(seq, row.id, row.userId, writeItems(row.items), JSON.stringify(row.metadata), row.createdAt, row.expiresAt)
    lines.add(row, seq)
    seqs.set(row.id, seq++)
  }
  sql.insertReservations(values)
  return seqs
}

function updateReservations(
  sql: Statements,
  changes: Changes,
  facts: LoadedFacts,
  newSeqs: ReadonlyMap<string, number>,
  lines: Lines,
): void {
  const values: Value[] = []
  const update = (row: ReservationRow, seq: number): void => {
    values.push(seq, row.status, row.expiresAt, row.endedAt, row.orderId)
  }
  for (const row of changes.newReservations) if (row.status !== 'active') update(row, integer(newSeqs.get(row.id)))
  for (const row of changes.changedReservations) {
    const seq = integer(facts.seqs.get(row.id))
    const before = facts.reservations.get(row.id)
    if (before === undefined) throw new Error(`missing fact: reservation ${row.id}`)
    update(row, seq)
    if (before.status === 'active') lines.change(before, row, seq)
  }
  sql.updateReservations(values)
}

function orderValues(row: OrderRow): Value[] {
  return [row.id, row.reservationId, row.userId, row.status, JSON.stringify(row.metadata), row.createdAt, row.cancelledAt]
}

function eventValues(event: EventDraft): Value[] {
  return [event.type, event.time, event.subject, writeDetail(event)]
}

function answerValues({ idempotency, createdAt, created, value }: StoredAnswer): Value[] {
  return [idempotency.scope, idempotency.key, idempotency.fingerprint, createdAt, created ? 1 : 0, JSON.stringify(value)]
}
