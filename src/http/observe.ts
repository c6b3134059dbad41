import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { HttpMetrics } from '../operation/http-metrics.ts'
import type { Log } from '../operation/log.ts'
import type { RequestTraces } from '../operation/traces.ts'

export interface Observers {
  readonly metrics: HttpMetrics
  readonly log: Log
  /** null: nobody collects traces. */
  readonly traces: RequestTraces | null
}

/** What a proxy or a client may call its request; anything else could be written into logs to mislead whoever reads them. */
const sane = /^[A-Za-z0-9._:@/+=-]{1,128}$/

/** Of the request whose answer somebody asks about: that of its `X-Request-Id`, or one that no other request has. */
export function createRequestIds(): (request: IncomingMessage) => string {
  // Counted, because a random one for each request costs more than it is worth.
  const ofProcess = randomBytes(6).toString('base64url')
  let count = 0
  return ({ headers }) => {
    const given = headers['x-request-id']
    return typeof given === 'string' && sane.test(given) ? given : `${ofProcess}-${(count++).toString(36)}`
  }
}

/** Count, log and trace what is answered. Call before the first route. The function is to be told of answers that are streams. */
export function observeRequests(
  app: FastifyInstance,
  { metrics, log, traces }: Observers,
): (request: FastifyRequest, reply: FastifyReply) => void {
  const unknown = metrics.route('unknown')
  metrics.connections(() => new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count ?? 0))))
  app.decorateRequest('startedAt', 0)
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, meter: metrics.route(route.url) }
  })
  app.addHook('onRequest', (request, _reply, done) => {
    request.startedAt = performance.now()
    done()
  })
  if (traces !== null) traceRequests(app, traces)

  const answered = (request: FastifyRequest, reply: FastifyReply): void => {
    const { meter = unknown } = request.routeOptions.config
    const { method, startedAt } = request
    const { statusCode: status, problemCode } = reply
    const elapsedMs = performance.now() - startedAt
    meter.count(method, status, elapsedMs)
    if (problemCode !== null) {
      metrics.problem(problemCode)
      // Those are told as faults, with what happened.
      if (status < 500 || problemCode === 'overloaded') log.refused(problemCode)
    }
    if (log.answered !== null) {
      log.answered({ requestId: request.id, method, path: pathOf(request), status, ms: Math.round(elapsedMs * 1_000) / 1_000 })
    }
    if (traces !== null) request.trace?.end(status, problemCode)
  }
  app.addHook('onSend', (request, reply, _payload, done) => {
    answered(request, reply)
    // Only where somebody looks for it: every header has its price.
    if (reply.statusCode >= 500 || request.raw.headers['x-request-id'] === request.id) reply.header('x-request-id', request.id)
    done()
  })
  return (request, reply) => {
    answered(request, reply)
    metrics.stream(1)
    reply.raw.once('close', () => metrics.stream(-1))
  }
}

function traceRequests(app: FastifyInstance, traces: RequestTraces): void {
  app.decorateRequest('trace', null)
  app.addHook('onRequest', (request, _reply, done) => {
    const { method, protocol, headers, is404 } = request
    const trace = traces.begin({
      method,
      path: pathOf(request),
      protocol,
      route: is404 ? null : (request.routeOptions.url ?? null),
      headers,
    })
    request.trace = trace
    trace.within(done)
  })
}

function pathOf({ url }: FastifyRequest): string {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}
