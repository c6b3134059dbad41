import type { Outcome } from '../domain/command.ts'
import type { ShopEvent } from '../domain/event.ts'
import { Fault } from '../domain/faults.ts'
import { idempotencyKeyProblem, limits } from '../domain/limits.ts'
import type { Page, PageQuery } from '../domain/pages.ts'
import type { Shop, WriteOptions } from '../engine/shop.ts'
import type { Fetch, Key, Request, Way } from './exchange.ts'
import { follow } from './follow.ts'
import { readEvent, readOrder, readProduct, readReservation, readStock } from './read.ts'
import { sendStubbornly } from './repeat.ts'
import { listRequest, readRequest, segmentOf, withInstants, writeRequest, type Write } from './requests.ts'

export interface ClientOptions {
  /** The address of a service, for example `https://shop.example/holdfast`. */
  readonly url: string
  /** An API key or an end user's token. A function is asked before each attempt, so that it may renew a token. */
  readonly key?: Key | undefined
  /** Instead of the global `fetch`. */
  readonly fetch?: Fetch
  /** How often a request is sent, at most. */
  readonly attemptsMax?: number
  /** How long one attempt may take. */
  readonly attemptTimeoutMs?: number
  /** How long a call may take, with all its attempts and the time between them. */
  readonly timeoutMs?: number
  /** How long `follow` waits before it asks for more. */
  readonly pollMs?: number
}

/** A shop in a service: the same as `createHoldfast` has in its own program. Throws a `ServiceError` besides, where the service refuses the request itself. */
export function createClient({
  url,
  key,
  fetch = (address, init) => globalThis.fetch(address, init),
  attemptsMax = 4,
  attemptTimeoutMs = 10_000,
  timeoutMs = 30_000,
  pollMs = 1_000,
}: ClientOptions): Shop {
  const way: Way = { url: parseUrl(url), fetch, key }
  const patience = { attemptsMax, attemptTimeoutMs, timeoutMs }
  const closing = new AbortController()
  const calls = new Set<Promise<unknown>>()

  const call = async <Value>(request: Request<Value>, signal = new AbortController().signal): Promise<Value> => {
    signal.throwIfAborted()
    if (closing.signal.aborted) throw new Fault('closed', 'The client is closed.')
    const sending = sendStubbornly(way, request, patience, signal)
    calls.add(sending)
    try {
      return await sending
    } finally {
      calls.delete(sending)
    }
  }

  const write = async <Thing>(request: Write<Thing>, { idempotencyKey, signal }: WriteOptions): Promise<Outcome<Thing>> => {
    const problem = idempotencyKey === undefined ? null : idempotencyKeyProblem(idempotencyKey)
    if (problem === null) return call(writeRequest(request, idempotencyKey), signal)
    return { ok: false, refusal: { code: 'validation_failed', errors: [{ path: 'idempotencyKey', message: problem }] } }
  }

  const readEvents = (query: Partial<PageQuery>, signal: AbortSignal | undefined): Promise<Page<ShopEvent>> =>
    call(listRequest({ path: '/v1/events', query, readItem: readEvent, cursorName: 'after' }), signal)

  const close = async (): Promise<void> => {
    closing.abort()
    await Promise.allSettled(calls)
  }

  return {
    reserve: (input, options = {}) => write({ path: '/v1/reservations', input, read: readReservation }, options),
    confirm: (id, input = {}, options = {}) => write({ path: `${reservationPath(id)}/confirm`, input, read: readOrder }, options),
    cancel: (id, input = {}, options = {}) => write({ path: `${reservationPath(id)}/cancel`, input, read: readReservation }, options),
    extend: (id, input, options = {}) => write({ path: `${reservationPath(id)}/extend`, input, read: readReservation }, options),
    createProduct: (input, options = {}) => write({ path: '/v1/products', input: withInstants(input), read: readProduct }, options),
    updateProduct: (sku, patch, options = {}) =>
      write({ method: 'PATCH', path: productPath(sku), input: withInstants(patch), read: readProduct }, options),
    adjustStock: (sku, input, options = {}) => write({ path: `${productPath(sku)}/stock-adjustments`, input, read: readStock }, options),
    cancelOrder: (id, input = {}, options = {}) => write({ path: `${orderPath(id)}/cancel`, input, read: readOrder }, options),

    product: (sku, { signal } = {}) => call(readRequest(productPath(sku), readProduct, 'product_not_found'), signal),
    products: (query = {}, { signal } = {}) => call(listRequest({ path: '/v1/products', query, readItem: readProduct }), signal),
    reservation: (id, { signal } = {}) => call(readRequest(reservationPath(id), readReservation, 'reservation_not_found'), signal),
    reservations: ({ userId = null, sku = null, status = null, ...query } = {}, { signal } = {}) =>
      call(listRequest({ path: '/v1/reservations', query, filter: { userId, sku, status }, readItem: readReservation }), signal),
    order: (id, { signal } = {}) => call(readRequest(orderPath(id), readOrder, 'order_not_found'), signal),
    orders: ({ userId = null, ...query } = {}, { signal } = {}) =>
      call(listRequest({ path: '/v1/orders', query, filter: { userId }, readItem: readOrder }), signal),
    events: (query = {}, { signal } = {}) => readEvents(query, signal),
    follow: (options = {}) =>
      follow((cursor, signal) => readEvents({ limit: limits.pageSizeMax, cursor }, signal), pollMs, closing.signal, options),

    close,
    [Symbol.asyncDispose]: close,
  }
}

const productPath = (sku: string): string => `/v1/products/${segmentOf(sku)}`
const reservationPath = (id: string): string => `/v1/reservations/${segmentOf(id)}`
const orderPath = (id: string): string => `/v1/orders/${segmentOf(id)}`

/** Without a slash at the end, because paths begin with one. */
function parseUrl(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : null
  if (url === null || !/^https?:$/.test(url.protocol) || url.username + url.password + url.search + url.hash !== '') {
    throw new TypeError('The url must be the address of a service, for example https://shop.example; a key belongs into the option key.')
  }
  return url.origin + url.pathname.replace(/\/+$/, '')
}
