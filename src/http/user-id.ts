import { isUtf8 } from 'node:buffer'
import type { FastifyRequest, preHandlerHookHandler, preValidationHookHandler } from 'fastify'
import { InvalidRequest } from './body.ts'

/** Where a route takes the user that somebody acts for or asks about. `header` is `x-user-id`; `headerOrBody` takes the `userId` of the body where there is no header. */
export type UserIdPlace = 'body' | 'query' | 'header' | 'headerOrBody'

export const userIdHeader = 'x-user-id'

/** Somebody who may not do this; answered with 403 `forbidden`. */
export class Forbidden extends Error {}

/** Users may leave theirs out: it is put where the route takes it, before that is validated. */
export function takeOwnUserId(place: UserIdPlace): preValidationHookHandler {
  return (request, _reply, done) => {
    const { userId } = request.caller
    if (place === 'body' || place === 'query') {
      const input = request[place] as { userId?: unknown } | null | undefined
      if (userId !== null && typeof input === 'object' && input !== null && !Array.isArray(input)) input.userId ??= userId
    } else {
      const inBody = place === 'headerOrBody' ? userIdOf(request.body) : undefined
      const named = readHeader(request) ?? (typeof inBody === 'string' ? inBody : userId)
      if (named !== null) request.headers[userIdHeader] = named
    }
    done()
  }
}

export function refuseOtherUserIds(place: UserIdPlace): preHandlerHookHandler {
  return (request, _reply, done) => {
    const { userId } = request.caller
    const named = namedIn(request, place)
    if (userId !== null && named.some((one) => one !== userId)) {
      done(new Forbidden('Users can only act for themselves; leave out who they are.'))
    } else if (named.some((one) => one !== named[0])) {
      done(new InvalidRequest([{ path: '/userId', message: `must be the same as the header ${userIdHeader}` }]))
    } else done()
  }
}

/** The users that a request names: one, and in two places perhaps two. */
function namedIn(request: FastifyRequest, place: UserIdPlace): readonly unknown[] {
  if (place === 'body' || place === 'query') return [userIdOf(request[place])]
  const inBody = place === 'headerOrBody' ? userIdOf(request.body) : undefined
  return inBody === undefined ? [request.headers[userIdHeader]] : [request.headers[userIdHeader], inBody]
}

/** Node reads the bytes of a header as Latin-1, and most clients send UTF-8: the user must be the same as in a body. */
function readHeader({ headers }: FastifyRequest): string | undefined {
  const text = headers[userIdHeader]
  if (text === undefined) return undefined
  const bytes = Buffer.from(String(text), 'latin1')
  return isUtf8(bytes) ? bytes.toString() : String(text)
}

function userIdOf(input: unknown): unknown {
  return (input as { userId?: unknown } | null | undefined)?.userId
}
