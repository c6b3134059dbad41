import type { FastifyInstance } from 'fastify'
import type { Holdfast } from '../../engine/holdfast.ts'
import type { Metrics } from '../metrics.ts'

const tags = ['Operation']

export function healthRoutes(app: FastifyInstance, shop: Holdfast, metrics: Metrics): void {
  app.get('/livez', { schema: { tags, summary: 'The process answers' } }, async (_request, reply) => reply.send({ status: 'ok' }))

  app.get('/readyz', { schema: { tags, summary: 'The store answers' } }, async (_request, reply) => {
    await shop.nextDueInMs()
    return reply.send({ status: 'ready' })
  })

  app.get('/metrics', { schema: { tags, summary: 'Prometheus metrics' } }, async (_request, reply) =>
    reply.header('content-type', metrics.contentType).send(await metrics.text()),
  )
}
