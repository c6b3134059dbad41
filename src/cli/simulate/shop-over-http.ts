import type { RefusalCode } from '../../domain/refusals.ts'
import type { Stock } from '../../domain/stock.ts'
import { systemClock } from '../../store/clock.ts'
import { Failure } from '../failure.ts'
import { createHttpClient, type HttpAnswer, type HttpClientOptions, type Problem } from '../http-client.ts'
import type { Answer, Held, Sale, Shop } from './shop.ts'

/** How long a service may take to answer at all; when it is not running, nobody wants to wait for the long patience of a sale. */
const firstAnswerPatienceMs = 2_000

/** A running service. */
export async function connectShop(url: string, options: HttpClientOptions): Promise<Shop> {
  await probe(url)
  const client = createHttpClient(url, options)

  return {
    name: client.url,
    createProduct: async (sku, units) => {
      const body = { sku, name: 'Flash sale', totalStock: units, price: { amount: 1_999, currency: 'EUR' } }
      valueOf(await client.post('/v1/products', body, sku), 'POST /v1/products')
    },
    stock: async (sku) => {
      const path = `/v1/products/${sku}/stock`
      type StockBody = Omit<Stock, 'nextReleaseAt'> & { readonly nextReleaseAt: string | null }
      const { total, reserved, sold, status, nextReleaseAt } = valueOf(await client.get(path), `GET ${path}`) as StockBody
      return { total, reserved, sold, status, nextReleaseInMs: nextReleaseAt === null ? null : Date.parse(nextReleaseAt) - systemClock() }
    },
    reserve: async (userId, skus, ttlSeconds, key) => {
      const body = { userId, items: skus.map((sku) => ({ sku, quantity: 1 })), ttlSeconds }
      return answerOf<Held>(await client.post('/v1/reservations', body, key))
    },
    confirm: async (id, userId, key) => answerOf<Sale>(await client.post(`/v1/reservations/${id}/confirm`, { userId }, key)),
    cancel: async (id, userId, key) => answerOf<Held>(await client.post(`/v1/reservations/${id}/cancel`, { userId }, key)),
    order: async (id) => {
      const answer = await client.get(`/v1/orders/${id}`)
      return answer.status === 404 ? null : (valueOf(answer, `GET /v1/orders/${id}`) as Sale)
    },
    audit: async () => null,
    close: async () => client.close(),
  }
}

async function probe(url: string): Promise<void> {
  const client = createHttpClient(url, { connectionsMax: 1, patienceMs: firstAnswerPatienceMs })
  try {
    valueOf(await client.get('/v1/products?limit=1'), 'GET /v1/products')
  } finally {
    client.close()
  }
}

function valueOf({ status, body }: HttpAnswer, request: string): unknown {
  if (status < 300) return body
  const { detail, code } = body as Problem
  throw new Failure(`${request} was answered ${status}: ${detail ?? code ?? 'no reason given'}`)
}

function answerOf<Value>({ status, body }: HttpAnswer): Answer<Value> {
  if (status < 300) return { ok: true, value: body as Value }
  const { code, detail, items = [] } = body as Problem
  if (status >= 500 || code === undefined) throw new Failure(`The service answered ${status}: ${detail ?? code ?? 'no reason given'}`)
  return { ok: false, code: code as RefusalCode, shortOf: items.map((item) => item.sku) }
}
