import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Idempotency, Outcome } from '../domain/command.ts'
import { fingerprint } from '../engine/commands.ts'
import { keyErrors } from '../engine/holdfast.ts'
import { InvalidRequest } from './body.ts'
import { refusalBody } from './problem.ts'

/**
 * The `Idempotency-Key` of a write, or null. Equal requests are those with the same method, path template, path parameters and equal JSON;
 * a body that was left out equals `{}`. Whoever reads a request otherwise says what of it counts.
 */
export function idempotencyOf(request: FastifyRequest, meaning?: object): Idempotency | null {
  const key = request.headers['idempotency-key']
  if (key === undefined) return null
  const text = String(key)
  const errors = keyErrors(text, 'Idempotency-Key')
  if (errors !== null) throw new InvalidRequest(errors)
  // Wherever the API is mounted: a shop that moves knows its keys again.
  const route = `${request.method} ${request.routeOptions.url?.slice(request.server.prefix.length)}`
  return { scope: `${request.caller.name} ${route}`, key: text, fingerprint: fingerprint(meaning ?? [request.params, request.body ?? {}]) }
}

export interface AnswerOptions<Value> {
  /** An object, or its JSON. */
  readonly view: (value: Value) => object | string
  /** The status when this request made the thing; 200 otherwise. */
  readonly createdStatus?: number
  /** Where the thing that was made can be read, from where the API is mounted. */
  readonly location?: (value: Value) => string
}

/** Turn an outcome into status, headers and the body to return. A replay is made from the stored value, so it is the first answer again, byte for byte. */
export function outcomeBody<Value>(
  reply: FastifyReply,
  outcome: Outcome<Value>,
  { view, createdStatus = 200, location }: AnswerOptions<Value>,
): string | object {
  if (!outcome.ok) return refusalBody(reply, outcome.refusal)
  const { value, created, replayed } = outcome
  reply.code(created ? createdStatus : 200).header('content-type', 'application/json; charset=utf-8')
  if (created && location !== undefined) reply.header('location', `${reply.server.prefix}${location(value)}`)
  if (replayed) reply.header('idempotent-replayed', 'true')
  const body = view(value)
  return typeof body === 'string' ? body : JSON.stringify(body)
}
