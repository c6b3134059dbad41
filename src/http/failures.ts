import { METHODS } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { faultCode, type Fault } from '../domain/faults.ts'
import { bodyBytesMax, InvalidRequest } from './body.ts'
import { KeysUnavailable } from './identity.ts'
import { RateLimited } from './limits/rate-limit.ts'
import { problem, sendProblem, sendRefusal } from './problem.ts'
import { Forbidden } from './user-id.ts'

/** Told of faults and bugs, and of the request that met them, if it was one. */
export type Report = (error: unknown, requestId?: string) => void

/** Everything that is not an answer of a route: bad requests, faults of the store. Never a stack trace. */
export function answerFailures(app: FastifyInstance, report: Report): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => sendFailure(reply, error, (failure) => report(failure, request.id)))
}

/** The same for paths that do not exist. */
export function answerUnknownPaths(app: FastifyInstance): void {
  app.setNotFoundHandler(sendNotFound)
  // Before the body is read: whatever it says, there is nobody to read it.
  app.addHook('onRequest', (request, reply, done) => {
    if (request.is404) void sendNotFound(request, reply)
    else done()
  })
}

function sendNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return sendProblem(reply, 'not_found', `There is no ${request.url.split('?')[0]} here; see ${request.server.prefix}/openapi.json.`)
}

/** What arrived was not HTTP, or had too many bytes of headers, or took too long: there is no request to answer, only a socket. */
export function answerUnreadable(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code !== 'ECONNRESET' && socket.writable) {
    const message = `the request cannot be read: ${error.message}`
    const body = JSON.stringify(problem('validation_failed', message, { errors: [{ path: '', message }] }))
    socket.write(
      `HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
  }
  socket.destroy()
}

function sendFailure(
  reply: FastifyReply,
  error: FastifyError | InvalidRequest | Forbidden | RateLimited,
  report: (error: unknown) => void,
): FastifyReply {
  if (error instanceof InvalidRequest) return sendRefusal(reply, { code: 'validation_failed', errors: error.errors })
  if (error instanceof KeysUnavailable) {
    report(error)
    return sendProblem(reply, 'store_unavailable', 'The keys that tokens are checked with cannot be fetched; nothing was done.')
  }
  if (error instanceof Forbidden) return sendProblem(reply, 'forbidden', error.message)
  if (error instanceof RateLimited) return sendProblem(reply, 'rate_limited', error.message)
  switch (faultCode(error)) {
    case 'store_unavailable':
      report(error)
      return sendProblem(
        reply,
        'store_unavailable',
        'The store does not answer; nothing was done, or repeating with the same Idempotency-Key is safe.',
      )
    case 'overloaded':
      return sendProblem(reply, 'overloaded', 'Too many requests are waiting; nothing was done.')
    case 'closed':
      return sendProblem(reply, 'store_unavailable', 'The service is stopping; nothing was done.')
    case 'invalid_cursor':
      return sendRefusal(reply, { code: 'validation_failed', errors: [{ path: 'cursor', message: 'is not a cursor of this list' }] })
    case 'cursor_expired': {
      const { message, oldestCursor } = error as Error as Fault
      return sendProblem(reply, 'cursor_expired', message, { oldestCursor })
    }
    default:
  }
  if (isOfHost(error)) throw error
  const { code, statusCode = 500 } = error
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return sendProblem(reply, 'payload_too_large', `A body may have ${bodyBytesMax} bytes at most.`)
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return sendProblem(reply, 'unsupported_media_type', 'Send the body as application/json.')
  if (statusCode < 500) return sendRefusal(reply, { code: 'validation_failed', errors: [{ path: '', message: error.message }] })
  report(error)
  return sendProblem(reply, 'internal', 'The service failed. Repeating with the same Idempotency-Key is safe.')
}

/** Thrown by a hook of the app that this is a part of, to say no in its own way; its error handler knows how. */
function isOfHost({ code, statusCode }: FastifyError): boolean {
  return statusCode !== undefined && !/^(?:FST_ERR_|E[A-Z])/.test(code ?? '')
}

/** CONNECT never arrives as a request. */
const knownMethods = METHODS.filter((method) => method !== 'CONNECT')

/** So that none of them is unknown to the router: a method that a path does not have is answered with 405, whatever it is. */
export function knowAllMethods(app: FastifyInstance): void {
  for (const method of knownMethods) if (!app.supportedMethods.includes(method)) app.addHttpMethod(method)
}

/** Answer 405 with `Allow` on every path that exists, for the methods it does not have. Call before the first route, and `finish` after the last. */
export function answerOtherMethods(app: FastifyInstance): { finish(): void } {
  const allowed = new Map<string, Set<string>>()
  let collecting = true
  app.addHook('onRoute', ({ url, method }) => {
    // Of /docs/, the second spelling of /docs, only one of its methods is told.
    if (!collecting || url.endsWith('/')) return
    const path = url.slice(app.prefix.length)
    const methods = allowed.get(path) ?? new Set()
    allowed.set(path, methods)
    for (const one of [method].flat()) methods.add(one)
  })
  return {
    finish: () => {
      collecting = false
      for (const [url, methods] of allowed) {
        const allow = [...methods].toSorted().join(', ')
        app.route({
          url,
          method: app.supportedMethods.filter((method) => !methods.has(method)),
          schema: { hide: true },
          onRequest: async (request, reply) =>
            sendProblem(
              reply.header('allow', allow),
              'method_not_allowed',
              `${request.method} is not possible here; possible are ${allow}.`,
            ),
          handler: () => undefined,
        })
      }
    },
  }
}
