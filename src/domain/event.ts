import type { Order } from './order.ts'
import type { Product } from './product.ts'
import type { Reservation } from './reservation.ts'
import type { Stock } from './stock.ts'

export type EventType =
  | `reservation.${'created' | 'confirmed' | 'cancelled' | 'expired' | 'extended' | 'lost'}`
  | `order.${'created' | 'cancelled'}`
  | `stock.${'adjusted' | 'sold_out' | 'available_again'}`
  | `product.${'created' | 'updated'}`

/** The books of one sku right after one change: what an audit folds. */
export interface StockChange {
  readonly sku: string
  readonly version: number
  readonly total: number
  readonly reserved: number
  readonly sold: number
}

/** One transition, appended in the same atomic step as the transition itself. */
export interface EventDraft {
  readonly type: EventType
  /** When it was decided, by the store's clock; epoch milliseconds. */
  readonly time: number
  /** The id of the reservation or order, or the sku. */
  readonly subject: string
  /** The thing after the change. */
  readonly data: Reservation | Order | Product | Stock
  /** Every sku whose books this transition changed, once each. */
  readonly stock: readonly StockChange[]
  /** Why, in the operator's words. */
  readonly reason: string | null
}

/** An event as it is read from the feed. `cursor` continues after it, now or tomorrow. */
export interface Event extends EventDraft {
  readonly id: string
  readonly cursor: string
}
