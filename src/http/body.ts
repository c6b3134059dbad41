import type { FastifyInstance } from 'fastify'
import type { InputError } from '../domain/refusals.ts'
import { readJson, requestBytesMax } from '../engine/json.ts'

/** The largest body: beyond it a request is refused before it is read whole. */
export const bodyBytesMax = requestBytesMax

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
  const read = readJson(body)
  if (!read.ok) throw new InvalidRequest(read.errors)
  return read.value
}
