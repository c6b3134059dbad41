import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import type { Holdfast } from '../../engine/holdfast.ts'
import { access } from '../caller.ts'
import type { Metrics } from '../metrics.ts'
import { problems } from '../schemas.ts'

const tags = ['Operation']

function statusSchema(status: string) {
  return Type.Object({ status: Type.Literal(status) }, { additionalProperties: false })
}

export function healthRoutes(app: FastifyInstance, shop: Holdfast, metrics: Metrics): void {
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
        response: { 200: statusSchema('ready'), ...problems('store_unavailable', 'internal') },
      },
    },
    async (_request, reply) => {
      await shop.nextDueInMs()
      return reply.send({ status: 'ready' })
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
