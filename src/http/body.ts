import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import secureJson from 'secure-json-parse'
import type { InputError } from '../domain/refusals.ts'
import { findBadText } from '../engine/check.ts'

/** The largest body: beyond it a request is refused before it is read whole. */
export const bodyBytesMax = 64 * 1024

/** A request that says something wrong; answered with 400 `validation_failed`. */
export class InvalidRequest extends Error {
  readonly errors: readonly InputError[]

  constructor(errors: readonly InputError[]) {
    super('invalid request')
    this.errors = errors
  }
}

/** JSON in UTF-8 and nothing else. Text that no store keeps faithfully is refused here, once, for all routes. */
export function parseBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer', bodyLimit: bodyBytesMax }, (_request, body: Buffer, done) => {
    try {
      done(null, parseBody(body))
    } catch (error) {
      done(error as Error)
    }
  })
}

function parseBody(body: Buffer): unknown {
  if (body.length === 0) return undefined
  if (!isUtf8(body)) throw invalidBody('must be UTF-8')
  const text = body.toString()
  let value: unknown
  try {
    // Refuses "__proto__" and "constructor.prototype" as property names.
    value = secureJson.parse(text)
  } catch (error) {
    throw invalidBody(bodyProblem(error))
  }
  // Only an escape can bring U+0000 or half a surrogate pair into valid UTF-8.
  const bad = text.includes('\\u') ? findBadText(value) : null
  if (bad !== null) throw new InvalidRequest([bad])
  return value
}

function bodyProblem(error: unknown): string {
  const { message } = error as Error
  return message.includes('forbidden prototype')
    ? 'must not have a property named __proto__ or constructor.prototype'
    : `must be JSON: ${message}`
}

function invalidBody(message: string): InvalidRequest {
  return new InvalidRequest([{ path: '', message }])
}
