import type { Command, OutcomeOf } from '../../src/domain/command.ts'
import { decide, type Decision } from '../../src/domain/decide.ts'
import { answerKey, type Facts, type StoredAnswer } from '../../src/domain/facts.ts'
import type { OrderRow } from '../../src/domain/order.ts'
import type { ProductRow } from '../../src/domain/product.ts'
import type { Reservation, ReservationRow } from '../../src/domain/reservation.ts'
import type { Releases, StockRow } from '../../src/domain/stock.ts'
import { details } from '../../src/store/conformance/kit.ts'

/** Facts by hand: rows as a store would bring them. */

export const now = 1_000_000

export function product(sku: string, more: Partial<ProductRow> = {}): ProductRow {
  return { sku, ...details, createdAt: 1, updatedAt: 1, ...more }
}

export function stock(sku: string, total: number, { reserved = 0, sold = 0, version = 7 }: Partial<StockRow> = {}): StockRow {
  return { sku, total, reserved, sold, version }
}

export function reservation(id: string, cart: Readonly<Record<string, number>>, more: Partial<ReservationRow> = {}): ReservationRow {
  return {
    id,
    userId: 'ann',
    status: 'active',
    items: Object.entries(cart).map(([sku, quantity]) => ({ sku, quantity, unitPrice: null })),
    metadata: {},
    createdAt: now - 1_000,
    expiresAt: now + 1_000,
    endedAt: null,
    orderId: null,
    slots: [],
    ...more,
  }
}

/** What everybody sees of it. */
export function seen(row: ReservationRow, expiresInMs: number): Reservation {
  const { slots: _, ...shown } = row
  return { ...shown, expiresInMs }
}

export function order(id: string, of: ReservationRow, more: Partial<OrderRow> = {}): OrderRow {
  const { userId, items, metadata } = of
  return { id, reservationId: of.id, userId, status: 'placed', items, metadata, createdAt: now - 500, cancelledAt: null, ...more }
}

export interface Rows {
  readonly products?: readonly ProductRow[]
  readonly stock?: readonly StockRow[]
  readonly reservations?: readonly ReservationRow[]
  readonly orders?: readonly OrderRow[]
  readonly usage?: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly occupied?: Readonly<Record<string, number>>
  /** Of every sku with stock, unless it says otherwise: nothing to come back. */
  readonly releases?: Readonly<Record<string, Releases>>
  readonly answers?: readonly StoredAnswer[]
}

export function factsOf(rows: Rows): Facts {
  const none: Releases = { dueUnits: 0, nextReleaseAt: null }
  const skus = rows.stock?.map((row) => row.sku) ?? []
  return {
    products: new Map((rows.products ?? skus.map((sku) => product(sku))).map((row) => [row.sku, row])),
    stock: new Map(rows.stock?.map((row) => [row.sku, row])),
    reservations: new Map(rows.reservations?.map((row) => [row.id, row])),
    orders: new Map(rows.orders?.map((row) => [row.id, row])),
    usage: new Map(Object.entries(rows.usage ?? {}).map(([user, units]) => [user, new Map(Object.entries(units))])),
    occupied: new Map(Object.entries(rows.occupied ?? {})),
    releases: new Map([...skus.map((sku) => [sku, none] as const), ...Object.entries(rows.releases ?? {})]),
    answers: new Map(rows.answers?.map((answer) => [answerKey(answer.idempotency), answer])),
  }
}

/** Decide several commands on these rows. */
export function decideAll(commands: readonly Command[], rows: Rows): Decision {
  return decide(commands, factsOf(rows), now)
}

/** Decide one; its outcome and what changes. */
export function decideOne<C extends Command>(command: C, rows: Rows): Omit<Decision, 'outcomes'> & { readonly outcome: OutcomeOf<C> } {
  const { outcomes, changes } = decideAll([command], rows)
  return { outcome: outcomes[0] as OutcomeOf<C>, changes }
}

export const nothing: Decision['changes'] = {
  newProducts: [],
  changedProducts: [],
  newlyLimited: [],
  newStock: [],
  changedStock: [],
  newReservations: [],
  changedReservations: [],
  newOrders: [],
  changedOrders: [],
  events: [],
  answers: [],
}
