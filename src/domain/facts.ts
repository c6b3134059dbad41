import type { Idempotency, Result } from './command.ts'
import type { EventDraft } from './event.ts'
import type { OrderRow } from './order.ts'
import type { ProductRow } from './product.ts'
import type { ReservationRow } from './reservation.ts'
import type { Releases, StockRow } from './stock.ts'

/** The first answer to a request with an idempotency key, given again word for word. */
export interface StoredAnswer {
  readonly idempotency: Idempotency
  readonly createdAt: number
  readonly created: boolean
  readonly value: Result
}

/**
 * Just the rows that a batch needs, read under the lock that also covers the write. What a store must bring:
 *
 * - products and stock of every sku that a command names, or that a reservation or order below touches;
 * - every reservation and order that a command names, and the reservation of each of those orders and the order of each of those reservations;
 * - so many due reservations of a sku that its free units cover more than the batch asks for, or all its due ones (no-lag expiry; more, so that none is due when it sells out); a reserve of more than the total of a sku asks for nothing, because it cannot be had; for `expire`, so many as its limit says;
 * - `usage` of each user on each sku that has a limit or gets one in this batch: units held (not due) and bought;
 * - `occupied` of each slot that a reserve names, under a lock that also whoever extends a reservation takes for what that occupies: how many active reservations that are not due occupy it;
 * - `releases` of a sku whose last free unit could go in this batch, that is asked for more than is free, that has none free, or whose product or total a command changes: over the reservations that are not in `reservations`. When the next are due is only asked when the answer or an event tells the stock, so a store may read it then;
 * - the stored answers of the keys in the batch, if they are within the window.
 */
export interface Facts {
  readonly products: ReadonlyMap<string, ProductRow>
  readonly stock: ReadonlyMap<string, StockRow>
  readonly reservations: ReadonlyMap<string, ReservationRow>
  readonly orders: ReadonlyMap<string, OrderRow>
  readonly usage: ReadonlyMap<string, ReadonlyMap<string, number>>
  readonly occupied: ReadonlyMap<string, number>
  readonly releases: ReadonlyMap<string, Releases>
  readonly answers: ReadonlyMap<string, StoredAnswer>
}

/** The scope of keys that the engine gives to commands without one, so that a batch of unknown outcome can be repeated. No caller has it. */
export const engineScope = ''

/** Where an answer is found: no caller can see or hit another's keys. */
export function answerKey({ scope, key }: Pick<Idempotency, 'scope' | 'key'>): string {
  return JSON.stringify([scope, key])
}

/** The last state of every row that the batch changed, and the events in order. A row is in one list only. */
export interface Changes {
  readonly newProducts: readonly ProductRow[]
  readonly changedProducts: readonly ProductRow[]
  /** Skus whose product got its limit per user in this batch: their live units must be counted from now on. */
  readonly newlyLimited: readonly string[]
  readonly newStock: readonly StockRow[]
  readonly changedStock: readonly StockRow[]
  readonly newReservations: readonly ReservationRow[]
  readonly changedReservations: readonly ReservationRow[]
  readonly newOrders: readonly OrderRow[]
  readonly changedOrders: readonly OrderRow[]
  readonly events: readonly EventDraft[]
  readonly answers: readonly StoredAnswer[]
}
