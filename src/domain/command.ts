import type { Metadata } from './limits.ts'
import type { Order } from './order.ts'
import type { Product, ProductDetails } from './product.ts'
import type { Refusal } from './refusals.ts'
import type { Reservation, ReservationLine } from './reservation.ts'
import type { Stock } from './stock.ts'

/** Who asked (`scope`: caller and route), the caller's key, and a digest of the request that tells a repeat from a reuse. */
export interface Idempotency {
  readonly scope: string
  readonly key: string
  readonly fingerprint: string
}

interface Keyed {
  readonly idempotency: Idempotency | null
}

/**
 * A name that reservations occupy from their making until their end or until they are due, and how many may do so at once. It is how a caller limits live reservations: `name` says of what, such as of
 * one user, and the rule is decided with the reservation.
 */
export interface Slot {
  readonly name: string
  /** A reserve is refused where so many occupy it already. */
  readonly max: number
}

/** Ids exist before the first attempt, so that repeating a command of unknown outcome finds its row. */
export interface Reserve extends Keyed {
  readonly type: 'reserve'
  readonly id: string
  readonly userId: string
  readonly items: readonly ReservationLine[]
  /** null: the smallest ttl of the products, else the default. */
  readonly ttlMs: number | null
  readonly metadata: Metadata
  /** What it will occupy; most occupy nothing. */
  readonly slots: readonly Slot[]
}

/** `userId` null: an operator, or the owner proven elsewhere. */
export interface Confirm extends Keyed {
  readonly type: 'confirm'
  readonly reservationId: string
  readonly orderId: string
  readonly userId: string | null
  readonly metadata: Metadata
}

export interface Cancel extends Keyed {
  readonly type: 'cancel'
  readonly reservationId: string
  readonly userId: string | null
}

export interface Extend extends Keyed {
  readonly type: 'extend'
  readonly reservationId: string
  readonly userId: string | null
  /** From the decision on; `expiresAt` never moves back. */
  readonly ttlMs: number
}

/** Give back at most `limit` due reservations, the longest due first. */
export interface Expire extends Keyed {
  readonly type: 'expire'
  readonly limit: number
}

export interface CreateProduct extends Keyed {
  readonly type: 'createProduct'
  readonly sku: string
  readonly totalStock: number
  readonly details: ProductDetails
}

export interface UpdateProduct extends Keyed {
  readonly type: 'updateProduct'
  readonly sku: string
  readonly patch: Partial<ProductDetails>
}

export interface AdjustStock extends Keyed {
  readonly type: 'adjustStock'
  readonly sku: string
  readonly delta: number
  readonly reason: string | null
}

export interface CancelOrder extends Keyed {
  readonly type: 'cancelOrder'
  readonly orderId: string
  readonly reason: string | null
}

export type Command = Reserve | Confirm | Cancel | Extend | Expire | CreateProduct | UpdateProduct | AdjustStock | CancelOrder

/** How many reservations one `expire` gave back. */
export interface Expired {
  readonly expired: number
}

export interface Results {
  reserve: Reservation
  confirm: Order
  cancel: Reservation
  extend: Reservation
  expire: Expired
  createProduct: Product
  updateProduct: Product
  adjustStock: Stock
  cancelOrder: Order
}

export type Result = Results[keyof Results]

/** `created`: this command made the thing, as opposed to finding it made. */
export interface Accepted<Value = Result> {
  readonly ok: true
  readonly value: Value
  readonly created: boolean
  /** The stored answer of an earlier command with the same idempotency key. */
  readonly replayed: boolean
}

export interface Refused {
  readonly ok: false
  readonly refusal: Refusal
}

export type Outcome<Value = Result> = Accepted<Value> | Refused

export type OutcomeOf<C extends Command> = Outcome<Results[C['type']]>
