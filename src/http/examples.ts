import { cursorExpired } from '../domain/faults.ts'
import { explainRefusal, type Refusal, type RefusalCode } from '../domain/refusals.ts'
import { membersOf, problem, type ErrorCode, type ServiceErrorCode } from './problem.ts'
import { frame } from './sse.ts'
import { webhookExamples } from './webhook-examples.ts'
import { viewEvent, viewOrder, viewPage, viewProduct, viewReservation, viewStock } from '../engine/views.ts'

/** What the documentation shows: one sale, told in the requests and answers of each operation. */

const opens = Date.UTC(2026, 10, 27, 9)
const reservedAt = opens + 1_250
const confirmedAt = reservedAt + 48_000
const expiresAt = reservedAt + 300_000
const price = { amount: 4_500, currency: 'EUR' }
const sku = 'ticket-berlin'
const lines = [{ sku, quantity: 2 }]
const items = [{ sku, quantity: 2, unitPrice: price }]
const metadata = { cart: 'c-1029' }
const cursor = 'MTI'

const stock = { sku, total: 500, reserved: 2, sold: 0, available: 498, version: 2, status: 'available', nextReleaseAt: expiresAt } as const

const product = {
  sku,
  name: 'A concert in Berlin',
  description: null,
  price,
  maxPerUser: 4,
  reservationTtlSeconds: 300,
  saleStartsAt: opens,
  saleEndsAt: null,
  createdAt: opens - 86_400_000,
  updatedAt: opens - 86_400_000,
  stock,
}

const reservation = {
  id: '019ac37a-a2e2-7c04-9b1f-3f6d1f0c8a51',
  userId: 'ada',
  status: 'active',
  items,
  metadata,
  createdAt: reservedAt,
  expiresAt,
  expiresInMs: expiresAt - reservedAt,
  endedAt: null,
  orderId: null,
} as const

const order = {
  id: '019ac37b-5e62-7d1a-8c33-52b9c5a4e7f0',
  reservationId: reservation.id,
  userId: 'ada',
  status: 'placed',
  items,
  total: { amount: 9_000, currency: 'EUR' },
  metadata: { ...metadata, payment: 'p-77' },
  createdAt: confirmedAt,
  cancelledAt: null,
} as const

const event = { id: '12', cursor, type: 'reservation.created', time: reservedAt, subject: reservation.id, data: reservation } as const
const isNew = { ...stock, reserved: 0, available: 500, version: 1, nextReleaseAt: null }

export interface Example {
  readonly body?: object
  /** Of an answer that is no error. */
  readonly answer: object | string
}

/** By `operationId`. */
export const examples: Readonly<Record<string, Example>> = {
  createProduct: {
    body: {
      sku,
      name: product.name,
      totalStock: 500,
      price,
      maxPerUser: 4,
      reservationTtlSeconds: 300,
      saleStartsAt: '2026-11-27T10:00:00+01:00',
    },
    answer: viewProduct({ ...product, stock: isNew }),
  },
  listProducts: { answer: viewPage({ data: [product], nextCursor: null }, viewProduct) },
  getProduct: { answer: viewProduct(product) },
  updateProduct: {
    body: { maxPerUser: null, saleEndsAt: '2026-11-27T22:00:00Z' },
    answer: viewProduct({ ...product, maxPerUser: null, saleEndsAt: Date.UTC(2026, 10, 27, 22), updatedAt: confirmedAt }),
  },
  getStock: { answer: viewStock(stock) },
  streamStock: { answer: frame({ id: stock.version, data: viewStock(stock) }).toString() },
  adjustStock: {
    body: { delta: 100, reason: 'The balcony opens.' },
    answer: viewStock({ ...stock, total: 600, available: 598, version: 3 }),
  },
  reserve: { body: { userId: 'ada', items: lines, ttlSeconds: 300, metadata }, answer: viewReservation(reservation) },
  getReservation: { answer: viewReservation(reservation) },
  listReservations: { answer: viewPage({ data: [reservation], nextCursor: null }, viewReservation) },
  confirm: { body: { userId: 'ada', metadata: { payment: 'p-77' } }, answer: viewOrder(order) },
  cancel: {
    body: { userId: 'ada' },
    answer: viewReservation({ ...reservation, status: 'cancelled', expiresInMs: 0, endedAt: confirmedAt }),
  },
  extend: {
    body: { ttlSeconds: 600 },
    answer: viewReservation({ ...reservation, expiresAt: confirmedAt + 600_000, expiresInMs: 600_000 }),
  },
  getOrder: { answer: viewOrder(order) },
  listOrders: { answer: viewPage({ data: [order], nextCursor: null }, viewOrder) },
  cancelOrder: {
    body: { reason: 'The buyer called.' },
    answer: viewOrder({ ...order, status: 'cancelled', cancelledAt: confirmedAt + 3_600_000 }),
  },
  streamEvents: {
    answer: frame({ id: event.id, event: event.type, data: viewEvent({ ...event, stock: [], reason: null }) }).toString(),
  },
  ...webhookExamples,
  listEvents: { answer: viewPage({ data: [{ ...event, stock: [], reason: null }], nextCursor: cursor }, viewEvent) },
}

const refusals: { readonly [Code in RefusalCode]: Extract<Refusal, { readonly code: Code }> } = {
  validation_failed: { code: 'validation_failed', errors: [{ path: '/items/0/quantity', message: 'must be at least 1' }] },
  product_not_found: { code: 'product_not_found', sku },
  reservation_not_found: { code: 'reservation_not_found' },
  order_not_found: { code: 'order_not_found' },
  not_owner: { code: 'not_owner' },
  product_exists: { code: 'product_exists' },
  insufficient_stock: { code: 'insufficient_stock', items: [{ sku, requested: 2, available: 1 }] },
  user_limit_exceeded: { code: 'user_limit_exceeded', sku, limit: 4, remaining: 1 },
  reservation_limit_exceeded: { code: 'reservation_limit_exceeded', limit: 3 },
  sale_not_started: { code: 'sale_not_started', sku, saleStartsAt: opens },
  sale_ended: { code: 'sale_ended', sku, saleEndsAt: Date.UTC(2026, 10, 27, 22) },
  reservation_confirmed: { code: 'reservation_confirmed' },
  reservation_cancelled: { code: 'reservation_cancelled' },
  reservation_expired: { code: 'reservation_expired' },
  reservation_lost: { code: 'reservation_lost' },
  order_cancelled: { code: 'order_cancelled' },
  stock_below_committed: { code: 'stock_below_committed', total: 500, reserved: 2, sold: 480 },
  idempotency_key_reused: { code: 'idempotency_key_reused' },
}

const { message: expiredSentence, oldestCursor } = cursorExpired('12', '48213')

const sentences: { readonly [Code in Exclude<ServiceErrorCode, 'not_found' | 'method_not_allowed' | 'cursor_expired'>]: string } = {
  unauthenticated: 'The token has expired.',
  webhook_not_found: 'There is no webhook with this id.',
  webhook_limit_exceeded: 'There are 100 webhooks already, as many as there may be; delete one that nobody needs.',
  forbidden: 'A key of the scope read may not do this; it takes service or admin.',
  rate_limited: 'This client may ask 100 times in 900 seconds here.',
  payload_too_large: 'A body may have 65536 bytes at most.',
  unsupported_media_type: 'Send the body as application/json.',
  overloaded: 'Too many requests are waiting; nothing was done.',
  store_unavailable: 'The store does not answer; nothing was done, or repeating with the same Idempotency-Key is safe.',
  internal: 'The service failed. Repeating with the same Idempotency-Key is safe.',
}

/** One for each code that an operation can answer, by the code. */
export const problemExamples: Readonly<Record<string, { readonly value: { readonly detail: string } }>> = Object.fromEntries([
  ...Object.values(refusals).map((refusal) => [
    refusal.code,
    { value: problem(refusal.code, explainRefusal(refusal), membersOf(refusal)) },
  ]),
  ...Object.entries(sentences).map(([code, sentence]) => [code, { value: problem(code as ErrorCode, sentence) }]),
  ['cursor_expired', { value: problem('cursor_expired', expiredSentence, { oldestCursor }) }],
])
