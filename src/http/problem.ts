import type { FastifyReply } from 'fastify'
import { explainRefusal, type Refusal, type RefusalCode } from '../domain/refusals.ts'
import { instant } from '../engine/views.ts'

/** Errors of the service itself, beside the refusals of the domain. */
export type ServiceErrorCode =
  | 'unauthenticated'
  | 'forbidden'
  | 'webhook_not_found'
  | 'webhook_limit_exceeded'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'not_found'
  | 'method_not_allowed'
  | 'cursor_expired'
  | 'rate_limited'
  | 'overloaded'
  | 'store_unavailable'
  | 'internal'

export type ErrorCode = RefusalCode | ServiceErrorCode

export const errors = {
  validation_failed: [400, 'The request is not valid'],
  unauthenticated: [401, 'Not known who asks'],
  forbidden: [403, 'Not allowed'],
  not_owner: [403, 'Not the owner'],
  product_not_found: [404, 'No such product'],
  reservation_not_found: [404, 'No such reservation'],
  order_not_found: [404, 'No such order'],
  webhook_not_found: [404, 'No such webhook'],
  webhook_limit_exceeded: [409, 'Too many webhooks'],
  product_exists: [409, 'The product exists already'],
  insufficient_stock: [409, 'Not enough in stock'],
  user_limit_exceeded: [409, 'Over the limit per user'],
  reservation_limit_exceeded: [409, 'Too many active reservations'],
  sale_not_started: [409, 'The sale has not started'],
  sale_ended: [409, 'The sale has ended'],
  reservation_confirmed: [409, 'The reservation is confirmed'],
  reservation_cancelled: [409, 'The reservation is cancelled'],
  reservation_expired: [410, 'The reservation has expired'],
  reservation_lost: [410, 'The reservation was lost'],
  order_cancelled: [409, 'The order was cancelled'],
  stock_below_committed: [409, 'Less than reserved and sold'],
  idempotency_key_reused: [422, 'Idempotency key used for another request'],
  payload_too_large: [413, 'The body is too large'],
  unsupported_media_type: [415, 'Not a JSON body'],
  not_found: [404, 'No such path'],
  method_not_allowed: [405, 'Method not allowed here'],
  cursor_expired: [410, 'The events are not kept any more'],
  rate_limited: [429, 'Too many requests'],
  overloaded: [503, 'Too busy'],
  store_unavailable: [503, 'The store does not answer'],
  internal: [500, 'Something went wrong'],
} as const satisfies Record<ErrorCode, readonly [status: number, title: string]>

/** Of a route of an older API: its errors are `{ error, code }`, and what it tells otherwise than the others. */
export interface Dialect {
  readonly statuses?: Readonly<Partial<Record<ErrorCode, number>>>
  readonly sentences?: Readonly<Partial<Record<ErrorCode, string>>>
}

export function statusOf(code: ErrorCode, dialect: Dialect = {}): number {
  return dialect.statuses?.[code] ?? errors[code][0]
}

/** Seconds after which a client may try again: by then a queue that was full has been worked off, or a store has been tried anew. */
const retryAfterSeconds = '1'

/** RFC 9457 problem details. `members` are those that API.md names for the code. */
export function problem(code: ErrorCode, detail: string, members: object = {}) {
  const [status, title] = errors[code]
  return { type: `urn:holdfast:${code}`, title, status, detail, code, ...members }
}

/**
 * Sets status and headers; the body, for a handler to return. A handler that returns the reply instead makes Fastify wait for the socket, which costs more than the answer.
 */
export function problemBody(reply: FastifyReply, code: ErrorCode, detail: string, members: object = {}): object {
  const { dialect } = reply.request.routeOptions.config
  reply.problemCode = code
  const status = statusOf(code, dialect)
  if (status === 503) reply.header('retry-after', retryAfterSeconds)
  reply.code(status).serializer(JSON.stringify)
  if (dialect !== undefined) {
    reply.header('content-type', 'application/json; charset=utf-8')
    return { error: dialect.sentences?.[code] ?? detail, code }
  }
  reply.header('content-type', 'application/problem+json')
  return problem(code, detail, members)
}

/** The same for a refusal. */
export function refusalBody(reply: FastifyReply, refusal: Refusal): object {
  return problemBody(reply, refusal.code, explainRefusal(refusal), membersOf(refusal))
}

/** For hooks and error handlers, which send. */
export function sendProblem(reply: FastifyReply, code: ErrorCode, detail: string, members: object = {}): FastifyReply {
  return reply.send(problemBody(reply, code, detail, members))
}

export function sendRefusal(reply: FastifyReply, refusal: Refusal): FastifyReply {
  return reply.send(refusalBody(reply, refusal))
}

/** The members that belong to its code, as the contract shows them. */
export function membersOf(refusal: Refusal): object {
  const { code: _code, ...members } = refusal
  if ('saleStartsAt' in members) return { ...members, saleStartsAt: instant(members.saleStartsAt) }
  if ('saleEndsAt' in members) return { ...members, saleEndsAt: instant(members.saleEndsAt) }
  return members
}
