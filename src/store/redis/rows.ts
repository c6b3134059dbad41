import type { Metadata } from '../../domain/limits.ts'
import type { Money, ProductDetails, ProductRow } from '../../domain/product.ts'
import type { ReservationRow, ReservationStatus, ReservedItem } from '../../domain/reservation.ts'
import type { Releases, StockRow } from '../../domain/stock.ts'

/** What the scripts write and read, as text: fields with tabs between. No sku, id, user or JSON has a tab in it. */

/** "limit ttl start stop price": what a decision needs to know of a product. */
export function writeRules({ maxPerUser, reservationTtlSeconds, saleStartsAt, saleEndsAt, price }: ProductDetails): string {
  const ttlMs = reservationTtlSeconds === null ? null : reservationTtlSeconds * 1000
  const values = [maxPerUser, ttlMs, saleStartsAt, saleEndsAt, price === null ? null : `${price.amount}${price.currency}`]
  return values.map((value) => value ?? '-').join(' ')
}

export function writeDetails({
  name,
  description,
  price,
  maxPerUser,
  reservationTtlSeconds,
  saleStartsAt,
  saleEndsAt,
}: ProductDetails): string {
  return JSON.stringify([
    name,
    description,
    price?.amount ?? null,
    price?.currency ?? null,
    maxPerUser,
    reservationTtlSeconds,
    saleStartsAt,
    saleEndsAt,
  ])
}

type WrittenDetails = [string, string | null, number | null, string | null, number | null, number | null, number | null, number | null]

export function readProduct(sku: string, createdAt: string, updatedAt: string, details: string): ProductRow {
  const [name, description, amount, currency, maxPerUser, reservationTtlSeconds, saleStartsAt, saleEndsAt] = JSON.parse(
    details,
  ) as WrittenDetails
  return {
    sku,
    name,
    description,
    price: amount === null || currency === null ? null : { amount, currency },
    maxPerUser,
    reservationTtlSeconds,
    saleStartsAt,
    saleEndsAt,
    createdAt: Number(createdAt),
    updatedAt: Number(updatedAt),
  }
}

/** "total reserved sold version". */
export function readStock(sku: string, text: string): StockRow {
  const [total, reserved, sold, version] = text.split(' ').map(Number) as [number, number, number, number]
  return { sku, total, reserved, sold, version }
}

export function writeStock({ total, reserved, sold, version }: StockRow): string {
  return `${total} ${reserved} ${sold} ${version}`
}

export function readReleases(dueUnits: string, next: string): Releases {
  return { dueUnits: Number(dueUnits), nextReleaseAt: next === '' ? null : Number(next) }
}

export function readPrice(text: string): Money | null {
  if (text === '-') return null
  return { amount: Number(text.slice(0, -3)), currency: text.slice(-3) }
}

function readItems(text: string): ReservedItem[] {
  return text.split(',').map((line) => {
    const [sku, quantity, price] = line.split(':') as [string, string, string]
    return { sku, quantity: Number(quantity), unitPrice: readPrice(price) }
  })
}

export function readMetadata(text: string): Metadata {
  return text === '' ? {} : (JSON.parse(text) as Metadata)
}

/** '' for none, which most have. */
export function writeMetadata(metadata: Metadata): string {
  const text = JSON.stringify(metadata)
  return text === '{}' ? '' : text
}

const statuses: Readonly<Record<string, ReservationStatus>> = { a: 'active', c: 'confirmed', x: 'cancelled', e: 'expired' }

/**
 * A reservation, and the metadata of its order if it has one. `fields`: status, expiresAt, createdAt, user, items, metadata; then of an active one its slots, each as JSON, and of one that has ended endedAt,
 * orderId, order metadata. What it occupies is the business of the scripts alone, and the ledger's rows do not say it: when a generation is over, nothing is active.
 */
export function readReservation(id: string, fields: readonly string[]): { row: ReservationRow; orderMetadata: Metadata } {
  const [status, expiresAt, createdAt, userId, items, metadata, ...end] = fields
  const [endedAt, orderId, orderMetadata] = status === 'a' ? [] : end
  return {
    row: {
      id,
      userId: userId!,
      status: statuses[status!]!,
      items: readItems(items!),
      metadata: readMetadata(metadata!),
      createdAt: Number(createdAt),
      expiresAt: Number(expiresAt),
      endedAt: endedAt === undefined ? null : Number(endedAt),
      orderId: orderId ?? null,
      slots: [],
    },
    orderMetadata: readMetadata(orderMetadata ?? ''),
  }
}
