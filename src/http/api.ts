import type { FastifyInstance } from 'fastify'
import type { Holdfast } from '../engine/holdfast.ts'
import type { Webhooks } from '../events/webhooks/webhooks.ts'
import { parseBodies } from './body.ts'
import { access, guardRoutes, type Identify } from './caller.ts'
import type { DialectSettings } from './dialects/names.ts'
import { dialectRoutes } from './dialects/register.ts'
import { answerFailures, answerOtherMethods, answerUnknownPaths, type Report } from './failures.ts'
import { createLive } from './live.ts'
import { limitRequests, type RateLimitOptions } from './limits/rate-limit.ts'
import { documentRoutes } from './openapi.ts'
import { eventRoutes } from './routes/events.ts'
import { orderRoutes } from './routes/orders.ts'
import { productRoutes } from './routes/products.ts'
import { reservationRoutes } from './routes/reservations.ts'
import { streamRoutes } from './routes/streams.ts'
import { webhookRoutes } from './routes/webhooks.ts'
import type { StreamOptions } from './sse.ts'
import { validateRequests } from './validation.ts'

export interface ApiOptions {
  readonly shop: Holdfast
  readonly version: string
  readonly identify: Identify
  /** Which of the older APIs are served as well; left out: none. */
  readonly dialects?: DialectSettings
  /** Left out: as many as they like. */
  readonly requests?: Partial<Omit<RateLimitOptions, 'report'>>
  /** Left out: there are none. */
  readonly webhooks?: Webhooks | null
  /** How many clients may listen at once. */
  readonly streamsMax?: number
  /** Told of an answer that is a stream. */
  readonly onStream?: StreamOptions['onOpen']
  /** Told of faults and bugs, and which request met them; refusals are answers, not reports. */
  readonly report: Report
  /** False: the shop has no routes here, only those of `more`; default true. */
  readonly isShop?: boolean
  /** Adds more routes, which are guarded and documented as all others; it is given what makes the OpenAPI document. */
  readonly more?: (document: () => object) => Promise<void>
}

/** Each takes some 20 KB and a socket. */
const streamsMaxDefault = 20_000

/** The API on an instance of Fastify: that of the service, or one inside somebody's app. Whatever is set here holds for this instance and its children only. */
export async function addApi(app: FastifyInstance, options: ApiOptions): Promise<void> {
  const { version, identify, requests, isShop = true, report, more } = options
  app.decorateReply('problemCode', null)
  parseBodies(app)
  validateRequests(app)
  answerFailures(app, report)
  // Without a prefix, unknown paths are those of the app.
  if (app.prefix !== '') answerUnknownPaths(app)
  const onWrong = limitRequests(app, { limits: {}, ...requests, report })
  guardRoutes(app, identify, onWrong)
  const methods = answerOtherMethods(app)
  const document = await documentRoutes(app, version)
  if (isShop) shopRoutes(app, options)
  await more?.(document)
  app.get('/openapi.json', { config: { access: access.anybody }, schema: { hide: true } }, async () => document())
  methods.finish()
}

function shopRoutes(app: FastifyInstance, options: ApiOptions): void {
  const { shop, dialects, webhooks, streamsMax = streamsMaxDefault, onStream, report } = options
  productRoutes(app, shop)
  reservationRoutes(app, shop)
  orderRoutes(app, shop)
  eventRoutes(app, shop)
  const live = createLive(app, shop, { streamsMax, onOpen: onStream }, report)
  streamRoutes(app, live)
  if (webhooks != null) webhookRoutes(app, webhooks)
  if (dialects !== undefined) dialectRoutes(app, live, dialects)
}
