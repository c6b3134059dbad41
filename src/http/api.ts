import type { FastifyInstance } from 'fastify'
import type { Holdfast } from '../engine/holdfast.ts'
import { parseBodies } from './body.ts'
import { access, guardRoutes, type Identify } from './caller.ts'
import { answerFailures, answerOtherMethods, answerUnknownPaths } from './failures.ts'
import { documentRoutes } from './openapi.ts'
import { eventRoutes } from './routes/events.ts'
import { orderRoutes } from './routes/orders.ts'
import { productRoutes } from './routes/products.ts'
import { reservationRoutes } from './routes/reservations.ts'
import { validateRequests } from './validation.ts'

export interface ApiOptions {
  readonly shop: Holdfast
  readonly version: string
  readonly identify: Identify
  /** Told of faults and bugs; refusals are answers, not reports. */
  readonly report: (error: unknown) => void
  /** Adds more routes, which are guarded and documented as all others; it is given what makes the OpenAPI document. */
  readonly more?: (document: () => object) => Promise<void>
}

/** The API on an instance of Fastify: that of the service, or one inside somebody's app. Whatever is set here holds for this instance and its children only. */
export async function addApi(app: FastifyInstance, { shop, version, identify, report, more }: ApiOptions): Promise<void> {
  parseBodies(app)
  validateRequests(app)
  answerFailures(app, report)
  // Without a prefix, unknown paths are those of the app.
  if (app.prefix !== '') answerUnknownPaths(app)
  guardRoutes(app, identify)
  const methods = answerOtherMethods(app)
  const document = await documentRoutes(app, version)
  productRoutes(app, shop)
  reservationRoutes(app, shop)
  orderRoutes(app, shop)
  eventRoutes(app, shop)
  await more?.(document)
  app.get('/openapi.json', { config: { access: access.anybody }, schema: { hide: true } }, async () => document())
  methods.finish()
}
