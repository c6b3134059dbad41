import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { faultCode } from '../../domain/faults.ts'
import type { Holdfast } from '../../engine/holdfast.ts'
import { Sku } from '../../engine/schemas.ts'
import { InvalidRequest } from '../body.ts'
import { access } from '../caller.ts'
import { createFrames, skusMax, streamProducts, type Live } from '../live.ts'
import { eventStream, problems } from '../schemas.ts'
import { frame, type EventStream } from '../sse.ts'
import { viewEvent, viewStock } from '../../engine/views.ts'

export function streamRoutes(app: FastifyInstance, live: Live): void {
  const { shop, streams, report } = live
  const frameOf = createFrames(({ stock }) => frame({ id: stock.version, data: viewStock(stock) }))

  app.get<{ Querystring: { sku: string | string[] } }>(
    '/v1/stock/stream',
    {
      // What has no end has no length to ask for.
      exposeHeadRoute: false,
      config: { access: access.anybody },
      schema: {
        tags: ['Products'],
        operationId: 'streamStock',
        summary: 'Watch the stock of products',
        description:
          'First a Stock of each sku, then a Stock whenever one has changed: at most ten in a second of each sku, and the last state always. Whoever connects again begins with the state of that moment, so nothing is missed.',
        querystring: Type.Object(
          {
            sku: Type.Union([Sku, Type.Array(Sku, { minItems: 1, maxItems: skusMax })], {
              description: `May be repeated, ${skusMax} times at most.`,
            }),
          },
          { additionalProperties: false },
        ),
        response: {
          ...eventStream,
          ...problems('validation_failed', 'rate_limited', 'product_not_found', 'overloaded', 'store_unavailable', 'internal'),
        },
      },
    },
    (request, reply) => streamProducts(reply, live, [...new Set([request.query.sku].flat())], frameOf),
  )

  app.get<{ Querystring: { after?: string } }>(
    '/v1/events/stream',
    {
      exposeHeadRoute: false,
      config: { access: access.admin },
      schema: {
        tags: ['Events'],
        operationId: 'streamEvents',
        summary: 'Follow the feed',
        description:
          'Every event, in order, as it comes: id is the cursor, event the type. Last-Event-ID goes on after that event; else after does, and 0 is the oldest event that is kept; without either, what happens from now on. 410 if the event after it is not kept any more.',
        querystring: Type.Object({ after: Type.Optional(Type.String()) }, { additionalProperties: false }),
        headers: {
          type: 'object',
          properties: { 'last-event-id': { type: 'string', description: 'The id of the last event that was heard.' } },
        },
        response: {
          ...eventStream,
          ...problems('validation_failed', 'cursor_expired', 'rate_limited', 'overloaded', 'store_unavailable', 'internal'),
        },
      },
    },
    async (request, reply) => {
      const heard = request.headers['last-event-id']
      const after = (heard === undefined ? undefined : String(heard)) ?? request.query.after ?? (await shop.lastCursor())
      await refuseBadCursor(shop, after, heard === undefined ? 'after' : 'last-event-id')
      const stream = streams.open(reply)
      if (stream !== null) void follow(shop, stream, after, report)
      return reply
    },
  )
}

/** Before the stream is open, where an answer can still say what is wrong. */
async function refuseBadCursor(shop: Holdfast, cursor: string | null, path: string): Promise<void> {
  try {
    await shop.events({ cursor, limit: 1 })
  } catch (error) {
    throw faultCode(error) === 'invalid_cursor' ? new InvalidRequest([{ path, message: 'is not a cursor of this feed' }]) : error
  }
}

/** A client that hears the end of the stream connects again, and goes on where it was. */
async function follow(shop: Holdfast, stream: EventStream, after: string | null, report: (error: unknown) => void): Promise<void> {
  try {
    for await (const event of shop.follow({ after, signal: stream.signal })) {
      if (!stream.send(frame({ id: event.cursor, event: event.type, data: viewEvent(event) }))) await stream.drained()
    }
  } catch (error) {
    // Of a client that reads more slowly than events are removed; it hears so when it connects again.
    if (faultCode(error) !== 'cursor_expired') report(error)
  } finally {
    stream.end()
  }
}
