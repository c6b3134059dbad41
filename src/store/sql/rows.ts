import type { Event, EventDraft, EventType } from '../../domain/event.ts'
import type { StoredAnswer } from '../../domain/facts.ts'
import type { Metadata } from '../../domain/limits.ts'
import { viewOrder, type OrderRow, type OrderStatus } from '../../domain/order.ts'
import type { ProductRow } from '../../domain/product.ts'
import {
  viewReservation,
  type Reservation,
  type ReservationRow,
  type ReservationStatus,
  type ReservedItem,
} from '../../domain/reservation.ts'
import type { StockRow } from '../../domain/stock.ts'

/** What the drivers give for a column, and take. */
export type Value = string | number | null
export type Row = Record<string, Value>

export function readProduct(row: Row): ProductRow {
  const amount = integerOrNull(row['price_amount'])
  return {
    sku: text(row['sku']),
    name: text(row['name']),
    description: textOrNull(row['description']),
    price: amount === null ? null : { amount, currency: text(row['price_currency']) },
    maxPerUser: integerOrNull(row['max_per_user']),
    reservationTtlSeconds: integerOrNull(row['reservation_ttl_seconds']),
    saleStartsAt: integerOrNull(row['sale_starts_at']),
    saleEndsAt: integerOrNull(row['sale_ends_at']),
    createdAt: integer(row['created_at']),
    updatedAt: integer(row['updated_at']),
  }
}

export function readStock(row: Row): StockRow {
  return {
    sku: text(row['sku']),
    total: integer(row['total']),
    reserved: integer(row['reserved']),
    sold: integer(row['sold']),
    version: integer(row['version']),
  }
}

export function readReservation(row: Row): ReservationRow {
  return {
    id: text(row['id']),
    userId: text(row['user_id']),
    status: text(row['status']) as ReservationStatus,
    items: readItems(row),
    metadata: readMetadata(row['metadata']),
    createdAt: integer(row['created_at']),
    expiresAt: integer(row['expires_at']),
    endedAt: integerOrNull(row['ended_at']),
    orderId: textOrNull(row['order_id']),
    slots: row['slots'] === null ? [] : (JSON.parse(text(row['slots'])) as string[]),
  }
}

export function readOrder(row: Row): OrderRow {
  return {
    id: text(row['id']),
    reservationId: text(row['reservation_id']),
    userId: text(row['user_id']),
    status: text(row['status']) as OrderStatus,
    items: readItems(row),
    metadata: readMetadata(row['metadata']),
    createdAt: integer(row['created_at']),
    cancelledAt: integerOrNull(row['cancelled_at']),
  }
}

export function readAnswer(row: Row): StoredAnswer {
  return {
    idempotency: { scope: text(row['scope']), key: text(row['key']), fingerprint: text(row['fingerprint']) },
    createdAt: integer(row['created_at']),
    created: row['created'] === 1,
    value: JSON.parse(text(row['value'])) as StoredAnswer['value'],
  }
}

/** What `writeDetail` keeps of an event. */
interface Detail {
  readonly stock: readonly StockTuple[]
  readonly expiresAt?: number | null
  readonly reason?: string | null
  readonly data?: Event['data'] | null
}

type StockTuple = readonly [sku: string, version: number, total: number, reserved: number, sold: number]

/** E4, same id, same bytes: what is not stored with the event is told from columns that no later transition changes. */
export function readEvent(row: Row): Event {
  const seq = String(integer(row['event_seq']))
  const type = text(row['event_type']) as EventType
  const time = integer(row['event_time'])
  const detail = JSON.parse(text(row['event_detail'])) as Detail
  return {
    id: seq,
    cursor: seq,
    type,
    time,
    subject: text(row['event_subject']),
    data: detail.data ?? dataAfter(row, type, time, detail),
    stock: detail.stock.map(([sku, version, total, reserved, sold]) => ({ sku, version, total, reserved, sold })),
    reason: detail.reason ?? null,
  }
}

/** [[type, subject, detail]]. By hand, because it is on the hot path. */
export function writeEvents(events: readonly EventDraft[]): string {
  let written = ''
  for (const event of events)
    written += `${written === '' ? '' : ','}["${event.type}",${JSON.stringify(event.subject)},${writeDetail(event)}]`
  return `[${written}]`
}

function writeDetail({ type, stock, data, reason }: EventDraft): string {
  let written = ''
  for (const { sku, version, total, reserved, sold } of stock) {
    written += `${written === '' ? '' : ','}["${sku}",${version},${total},${reserved},${sold}]`
  }
  written = `{"stock":[${written}]`
  if (type.startsWith('reservation.')) written += `,"expiresAt":${(data as Reservation).expiresAt}`
  if (reason !== null) written += `,"reason":${JSON.stringify(reason)}`
  if (type.startsWith('stock.') || type.startsWith('product.')) written += `,"data":${JSON.stringify(data)}`
  return `${written}}`
}

function dataAfter(row: Row, type: EventType, time: number, detail: Detail): Event['data'] {
  const [kind, change] = type.split('.') as ['reservation' | 'order', string]
  if (kind === 'order') {
    const cancelled = change === 'cancelled'
    return viewOrder({
      id: text(row['placed_id']),
      reservationId: text(row['id']),
      userId: text(row['user_id']),
      status: cancelled ? 'cancelled' : 'placed',
      items: readItems(row),
      metadata: readMetadata(row['placed_metadata']),
      createdAt: integer(row['placed_at']),
      cancelledAt: cancelled ? time : null,
    })
  }
  const expiresAt = integer(detail.expiresAt)
  const status = change === 'created' || change === 'extended' ? 'active' : (change as ReservationStatus)
  const after: ReservationRow = {
    ...readReservation(row),
    status,
    expiresAt,
    endedAt: status === 'active' ? null : status === 'expired' ? expiresAt : time,
    orderId: status === 'confirmed' ? text(row['order_id']) : null,
  }
  return viewReservation(after, time)
}

/** By hand, because it is on the hot path; neither a sku nor a currency has a character that JSON would escape. */
export function writeItems(items: readonly ReservedItem[]): string {
  let written = ''
  for (const { sku, quantity, unitPrice } of items) {
    const price = unitPrice === null ? 'null' : `{"amount":${unitPrice.amount},"currency":"${unitPrice.currency}"}`
    written += `${written === '' ? '' : ','}{"sku":"${sku}","quantity":${quantity},"unitPrice":${price}}`
  }
  return `[${written}]`
}

/** null for none, which most have. */
export function writeSlots(slots: readonly string[]): string | null {
  return slots.length === 0 ? null : JSON.stringify(slots)
}

/** How a sku, and nothing else, stands in written items. */
export function skuInItems(sku: string): string {
  return `"sku":${JSON.stringify(sku)}`
}

export function readItems(row: Row): ReservedItem[] {
  return JSON.parse(text(row['items'])) as ReservedItem[]
}

function readMetadata(value: Value | undefined): Metadata {
  return JSON.parse(text(value)) as Metadata
}

export function integer(value: Value | undefined): number {
  if (typeof value !== 'number') throw new Error(`expected an integer in the database, found ${JSON.stringify(value)}`)
  return value
}

export function text(value: Value | undefined): string {
  if (typeof value !== 'string') throw new Error(`expected text in the database, found ${JSON.stringify(value)}`)
  return value
}

export function integerOrNull(value: Value | undefined): number | null {
  return value === null ? null : integer(value)
}

function textOrNull(value: Value | undefined): string | null {
  return value === null ? null : text(value)
}
