import type { Money } from '../../src/index.ts'

/** The rows of the model, what they add up to, and how they are shown. */

export interface ModelProduct {
  sku: string
  total: number
  name: string
  description: string | null
  price: Money | null
  maxPerUser: number | null
  reservationTtlSeconds: number | null
  saleStartsAt: number | null
  saleEndsAt: number | null
  createdAt: number
  updatedAt: number
  /** Changes of its stock by commands; expiries come on top. */
  changes: number
}

export interface Item {
  readonly sku: string
  readonly quantity: number
  readonly unitPrice: Money | null
}

export interface ModelReservation {
  id: string
  userId: string
  status: 'active' | 'confirmed' | 'cancelled' | 'expired' | 'lost'
  items: Item[]
  metadata: Record<string, string>
  createdAt: number
  expiresAt: number
  endedAt: number | null
  orderId: string | null
}

export interface ModelOrder {
  id: string
  reservationId: string
  userId: string
  status: 'placed' | 'cancelled'
  items: Item[]
  metadata: Record<string, string>
  createdAt: number
  cancelledAt: number | null
}

export interface Rows {
  readonly products: readonly ModelProduct[]
  readonly reservations: readonly ModelReservation[]
  readonly orders: readonly ModelOrder[]
}

/** Counted from the reservations and orders every time; nothing that is due may still be active. */
export function counts(rows: Rows, { sku, total }: ModelProduct): { reserved: number; sold: number; available: number } {
  let reserved = 0
  let sold = 0
  for (const { status, items } of rows.reservations) if (status === 'active') reserved += units(items, sku)
  for (const { status, items } of rows.orders) if (status === 'placed') sold += units(items, sku)
  return { reserved, sold, available: total - reserved - sold }
}

/** What a user holds and bought. */
export function unitsOf(rows: Rows, userId: string, sku: string): number {
  let has = 0
  for (const reservation of rows.reservations) {
    if (reservation.userId === userId && reservation.status === 'active') has += units(reservation.items, sku)
  }
  for (const order of rows.orders) if (order.userId === userId && order.status === 'placed') has += units(order.items, sku)
  return has
}

function units(items: readonly Item[], sku: string): number {
  return items.find((item) => item.sku === sku)?.quantity ?? 0
}

/** Without the version, which also counts expiries that nobody had to notice yet. */
export function viewStock(rows: Rows, product: ModelProduct): object {
  const { reserved, sold, available } = counts(rows, product)
  const active = rows.reservations.filter(({ status, items }) => status === 'active' && units(items, product.sku) > 0)
  return {
    sku: product.sku,
    total: product.total,
    reserved,
    sold,
    available,
    status: available > 0 ? 'available' : reserved > 0 ? 'all_reserved' : 'sold_out',
    nextReleaseAt: active.length === 0 ? null : Math.min(...active.map(({ expiresAt }) => expiresAt)),
  }
}

export function viewProduct(rows: Rows, { total: _total, changes: _changes, ...product }: ModelProduct): object {
  return { ...product, stock: viewStock(rows, { ...product, total: _total, changes: _changes }) }
}

export function viewReservation(reservation: ModelReservation, now: number): object {
  return { ...reservation, expiresInMs: reservation.status === 'active' ? reservation.expiresAt - now : 0 }
}

export function viewOrder(order: ModelOrder): object {
  const [first] = order.items
  const currency = first?.unitPrice?.currency ?? null
  let amount = 0
  for (const { quantity, unitPrice } of order.items) {
    if (unitPrice === null || unitPrice.currency !== currency) return { ...order, total: null }
    amount += quantity * unitPrice.amount
  }
  return { ...order, total: currency === null ? null : { amount, currency } }
}
