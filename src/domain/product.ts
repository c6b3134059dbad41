import type { Refusal } from './refusals.ts'
import { viewStock, type Releases, type Stock, type StockRow } from './stock.ts'

/** Minor units (cents) and an ISO 4217 code. */
export interface Money {
  readonly amount: number
  readonly currency: string
}

/** What an operator may set and change. Instants are epoch milliseconds. */
export interface ProductDetails {
  readonly name: string
  readonly description: string | null
  readonly price: Money | null
  /** Units a user may hold and buy together; null: no limit. */
  readonly maxPerUser: number | null
  readonly reservationTtlSeconds: number | null
  readonly saleStartsAt: number | null
  readonly saleEndsAt: number | null
}

export interface ProductRow extends ProductDetails {
  readonly sku: string
  readonly createdAt: number
  readonly updatedAt: number
}

export interface Product extends ProductRow {
  readonly stock: Stock
}

export function viewProduct(row: ProductRow, stock: StockRow, releases: Releases): Product {
  return { ...row, stock: viewStock(stock, releases) }
}

/** The sale window is `saleStartsAt <= now < saleEndsAt` and concerns reserving only. */
export function saleWindowRefusal(product: ProductRow, now: number): Refusal | null {
  if (product.saleStartsAt !== null && now < product.saleStartsAt) {
    return { code: 'sale_not_started', sku: product.sku, saleStartsAt: product.saleStartsAt }
  }
  if (product.saleEndsAt !== null && now >= product.saleEndsAt) {
    return { code: 'sale_ended', sku: product.sku, saleEndsAt: product.saleEndsAt }
  }
  return null
}

export function saleWindowProblem(details: Pick<ProductDetails, 'saleStartsAt' | 'saleEndsAt'>): Refusal | null {
  if (details.saleStartsAt === null || details.saleEndsAt === null || details.saleEndsAt > details.saleStartsAt) return null
  return { code: 'validation_failed', errors: [{ path: '/saleEndsAt', message: 'must be after saleStartsAt' }] }
}

/** The product after the patch, or the same object when the patch changes nothing. */
export function patchProduct(row: ProductRow, patch: Partial<ProductDetails>, now: number): ProductRow {
  const { price, ...others } = { ...row, ...patch }
  // The order in which a caller names amount and currency is no change.
  const next = { ...row, ...others, price: price === null ? null : { amount: price.amount, currency: price.currency } }
  return JSON.stringify(next) === JSON.stringify(row) ? row : { ...next, updatedAt: now }
}
