import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Product } from '../domain/product.ts'
import type { Stock } from '../domain/stock.ts'
import type { Holdfast } from '../engine/holdfast.ts'
import { createLiveStock, type LiveStock } from '../events/live-stock.ts'
import { createShopNews, type ShopNews } from '../events/shop-news.ts'
import { createEventStreams, createOutbox, type EventStream, type EventStreams, type Outbox, type StreamOptions } from './sse.ts'
import { sendRefusal } from './problem.ts'

/** What the routes of one service show to those who listen. */
export interface Live {
  readonly shop: Holdfast
  readonly streams: EventStreams
  readonly stock: LiveStock
  readonly news: ShopNews
  /** Told of what fails after a stream has begun. */
  readonly report: (error: unknown) => void
}

/** What one stream may watch. */
export const skusMax = 100

export function createLive(app: FastifyInstance, shop: Holdfast, streams: StreamOptions, report: (error: unknown) => void): Live {
  const { product: productOf, onChange } = shop
  const stock = createLiveStock({ productOf, onChange, report })
  const news = createShopNews({ shop, report })
  app.addHook('onClose', async () => {
    stock.close()
    news.close()
  })
  return { shop, streams: createEventStreams(app, streams), stock, news, report }
}

/** Makes the message that shows a product: once for all who are shown the same. */
export function createFrames(make: (product: Product) => Buffer): (product: Product) => Buffer {
  const frames = new WeakMap<Product, Buffer>()
  return (product) => {
    let frame = frames.get(product)
    if (frame === undefined) frames.set(product, (frame = make(product)))
    return frame
  }
}

/** A stream of these products: each at once, and whenever its stock has changed. */
export async function streamProducts(
  reply: FastifyReply,
  { shop, streams, stock }: Live,
  skus: readonly string[],
  frameOf: (product: Product) => Buffer,
): Promise<FastifyReply> {
  const watcher = createWatcher(frameOf)
  // Watched before it is read, so that no change falls between the two.
  const unwatch = stock.watch(skus, watcher)
  try {
    const products = await Promise.all(skus.map((sku) => shop.product(sku)))
    const unknown = products.indexOf(null)
    if (unknown >= 0) return await sendRefusal(reply, { code: 'product_not_found', sku: skus[unknown]! })
    const stream = streams.open(reply)
    if (stream === null) return reply
    stream.signal.addEventListener('abort', unwatch, { once: true })
    watcher.begin(stream, products as Product[])
    return reply
  } finally {
    if (!watcher.hasBegun()) unwatch()
  }
}

/** Shows one client the stock of products, in the order of their versions. */
function createWatcher(frameOf: (product: Product) => Buffer) {
  let outbox: Outbox | null = null
  const early = new Map<string, Product>()
  const told = new Map<string, Stock>()

  const show = (product: Product): void => {
    const { sku, stock } = product
    if (outbox === null) {
      early.set(sku, product)
      return
    }
    const known = told.get(sku)
    if (known !== undefined && !isNews(stock, known)) return
    told.set(sku, stock)
    outbox.put(sku, frameOf(product))
  }
  return {
    show,
    hasBegun: () => outbox !== null,
    begin: (stream: EventStream, products: readonly Product[]) => {
      outbox = createOutbox(stream)
      for (const product of [...products, ...early.values()]) show(product)
      early.clear()
    },
  }
}

function isNews(stock: Stock, known: Stock): boolean {
  if (stock.version !== known.version) return stock.version > known.version
  return stock.available !== known.available || stock.nextReleaseAt !== known.nextReleaseAt
}
