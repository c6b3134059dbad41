import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { faultCode } from '../../domain/faults.ts'
import type { Holdfast } from '../../engine/holdfast.ts'
import type { Metrics } from '../../operation/metrics.ts'
import { access } from '../caller.ts'
import type { Report } from '../failures.ts'
import { sendProblem } from '../problem.ts'
import { problems } from '../schemas.ts'

const tags = ['Operation']

function statusSchema(status: string) {
  return Type.Object({ status: Type.Literal(status) }, { additionalProperties: false })
}

/** Parts of the service beside the store, by name, and how each is. */
export type Parts = () => Readonly<Record<string, string>>

export interface HealthOptions {
  readonly shop: Holdfast
  readonly metrics: Metrics
  readonly parts?: Parts | undefined
  readonly report: Report
}

/** Whoever asks gives up sooner or later, and then knows nothing. */
const storeMsMax = 2_000

export function healthRoutes(app: FastifyInstance, { shop, metrics, parts = () => ({}), report }: HealthOptions): void {
  app.get(
    '/livez',
    {
      config: { access: access.anybody, rateLimit: 'none' },
      schema: { tags, operationId: 'isAlive', summary: 'The process answers', response: { 200: statusSchema('ok') } },
    },
    async (_request, reply) => reply.send({ status: 'ok' }),
  )

  app.get(
    '/readyz',
    {
      config: { access: access.anybody, rateLimit: 'none' },
      schema: {
        tags,
        operationId: 'isReady',
        summary: 'The store answers',
        description:
          'Which part of the service is how: the store, and where they are used those that tell others of what happened. Only the store makes it unready, because buyers need nothing else.',
        response: {
          200: Type.Object(
            { status: Type.Literal('ready'), parts: Type.Record(Type.String(), Type.String()) },
            { additionalProperties: false },
          ),
          ...problems('store_unavailable', 'internal'),
        },
      },
    },
    async (request, reply) => {
      const store = await storePart(shop, (error) => report(error, request.id))
      const all = { store, ...parts() }
      if (store === 'ready') return reply.send({ status: 'ready', parts: all })
      return sendProblem(reply, 'store_unavailable', 'The store does not answer; nothing can be reserved or sold until it does.', {
        parts: all,
      })
    },
  )

  app.get(
    '/metrics',
    {
      config: { access: access.reader, rateLimit: 'none' },
      schema: {
        tags,
        operationId: 'getMetrics',
        summary: 'Prometheus metrics',
        response: {
          200: { description: 'Prometheus text', content: { 'text/plain': { schema: Type.String() } } },
          ...problems('rate_limited'),
        },
      },
    },
    async (_request, reply) => reply.header('content-type', metrics.contentType).send(await metrics.text()),
  )
}

/** A bug stays one. */
async function storePart(shop: Holdfast, report: (error: unknown) => void): Promise<'ready' | 'unavailable' | 'stopping'> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<'unavailable'>((resolve) => (timer = setTimeout(() => resolve('unavailable'), storeMsMax)))
  try {
    return await Promise.race([shop.nextDueInMs().then((): 'ready' => 'ready'), tooLate])
  } catch (error) {
    const code = faultCode(error)
    if (code === 'closed') return 'stopping'
    if (code !== 'store_unavailable') throw error
    report(error)
    return 'unavailable'
  } finally {
    clearTimeout(timer)
  }
}
