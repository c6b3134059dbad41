import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import type { Product } from '../../domain/product.ts'
import type { NewsListener } from '../../events/shop-news.ts'
import { InvalidRequest } from '../body.ts'
import { access } from '../caller.ts'
import { createFrames, skusMax, streamProducts, type Live } from '../live.ts'
import { refusalBody } from '../problem.ts'
import { eventStream, plainProblems } from '../schemas.ts'
import { createOutbox, frame } from '../sse.ts'
import { isSku } from './common.ts'
import { dialect, tags, viewDrop } from './drops.ts'

/** What drops do, as it happens. */
export function dropStream(app: FastifyInstance, live: Live): void {
  const frameOf = createFrames((product) => frame({ event: 'STOCK_UPDATED', data: viewDrop(product) }))

  app.get<{ Querystring: { dropId?: string | string[] } }>(
    '/v1/drops/stream',
    {
      exposeHeadRoute: false,
      config: { access: access.anybody, dialect },
      schema: {
        tags,
        operationId: 'streamDrops',
        summary: 'Watch drops',
        description:
          'CONNECTED first, then STOCK_UPDATED with a drop whenever its stock has changed, at most ten times in a second and the last state always, and NEW_DROP when one is made. Last-Event-ID goes on after that event: CONNECTED says whether it could ("resumed"), and then nothing is missed; if not, read the list of drops now. With dropId: STOCK_UPDATED of these drops only, each at once and then on every change.',
        querystring: Type.Object(
          {
            dropId: Type.Optional(
              Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: skusMax })], {
                description: `May be repeated, ${skusMax} times at most.`,
              }),
            ),
          },
          { additionalProperties: false },
        ),
        headers: {
          type: 'object',
          properties: { 'last-event-id': { type: 'string', description: 'The id of the last event that was heard.' } },
        },
        response: {
          ...eventStream,
          ...plainProblems(
            dialect,
            'validation_failed',
            'rate_limited',
            'product_not_found',
            'overloaded',
            'store_unavailable',
            'internal',
          ),
        },
      },
    },
    async (request, reply) => {
      const { dropId } = request.query
      if (dropId === undefined) return streamAll(reply, live, placeOf(request.headers['last-event-id']))
      const skus = [...new Set([dropId].flat())]
      const unknown = skus.find((sku) => !isSku(sku))
      if (unknown !== undefined) return reply.send(refusalBody(reply, { code: 'product_not_found', sku: unknown }))
      return streamProducts(reply, live, skus, frameOf)
    },
  )
}

async function streamAll(reply: FastifyReply, { streams, news }: Live, after: number | null): Promise<FastifyReply> {
  await news.listen(after, ({ after: start, isResumed, stop }) => {
    const stream = streams.open(reply)
    if (stream === null) return null
    stream.signal.addEventListener('abort', stop, { once: true })
    const { put } = createOutbox(stream)
    put('', frame({ id: start, event: 'CONNECTED', data: { resumed: isResumed } }))
    const listener: NewsListener = {
      made: (product, at) => put(`new ${at}`, newDrops(product, at)),
      changed: (product, at) => put(product.sku, changedDrops(product, at)),
    }
    return listener
  })
  return reply
}

/** Made once for all who are told of it at the same place of the feed. */
const newDrops = createFramesAt('NEW_DROP')
const changedDrops = createFramesAt('STOCK_UPDATED')

function createFramesAt(event: string): (product: Product, at: number) => Buffer {
  const made = new WeakMap<Product, { readonly at: number; readonly message: Buffer }>()
  return (product, at) => {
    const known = made.get(product)
    if (known?.at === at) return known.message
    const message = frame({ id: at, event, data: viewDrop(product) })
    made.set(product, { at, message })
    return message
  }
}

/** Ids of this stream are places of the feed. */
function placeOf(lastEventId: string | string[] | undefined): number | null {
  if (lastEventId === undefined) return null
  const text = String(lastEventId)
  if (!/^\d{1,15}$/.test(text)) throw new InvalidRequest([{ path: 'last-event-id', message: 'is not an id of this stream' }])
  return Number(text)
}
