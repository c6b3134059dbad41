import type { Order } from './order.ts'
import type { Product } from './product.ts'
import type { Reservation } from './reservation.ts'
import type { Stock } from './stock.ts'

export const eventTypes = [
  'reservation.created',
  'reservation.confirmed',
  'reservation.cancelled',
  'reservation.expired',
  'reservation.extended',
  'reservation.lost',
  'order.created',
  'order.cancelled',
  'stock.adjusted',
  'stock.sold_out',
  'stock.available_again',
  'product.created',
  'product.updated',
] as const

export type EventType = (typeof eventTypes)[number]

/** The books of one sku right after one change: what an audit folds. */
export interface StockChange {
  readonly sku: string
  readonly version: number
  readonly total: number
  readonly reserved: number
  readonly sold: number
}

interface Transition {
  readonly type: EventType
  /** When it was decided, by the store's clock; epoch milliseconds. */
  readonly time: number
  /** The id of the reservation or order, or the sku. */
  readonly subject: string
  /** The thing after the change. */
  readonly data: Reservation | Order | Product | Stock
}

/** One transition, appended in the same atomic step as the transition itself. */
export interface EventDraft extends Transition {
  /** Every sku whose books this transition changed, once each. */
  readonly stock: readonly StockChange[]
  /** Why, in the operator's words. */
  readonly reason: string | null
}

interface Placed {
  readonly id: string
  /** Continues after this event, now or tomorrow. */
  readonly cursor: string
}

/** An event as it is read from the feed of a store. */
export interface Event extends EventDraft, Placed {}

/** What everybody hears of it, wherever the shop is: the books and the reason are for who keeps them. */
export interface ShopEvent extends Transition, Placed {}
