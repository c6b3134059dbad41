import { expect } from 'vitest'
import { instantPattern, problems } from './http-shapes.ts'

/** What the older APIs answer, written down a second time. */
export const dialectAnswers: Readonly<Record<string, string>> = {
  'POST /products': 'sku name total_stock',
  'GET /products/{sku}/status': 'sku total_stock reserved available',
  'GET /{sku}/status': 'sku total_stock reserved available',
  'POST /reservations': 'reservationId',
  'POST /reservations/{id}/cancel': 'reservationId status',
  'POST /checkout': 'orderId reservationId userId items createdAt',

  'POST /api/products': 'id name description price totalStock createdAt',
  'GET /api/products/{productId}/status': 'totalStock reservedStock availableStock',
  'POST /api/products/{productId}/reserve': 'reservationId productId userId quantity status createdAt expiresAt',
  'DELETE /api/products/{productId}/reserve': 'reservationId productId userId quantity status createdAt expiresAt',
  'POST /api/products/{productId}/checkout': 'orderId reservationId productId userId quantity createdAt',

  'POST /v1/drops': 'message drop',
  'GET /v1/drops': 'data nextCursor',
  'GET /v1/drops/stream': '',
  'POST /v1/drops/{dropId}/reserve': 'reservation drop',
  'POST /v1/drops/{dropId}/purchase': 'order drop',
  'GET /v1/reservations/me': 'reservation',
  'DELETE /v1/reservations/me': 'reservation',

  'POST /inventory/reserve': 'reservationId sku quantity userId createdAt expiresAt',
  'POST /checkout/confirm': 'reservationId status orderId userId items createdAt',
  'POST /checkout/cancel': 'reservationId status',
  'GET /inventory/{sku}': 'sku available reserved',

  'POST /product/{id}/reserve': 'message inventory reservationKey expiredAt',
}

const memberShapes: Readonly<Record<string, string>> = {
  drop: 'id name unitPrice offeringStock availableStock reservedStock soldStock createdAt',
  reservation: 'id dropId userId status createdAt expiresAt',
  order: 'id dropId reservationId userId createdAt',
}

/** Where a status is another than everywhere else. */
const ownStatuses: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'POST /checkout': { reservation_cancelled: 410 },
  'POST /product/{id}/reserve': { insufficient_stock: 400 },
}

export function statusOfCode(route: string, code: string): number | undefined {
  return ownStatuses[route]?.[code] ?? problems[code]?.[0]
}

export interface PlainError {
  readonly error: string
  readonly code: string
}

/** A sentence and a code, and nothing else. */
export function expectPlainError(route: string, status: number, value: unknown): PlainError {
  const { error, code } = value as PlainError
  expect(Object.keys(value as object)).toEqual(['error', 'code'])
  expect(error).toMatch(/\S/)
  expect(error, 'no stack trace').not.toMatch(/\n\s+at |node_modules|\.ts:\d/)
  expect({ code, status }).toEqual({ code, status: statusOfCode(route, code) })
  return { error, code }
}

export function expectMembers(route: string, value: unknown): void {
  const own = value as Readonly<Record<string, unknown>>
  expect(Object.keys(own).toSorted(), `members of ${route}`).toEqual(dialectAnswers[route]!.split(' ').toSorted())
  for (const [name, inner] of Object.entries(own)) {
    if (name.endsWith('At')) expect(inner, name).toMatch(instantPattern)
    if (typeof inner === 'number' && name !== 'price') expect(Number.isSafeInteger(inner), `${name} is an integer`).toBe(true)
    const shape = memberShapes[name]
    if (shape !== undefined) expect(Object.keys(inner as object).toSorted(), name).toEqual(shape.split(' ').toSorted())
  }
}
