import { expect } from 'vitest'

/** The shapes and problems of the contract, written down a second time: what the service documents about itself is checked against this. */

export interface Money {
  readonly amount: number
  readonly currency: string
}

export interface Stock {
  readonly sku: string
  readonly total: number
  readonly reserved: number
  readonly sold: number
  readonly available: number
  readonly version: number
  readonly status: 'available' | 'all_reserved' | 'sold_out'
  readonly nextReleaseAt: string | null
}

export interface Product {
  readonly sku: string
  readonly name: string
  readonly description: string | null
  readonly price: Money | null
  readonly maxPerUser: number | null
  readonly reservationTtlSeconds: number | null
  readonly saleStartsAt: string | null
  readonly saleEndsAt: string | null
  readonly stock: Stock
  readonly createdAt: string
  readonly updatedAt: string
}

export interface Item {
  readonly sku: string
  readonly quantity: number
  readonly unitPrice: Money | null
}

export interface Reservation {
  readonly id: string
  readonly userId: string
  readonly status: 'active' | 'confirmed' | 'cancelled' | 'expired'
  readonly items: readonly Item[]
  readonly metadata: Readonly<Record<string, string>>
  readonly createdAt: string
  readonly expiresAt: string
  readonly expiresInMs: number
  readonly endedAt: string | null
  readonly orderId: string | null
}

export interface Order {
  readonly id: string
  readonly reservationId: string
  readonly userId: string
  readonly status: 'placed' | 'cancelled'
  readonly items: readonly Item[]
  readonly total: Money | null
  readonly metadata: Readonly<Record<string, string>>
  readonly createdAt: string
  readonly cancelledAt: string | null
}

export interface Event {
  readonly specversion: '1.0'
  readonly id: string
  readonly source: string
  readonly type: string
  readonly time: string
  readonly subject: string
  readonly data: Product | Stock | Reservation | Order
}

export interface Webhook {
  readonly id: string
  readonly url: string
  readonly events: readonly string[]
  readonly status: 'active' | 'disabled'
  readonly disabledReason: string | null
  readonly createdAt: string
  readonly updatedAt: string
}

export interface WebhookWithSecret extends Omit<Webhook, 'disabledReason' | 'updatedAt'> {
  readonly secret: string
}

export interface Attempt {
  readonly id: string
  readonly eventId: string
  readonly eventType: string
  readonly at: string
  readonly durationMs: number
  readonly outcome: 'delivered' | 'failed' | 'given_up'
  readonly statusCode: number | null
  readonly reason: string | null
  readonly response: string | null
}

export interface Page<Thing> {
  readonly data: readonly Thing[]
  readonly nextCursor: string | null
}

export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly errors?: readonly { readonly path: string; readonly message: string }[]
}

export const instantPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

const members = {
  Product: 'sku name description price maxPerUser reservationTtlSeconds saleStartsAt saleEndsAt stock createdAt updatedAt',
  Stock: 'sku total reserved sold available version status nextReleaseAt',
  Reservation: 'id userId status items metadata createdAt expiresAt expiresInMs endedAt orderId',
  Order: 'id reservationId userId status items total metadata createdAt cancelledAt',
  Event: 'specversion id source type time subject data',
  Item: 'sku quantity unitPrice',
  Money: 'amount currency',
  Page: 'data nextCursor',
  Webhook: 'id url events status disabledReason createdAt updatedAt',
  WebhookWithSecret: 'id url events status secret createdAt',
  Attempt: 'id eventId eventType at durationMs outcome statusCode reason response',
} as const

export type Shape = keyof typeof members

/** What the contract says a route answers when all is well. */
export const answersOf: Readonly<Record<string, Shape | `Page of ${Shape}`>> = {
  'POST /v1/products': 'Product',
  'GET /v1/products': 'Page of Product',
  'GET /v1/products/{sku}': 'Product',
  'PATCH /v1/products/{sku}': 'Product',
  'GET /v1/products/{sku}/stock': 'Stock',
  'POST /v1/products/{sku}/stock-adjustments': 'Stock',
  'POST /v1/reservations': 'Reservation',
  'GET /v1/reservations': 'Page of Reservation',
  'GET /v1/reservations/{id}': 'Reservation',
  'POST /v1/reservations/{id}/confirm': 'Order',
  'POST /v1/reservations/{id}/cancel': 'Reservation',
  'POST /v1/reservations/{id}/extend': 'Reservation',
  'GET /v1/orders': 'Page of Order',
  'GET /v1/orders/{id}': 'Order',
  'POST /v1/orders/{id}/cancel': 'Order',
  'GET /v1/events': 'Page of Event',
  'POST /v1/webhooks': 'WebhookWithSecret',
  'GET /v1/webhooks': 'Page of Webhook',
  'GET /v1/webhooks/{id}': 'Webhook',
  'PATCH /v1/webhooks/{id}': 'Webhook',
  'POST /v1/webhooks/{id}/rotate': 'WebhookWithSecret',
  'POST /v1/webhooks/{id}/test': 'Attempt',
  'POST /v1/webhooks/{id}/replay': 'Webhook',
  'GET /v1/webhooks/{id}/attempts': 'Page of Attempt',
}

const nested: Readonly<Record<string, Shape>> = { stock: 'Stock', price: 'Money', unitPrice: 'Money', total: 'Money', items: 'Item' }

/** The same members, no more and no fewer; instants with milliseconds; integers everywhere. */
export function expectShape(value: unknown, shape: Shape | `Page of ${Shape}`): void {
  if (shape.startsWith('Page of ')) {
    expectShape(value, 'Page')
    for (const one of (value as Page<unknown>).data) expectShape(one, shape.slice('Page of '.length) as Shape)
    return
  }
  const own = value as Readonly<Record<string, unknown>>
  expect(Object.keys(own).toSorted(), `members of ${shape}`).toEqual(members[shape as Shape].split(' ').toSorted())
  for (const [name, inner] of Object.entries(own)) {
    if (/(?:At|^time)$/.test(name) && inner !== null) expect(inner, name).toMatch(instantPattern)
    if (typeof inner === 'number') expect(Number.isSafeInteger(inner), `${name} is an integer`).toBe(true)
    const innerShape = nested[name]
    if (innerShape === undefined || typeof inner !== 'object' || inner === null) continue
    for (const one of [inner].flat()) expectShape(one, innerShape)
  }
  if (shape === 'Event') expectShape(own['data'], shapeOfEvent(String(own['type'])))
}

function shapeOfEvent(type: string): Shape {
  const kinds: Readonly<Record<string, Shape>> = { reservation: 'Reservation', order: 'Order', product: 'Product', stock: 'Stock' }
  const shape = kinds[type.split('.')[0] ?? '']
  expect(shape, `a shape for ${type}`).toBeDefined()
  return shape!
}

/** Status and further members of every problem. */
export const problems: Readonly<Record<string, readonly [status: number, members: string]>> = {
  validation_failed: [400, 'errors'],
  unauthenticated: [401, ''],
  forbidden: [403, ''],
  not_owner: [403, ''],
  product_not_found: [404, 'sku'],
  reservation_not_found: [404, ''],
  order_not_found: [404, ''],
  webhook_not_found: [404, ''],
  webhook_limit_exceeded: [409, ''],
  product_exists: [409, ''],
  insufficient_stock: [409, 'items'],
  user_limit_exceeded: [409, 'sku limit remaining'],
  reservation_limit_exceeded: [409, 'limit'],
  sale_not_started: [409, 'sku saleStartsAt'],
  sale_ended: [409, 'sku saleEndsAt'],
  reservation_confirmed: [409, ''],
  reservation_cancelled: [409, ''],
  reservation_expired: [410, ''],
  reservation_lost: [410, ''],
  order_cancelled: [409, ''],
  stock_below_committed: [409, 'total reserved sold'],
  idempotency_key_reused: [422, ''],
  payload_too_large: [413, ''],
  unsupported_media_type: [415, ''],
  not_found: [404, ''],
  method_not_allowed: [405, ''],
  rate_limited: [429, ''],
  overloaded: [503, ''],
  cursor_expired: [410, 'oldestCursor'],
  store_unavailable: [503, ''],
  internal: [500, ''],
}

/** `more`: members that only this route adds. */
export function expectProblem(value: unknown, status: number, more: readonly string[] = []): Problem {
  const problem = value as Problem
  const [expectedStatus, further] = problems[problem.code] ?? [0, '']
  expect({ code: problem.code, status: problem.status, http: status }).toEqual({
    code: problem.code,
    status: expectedStatus,
    http: expectedStatus,
  })
  expect(problem.type).toBe(`urn:holdfast:${problem.code}`)
  expect(problem.title).toMatch(/\S/)
  expect(problem.detail).toMatch(/\S/)
  expect(problem.detail, 'no stack trace').not.toMatch(/\n\s+at |node_modules|\.ts:\d/)
  const names = ['type', 'title', 'status', 'detail', 'code', ...further.split(' '), ...more].filter((name) => name !== '')
  expect(Object.keys(problem).toSorted(), `members of ${problem.code}`).toEqual(names.toSorted())
  for (const error of problem.errors ?? []) {
    expect(error).toStrictEqual({ path: expect.any(String) as string, message: expect.stringMatching(/\S/) as string })
  }
  return problem
}
