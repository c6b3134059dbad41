import type { EventDraft } from '../../domain/event.ts'
import type { Changes, Facts, StoredAnswer } from '../../domain/facts.ts'
import type { OrderRow } from '../../domain/order.ts'
import type { ProductRow } from '../../domain/product.ts'
import type { ReservationRow } from '../../domain/reservation.ts'
import type { StockRow } from '../../domain/stock.ts'
import { Lines } from './lines.ts'
import { integer, writeEvents, writeItems, writeSlots, type Value } from './rows.ts'

/** What a SQL store brings to `decide()`, and needs again to write what was decided. */
export interface LoadedFacts extends Facts {
  /** Where the reservations among the facts stand in their table. */
  readonly seqs: ReadonlyMap<string, number>
  /** Where the new reservations of this batch will stand, by their index; and the one after them. */
  readonly newSeq: (index: number) => number
}

/** Writes the rows of one table: the values of all rows, one after the other. Nothing, if there are none. */
export type Write = (values: readonly Value[]) => void

/** The statements that write, in the words of the store. The columns of each row stand beside it. */
export interface Writes {
  /** sku, name, description, price_amount, price_currency, max_per_user, reservation_ttl_seconds, sale_starts_at, sale_ends_at, created_at, updated_at */
  readonly insertProducts: Write
  /** name, description, price_amount, price_currency, max_per_user, reservation_ttl_seconds, sale_starts_at, sale_ends_at, updated_at, sku */
  readonly updateProducts: Write
  /** counted_from, sku */
  readonly startCounting: Write
  /** sku, total, reserved, sold, version */
  readonly insertStock: Write
  /** the same */
  readonly updateStock: Write
  /** seq, id, user_id, items, metadata, created_at, expires_at, slots; active */
  readonly insertReservations: Write
  /** seq, status, expires_at, ended_at, order_id */
  readonly updateReservations: Write
  /** block, sku, due_at, chunk, units; added to what is there */
  readonly openLines: Write
  /** the same; taken from what is there */
  readonly closeLines: Write
  /** block, sku, due_at, chunk; only those of which no unit is left */
  readonly deleteClosedLines: Write
  /** sku, user_id, reservation_seq, quantity, due_at */
  readonly insertHeldLines: Write
  /** sku, user_id, reservation_seq, due_at; only lines that are there, those from before the limit are not */
  readonly updateHeldLines: Write
  /** sku, user_id, reservation_seq */
  readonly deleteHeldLines: Write
  /** name, reservation_seq */
  readonly insertSlots: Write
  /** the same */
  readonly deleteSlots: Write
  /** id, reservation_id, user_id, status, metadata, created_at, cancelled_at */
  readonly insertOrders: Write
  /** status, cancelled_at, id */
  readonly updateOrders: Write
  /** scope, key, fingerprint, created_at, created, value; over answers that are too old to be given again */
  readonly saveAnswers: Write
  /** count, time, list; last, because a store may number events under a lock */
  readonly insertEvents: Write
}

/** Write what was decided, inside the transaction that read the facts. */
export function saveChanges(sql: Writes, changes: Changes, facts: LoadedFacts): void {
  const products = new Map([...changes.newProducts, ...changes.changedProducts].map((row) => [row.sku, row]))
  sql.insertProducts(valuesOf((row) => [row.sku, ...detailsOf(row), row.createdAt, row.updatedAt], changes.newProducts))
  sql.updateProducts(valuesOf((row) => [...detailsOf(row), row.updatedAt, row.sku], changes.changedProducts))
  sql.insertStock(valuesOf(stockValues, changes.newStock))
  sql.updateStock(valuesOf(stockValues, changes.changedStock))
  if (changes.newlyLimited.length > 0) sql.startCounting(changes.newlyLimited.flatMap((sku) => [facts.newSeq(0), sku]))

  const lines = new Lines((sku) => (products.get(sku) ?? facts.products.get(sku))?.maxPerUser != null)
  const newSeqs = insertReservations(sql, changes.newReservations, facts, lines)
  updateReservations(sql, changes, facts, newSeqs, lines)

  sql.insertOrders(valuesOf(orderValues, changes.newOrders))
  sql.updateOrders(valuesOf((row) => [row.status, row.cancelledAt, row.id], changes.changedOrders))
  for (const rows of [changes.newOrders, changes.changedOrders]) {
    for (const row of rows) {
      // The units of a cancelled order count against nobody's limit any more.
      if (row.status === 'cancelled') lines.uncount(row, integer(newSeqs.get(row.reservationId) ?? facts.seqs.get(row.reservationId)))
    }
  }
  sql.openLines(lines.opened.values)
  sql.closeLines(lines.closed.values)
  sql.deleteClosedLines(lines.closed.keys())
  sql.insertHeldLines(lines.held)
  sql.updateHeldLines(lines.heldUntil)
  sql.deleteHeldLines(lines.released)
  sql.insertSlots(lines.occupied)
  sql.deleteSlots(lines.vacated)

  sql.saveAnswers(valuesOf(answerValues, changes.answers))
  sql.insertEvents(eventValues(changes.events))
}

/** The values of all rows, one after the other. A loop, because on the hot path `flatMap` costs as much as some of the statements. */
function valuesOf<Row>(values: (row: Row) => Value[], rows: readonly Row[]): Value[] {
  const all: Value[] = []
  for (const row of rows) for (const value of values(row)) all.push(value)
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
function insertReservations(sql: Writes, rows: readonly ReservationRow[], facts: LoadedFacts, lines: Lines): Map<string, number> {
  const seqs = new Map<string, number>()
  const values: Value[] = []
  for (const row of rows) {
    const seq = facts.newSeq(seqs.size)
    seqs.set(row.id, seq)
    const { id, userId, items, metadata, createdAt, expiresAt, slots } = row
    values.push(seq, id, userId, writeItems(items), JSON.stringify(metadata), createdAt, expiresAt, writeSlots(slots))
    lines.add(row, seq)
  }
  sql.insertReservations(values)
  return seqs
}

function updateReservations(sql: Writes, changes: Changes, facts: LoadedFacts, newSeqs: ReadonlyMap<string, number>, lines: Lines): void {
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

/** Events of one time share rows, because a row costs more than what stands in it. */
const eventsOfRow = 16

function eventValues(events: readonly EventDraft[]): Value[] {
  const values: Value[] = []
  for (let at = 0; at < events.length;) {
    const { time } = events[at]!
    let end = at + 1
    while (end - at < eventsOfRow && events[end]?.time === time) end++
    values.push(end - at, time, writeEvents(events.slice(at, end)))
    at = end
  }
  return values
}

function answerValues({ idempotency, createdAt, created, value }: StoredAnswer): Value[] {
  return [idempotency.scope, idempotency.key, idempotency.fingerprint, createdAt, created ? 1 : 0, JSON.stringify(value)]
}
