import type { Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Holdfast } from '../engine/holdfast.ts'
import { bodyBytesMax, parseBodies } from './body.ts'
import { access, anonymous, guardRoutes, type Identify } from './caller.ts'
import { everyDialect, type DialectSettings } from './dialects/names.ts'
import { dialectRoutes } from './dialects/register.ts'
import { answerFailures, answerOtherMethods, answerUnreadable } from './failures.ts'
import type { Metrics } from './metrics.ts'
import { documentRoutes } from './openapi.ts'
import { sendProblem } from './problem.ts'
import { eventRoutes } from './routes/events.ts'
import { healthRoutes } from './routes/health.ts'
import { orderRoutes } from './routes/orders.ts'
import { productRoutes } from './routes/products.ts'
import { reservationRoutes } from './routes/reservations.ts'
import { validateRequests } from './validation.ts'

export interface AppOptions {
  readonly shop: Holdfast
  readonly metrics: Metrics
  readonly version: string
  /** Who asks; left out: everybody may do everything. */
  readonly identify?: Identify
  /** Which of the older APIs are served as well; left out: all. */
  readonly dialects?: DialectSettings
  /** Told of faults and bugs; refusals are answers, not reports. */
  readonly report: (error: unknown) => void
}

/** The service without a socket: `serve` gives it one, tests may inject requests. */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { shop, metrics, version, identify = () => anonymous, dialects = everyDialect, report } = options
  const app = Fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    // A slow sender keeps its socket this long and nothing else waits for it.
    requestTimeout: 30_000,
    // A request that came on a kept connection while the service stops is still answered.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    // As long as the headers may be: an sku that is too long is one that does not exist.
    routerOptions: { maxParamLength: 16_384 },
    clientErrorHandler: answerUnreadable,
    frameworkErrors: (_error, request, reply) => {
      void sendProblem(reply, 'not_found', `The path ${request.url} cannot be read.`)
    },
  })
  stopGently(app)
  parseBodies(app)
  validateRequests(app)
  answerFailures(app, report)
  guardRoutes(app, identify)
  const methods = answerOtherMethods(app)
  documentRoutes(app, version)
  app.after(() => {
    productRoutes(app, shop)
    reservationRoutes(app, shop)
    orderRoutes(app, shop)
    eventRoutes(app, shop)
    healthRoutes(app, shop, metrics)
    dialectRoutes(app, shop, dialects)
    app.get('/openapi.json', { config: { access: access.anybody }, schema: { hide: true } }, async () => app.swagger())
    methods.finish()
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
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (stopping) reply.header('connection', 'close')
    done()
  })
}
