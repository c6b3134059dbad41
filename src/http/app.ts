import Fastify, { type FastifyInstance } from 'fastify'
import type { Holdfast } from '../engine/holdfast.ts'
import { bodyBytesMax, parseBodies } from './body.ts'
import { answerFailures, answerOtherMethods } from './failures.ts'
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
  /** Told of faults and bugs; refusals are answers, not reports. */
  readonly report: (error: unknown) => void
}

/** The service without a socket: `serve` gives it one, tests may inject requests. */
export async function createApp({ shop, metrics, version, report }: AppOptions): Promise<FastifyInstance> {
  const app = Fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    // A slow sender keeps its socket this long and nothing else waits for it.
    requestTimeout: 30_000,
    // A request that came on a kept connection while the service stops is still answered.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 1_000 },
    frameworkErrors: (_error, request, reply) => {
      void sendProblem(reply, 'not_found', `The path ${request.url} cannot be read.`)
    },
  })
  parseBodies(app)
  validateRequests(app)
  answerFailures(app, report)
  documentRoutes(app, version)
  app.after(() => {
    const methods = answerOtherMethods(app)
    productRoutes(app, shop)
    reservationRoutes(app, shop)
    orderRoutes(app, shop)
    eventRoutes(app, shop)
    healthRoutes(app, shop, metrics)
    app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => reply.send(app.swagger()))
    methods.finish()
  })
  await app.ready()
  return app
}
