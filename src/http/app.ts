import type { Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { silentLog, type Log } from '../operation/log.ts'
import type { Metrics } from '../operation/metrics.ts'
import type { Traces } from '../operation/traces.ts'
import { addApi, type ApiOptions } from './api.ts'
import { bodyBytesMax } from './body.ts'
import { anonymous } from './caller.ts'
import { everyDialect } from './dialects/names.ts'
import { answerUnknownPaths, answerUnreadable, knowAllMethods } from './failures.ts'
import { connectionDefaults, headerBytesMax, limitConnections, serverOptions, type ConnectionLimits } from './limits/connections.ts'
import { createRequestIds, observeRequests } from './observe.ts'
import { addDocumentPage } from './openapi.ts'
import { sendProblem } from './problem.ts'
import { healthRoutes, type Parts } from './routes/health.ts'

type OptionsOfApi = Pick<ApiOptions, 'shop' | 'version' | 'report'> &
  Partial<Pick<ApiOptions, 'identify' | 'isShop' | 'dialects' | 'requests' | 'streamsMax' | 'webhooks'>>

export interface AppOptions extends OptionsOfApi {
  readonly metrics: Metrics
  /** Left out: nothing is logged. */
  readonly log?: Log
  /** null: nobody collects them. */
  readonly traces?: Traces | null
  /** What /readyz tells beside the store; left out: nothing. */
  readonly parts?: Parts | undefined
  /** Where they are other than by default. */
  readonly connections?: Partial<ConnectionLimits>
  /** Addresses and networks of proxies whose `X-Forwarded-For` is believed. */
  readonly trustProxy?: readonly string[]
}

/** The service without a socket: a server of its own with its limits, the API, and what operators need. `serve` gives it one, tests may inject requests. */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { shop, metrics, log = silentLog, traces = null, parts, identify = () => anonymous, trustProxy = [] } = options
  const connections = { ...connectionDefaults, ...options.connections }
  const app = Fastify({
    logger: false,
    genReqId: createRequestIds(),
    bodyLimit: bodyBytesMax,
    ...serverOptions(connections),
    trustProxy: trustProxy.length > 0 && [...trustProxy],
    // A request that came on a kept connection while the service stops is still answered.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    // As long as the headers may be: an sku that is too long is one that does not exist.
    routerOptions: { maxParamLength: headerBytesMax },
    clientErrorHandler: answerUnreadable,
    frameworkErrors: (_error, request, reply) => {
      void sendProblem(reply, 'not_found', `The path ${request.url} cannot be read.`)
    },
  })
  limitConnections(app, connections)
  const onStream = observeRequests(app, { metrics: metrics.http, log, traces: traces?.requests ?? null })
  stopGently(app)
  knowAllMethods(app)
  answerUnknownPaths(app)
  await addApi(app, {
    dialects: everyDialect,
    ...options,
    identify,
    onStream,
    more: async (document) => {
      healthRoutes(app, { shop, metrics, parts, report: options.report })
      await addDocumentPage(app, document)
    },
  })
  await app.ready()
  return app
}

/** Long enough to read what clients sent before they could know of the stop; those who connect meanwhile are served as well. */
const lastRequestsMs = 50

/** Nobody who was heard is left without an answer, and no connection is kept for more: one that is would hold up the stop until it is cut off. */
function stopGently(app: FastifyInstance): void {
  let stopping = false
  const sockets = new Set<Socket>()
  app.server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  app.addHook('preClose', async () => {
    stopping = true
    await delay(lastRequestsMs)
    // A busy process may have spent all that time on the first of them; one turn of the loop reads the others.
    await nextTurn()
    // To Node a connection that was never used is not idle but about to send a request.
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
  })
  app.addHook('onSend', (request, reply, _payload, done) => {
    if (stopping || isMuchToCome(request)) reply.header('connection', 'close')
    done()
  })
}

/** An answer before the body has been read: what is left of a long one is not read just to keep the connection. */
function isMuchToCome({ raw, headers }: FastifyRequest): boolean {
  if (raw.complete) return false
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > bodyBytesMax
}
