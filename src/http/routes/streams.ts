import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { faultCode } from '../../domain/faults.ts'
import type { Stock } from '../../domain/stock.ts'
import type { Holdfast } from '../../engine/holdfast.ts'
import { Sku } from '../../engine/schemas.ts'
import { createLiveStock } from '../../events/live-stock.ts'
import { InvalidRequest } from '../body.ts'
import { access } from '../caller.ts'
import { sendRefusal } from '../problem.ts'
import { problems } from '../schemas.ts'
import { message, type EventStream, type EventStreams } from '../sse.ts'
import { viewEvent, viewStock } from '../../engine/views.ts'

/** What one stream may watch. */
const skusMax = 100

const answer = { 200: { description: 'Server-sent events', content: { 'text/event-stream': { schema: Type.String() } } } }

export function streamRoutes(app: FastifyInstance, shop: Holdfast, streams: EventStreams, report: (error: unknown) => void): void {
  const stockOf = async (sku: string): Promise<Stock | null> => (await shop.product(sku))?.stock ?? null
  const live = createLiveStock({ stockOf, onChange: shop.onChange, report })
  app.addHook('onClose', async () => live.close())

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
          ...answer,
          ...problems('validation_failed', 'rate_limited', 'product_not_found', 'overloaded', 'store_unavailable', 'internal'),
        },
      },
    },
    async (request, reply) => {
      const skus = [...new Set([request.query.sku].flat())]
      const watch = watcherOf()
      // Watched before it is read, so that no change falls between the two.
      const unwatch = live.watch(skus, watch)
      try {
        const stocks = await Promise.all(skus.map(stockOf))
        const unknown = stocks.indexOf(null)
        if (unknown >= 0) return await sendRefusal(reply, { code: 'product_not_found', sku: skus[unknown]! })
        const stream = streams.open(reply)
        if (stream === null) return reply
        stream.signal.addEventListener('abort', unwatch, { once: true })
        watch.begin(stream, stocks as Stock[])
        return reply
      } finally {
        if (!watch.hasBegun()) unwatch()
      }
    },
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
          ...answer,
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

/** Sends what it is shown, in the order of versions; while its client is slow, only the last state of each sku is kept. */
function watcherOf() {
  let stream: EventStream | null = null
  let isSlow = false
  const told = new Map<string, Stock>()
  const waiting = new Map<string, Stock>()

  const show = (stock: Stock): void => {
    const known = waiting.get(stock.sku) ?? told.get(stock.sku)
    if (known !== undefined && !isNews(stock, known)) return
    waiting.set(stock.sku, stock)
    if (stream !== null && !isSlow) void send(stream)
  }
  const send = async (to: EventStream): Promise<void> => {
    for (const [sku, stock] of waiting) {
      waiting.delete(sku)
      told.set(sku, stock)
      if (to.send(frameOf(stock))) continue
      isSlow = true
      await to.drained()
      isSlow = false
      if (to.signal.aborted) return
    }
  }
  return {
    show,
    hasBegun: () => stream !== null,
    begin: (to: EventStream, stocks: readonly Stock[]) => {
      for (const stock of stocks) show(stock)
      stream = to
      void send(to)
    },
  }
}

function isNews(stock: Stock, known: Stock): boolean {
  if (stock.version !== known.version) return stock.version > known.version
  return stock.available !== known.available || stock.nextReleaseAt !== known.nextReleaseAt
}

/** Made once for all who are shown the same state. */
const frames = new WeakMap<Stock, string>()

function frameOf(stock: Stock): string {
  let frame = frames.get(stock)
  if (frame === undefined) frames.set(stock, (frame = message({ id: stock.version, data: viewStock(stock) })))
  return frame
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
      if (!stream.send(message({ id: event.cursor, event: event.type, data: viewEvent(event) }))) await stream.drained()
    }
  } catch (error) {
    // Of a client that reads more slowly than events are removed; it hears so when it connects again.
    if (faultCode(error) !== 'cursor_expired') report(error)
  } finally {
    stream.end()
  }
}
