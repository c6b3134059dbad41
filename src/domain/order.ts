import type { Metadata } from './limits.ts'
import type { Money } from './product.ts'
import type { ReservedItem } from './reservation.ts'

export type OrderStatus = 'placed' | 'cancelled'

/** What was sold. Instants are epoch milliseconds. */
export interface OrderRow {
  readonly id: string
  readonly reservationId: string
  readonly userId: string
  readonly status: OrderStatus
  readonly items: readonly ReservedItem[]
  readonly metadata: Metadata
  readonly createdAt: number
  readonly cancelledAt: number | null
}

export interface Order extends OrderRow {
  /** null if a price is missing or the currencies differ. */
  readonly total: Money | null
}

export function viewOrder(row: OrderRow): Order {
  return {
    id: row.id,
    reservationId: row.reservationId,
    userId: row.userId,
    status: row.status,
    items: row.items,
    total: totalOf(row.items),
    metadata: row.metadata,
    createdAt: row.createdAt,
    cancelledAt: row.cancelledAt,
  }
}

function totalOf(items: readonly ReservedItem[]): Money | null {
  let amount = 0
  let currency: string | null = null
  for (const { quantity, unitPrice } of items) {
    if (unitPrice === null || (currency !== null && currency !== unitPrice.currency)) return null
    currency = unitPrice.currency
    amount += quantity * unitPrice.amount
  }
  return currency === null ? null : { amount, currency }
}
