import Type, { type TProperties } from 'typebox'
import type { Outcome } from '../../domain/command.ts'
import { compileCheck } from '../../engine/check.ts'
import { Sku, UserId } from '../../engine/schemas.ts'
import { IdempotencyHeaders, writeProblems } from '../schemas.ts'
import { userIdHeader } from '../user-id.ts'

/** What the older APIs have in common. Their bodies may have properties that nobody knows; these are ignored, and never part of what makes two requests equal. */

/** What a route answers: no more and no less. */
export function answerOf<Properties extends TProperties>(title: string, properties: Properties) {
  return Type.Object(properties, { additionalProperties: false, title })
}

export const reserveProblems = [
  ...writeProblems,
  'product_not_found',
  'insufficient_stock',
  'user_limit_exceeded',
  'reservation_limit_exceeded',
  'sale_not_started',
  'sale_ended',
] as const

const endProblems = [
  ...writeProblems,
  'reservation_not_found',
  'not_owner',
  'reservation_cancelled',
  'reservation_expired',
  'reservation_lost',
] as const
export const confirmProblems = [...endProblems, 'order_cancelled'] as const
export const cancelProblems = [...endProblems, 'reservation_confirmed'] as const

/** With the user in a header. */
export const UserHeaders = { type: 'object', required: [userIdHeader], properties: { [userIdHeader]: UserId } } as const
export const UserAndIdempotencyHeaders = {
  ...UserHeaders,
  properties: { ...UserHeaders.properties, ...IdempotencyHeaders.properties },
} as const

const checkSku = compileCheck(Sku)

/** A path can name what no product is ever called, and no store keeps. */
export function isSku(text: string): boolean {
  return checkSku(text) === null
}

export function noProduct(sku: string): Outcome<never> {
  return { ok: false, refusal: { code: 'product_not_found', sku } }
}
