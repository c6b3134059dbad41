import type { Order, OrderStatus } from '../../domain/order.ts'
import type { Refusal } from '../../domain/refusals.ts'
import type { ReservationLine } from '../../domain/reservation.ts'
import type { StockStatus } from '../../domain/stock.ts'

/** What a buyer can do in a shop, whether it is in this process or behind HTTP. Both repeat by themselves what is safe to repeat. */
export interface Shop {
  /** Shown to the person who runs the simulation. */
  readonly name: string
  createProduct(sku: string, units: number): Promise<void>
  stock(sku: string): Promise<StockView>
  reserve(userId: string, skus: readonly string[], ttlSeconds: number, key: string): Promise<Answer<Held>>
  confirm(reservationId: string, userId: string, key: string): Promise<Answer<Sale>>
  cancel(reservationId: string, userId: string, key: string): Promise<Answer<Held>>
  order(id: string): Promise<Sale | null>
  /** The shop's own account of itself: every finding as a sentence. null: this shop can only be asked from outside. */
  audit(): Promise<AuditResult | null>
  close(): Promise<void>
}

export type Answer<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly code: Refusal['code']; readonly shortOf: readonly string[] }

export interface Held {
  readonly id: string
  readonly items: readonly ReservationLine[]
}

/** The whole order as the shop gave it; only these parts are looked at one by one. */
export interface Sale extends Pick<Order, 'id' | 'reservationId' | 'userId'> {
  readonly status: OrderStatus
  readonly items: readonly ReservationLine[]
}

export interface StockView {
  readonly total: number
  readonly reserved: number
  readonly sold: number
  readonly status: StockStatus
  /** Until units may come back by themselves; null: nothing is reserved, or nobody knows. */
  readonly nextReleaseInMs: number | null
}

export interface AuditResult {
  readonly ok: boolean
  readonly events: number
  readonly findings: readonly string[]
}
