import Type, { type TProperties } from 'typebox'
import type { Outcome } from '../../domain/command.ts'
import { compileCheck } from '../../engine/check.ts'
import { Sku, UserId } from '../../engine/schemas.ts'
import { IdempotencyHeaders } from '../schemas.ts'
import { userIdHeader } from '../user-id.ts'

/** What the older APIs have in common. Their bodies may have properties that nobody knows; these are ignored, and never part of what makes two requests equal. */

/** What a route answers: no more and no less. */
export function answerOf<Properties extends TProperties>(title: string, properties: Properties) {
  return Type.Object(properties, { additionalProperties: false, title })
}

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
