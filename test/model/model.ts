import { isDeepStrictEqual } from 'node:util'
import type { Answer, Call, Request } from './requests.ts'
import { counts, unitsOf, viewOrder, viewProduct, viewReservation, viewStock } from './views.ts'
import type { Item, ModelOrder, ModelProduct, ModelReservation } from './views.ts'

/**
 * What Holdfast should do, said a second time and as plainly as possible: arrays, loops, one command at a time, and every number counted
 * afresh from the reservations and orders. It shares no code with src/. Time is an argument, and what is due expires first of all.
 */

interface Remembered {
  readonly request: Request
  readonly at: number
  readonly answer: Answer
  /** It changed something that outlives the memory of a store. */
  readonly isDurable: boolean
  /** The memory that knew it is gone. */
  isOld: boolean
}

/** What these did, a store in memory may have alone. */
const inMemory: ReadonlySet<Call['verb']> = new Set(['reserve', 'cancel', 'extend'])

const dayMs = 24 * 60 * 60 * 1000

export class Model {
  readonly products: ModelProduct[] = []
  readonly reservations: ModelReservation[] = []
  readonly orders: ModelOrder[] = []
  remembered: Remembered[] = []
  /** "type subject" of every transition that must have its event. */
  readonly events: string[] = []
  #eventsBefore = 0
  readonly #activePerUserMax: number

  constructor(activePerUserMax = Infinity) {
    this.#activePerUserMax = activePerUserMax
  }

  /** The answer that the request must get. `newId` names the reservation or order if one is made. */
  answer(request: Request, now: number, newId: string): Answer {
    this.expire(now)
    this.#eventsBefore = this.events.length
    const first = this.recall(request, now)
    if (first !== undefined) {
      if (!isDeepStrictEqual(first.request.call, request.call)) return refuse('idempotency_key_reused')
      return { ...first.answer, replayed: true } as Answer
    }
    const { call } = request
    switch (call.verb) {
      case 'createProduct':
        return this.createProduct(call, now)
      case 'updateProduct':
        return this.updateProduct(call, now)
      case 'adjustStock':
        return this.adjustStock(call)
      case 'reserve':
        return this.reserve(call, now, newId)
      case 'confirm':
        return this.confirm(call, now, newId)
      case 'cancel':
        return this.cancel(call, now)
      case 'extend':
        return this.extend(call, now)
      case 'cancelOrder':
        return this.cancelOrder(call, now)
    }
  }

  expire(now: number): void {
    for (const reservation of this.reservations) {
      if (reservation.status !== 'active' || now < reservation.expiresAt) continue
      reservation.status = 'expired'
      reservation.endedAt = reservation.expiresAt
      this.events.push(`reservation.expired ${reservation.id}`)
    }
  }

  /** To be told after an accepted answer to a request with a key: it is what every repeat gets. */
  remember(request: Request, at: number, answer: Answer): void {
    if (request.key === null || !answer.ok || this.recall(request, at) !== undefined) return
    const isDurable = this.events.length > this.#eventsBefore && !inMemory.has(request.call.verb)
    this.remembered.push({ request, at, answer, isDurable, isOld: false })
  }

  /** What only a memory held is gone: what is active, and answers. */
  lose(now: number): void {
    this.expire(now)
    for (const reservation of this.reservations) if (reservation.status === 'active') this.end(reservation, 'lost', now)
    this.remembered = this.remembered.filter(({ isDurable }) => isDurable)
    for (const one of this.remembered) one.isOld = true
  }

  product(sku: string): ModelProduct | undefined {
    return this.products.find((product) => product.sku === sku)
  }

  private recall({ key, call }: Request, now: number): Remembered | undefined {
    if (key === null) return undefined
    const found = this.remembered.findLast(({ request, at }) => request.key === key && request.call.verb === call.verb && now - at < dayMs)
    // The answer to an old key is looked for where the reservation has ended; what is active is confirmed without, and the key is the new one's.
    const isActive = call.verb === 'confirm' && this.reservations.some(({ id, status }) => id === call.id && status === 'active')
    return found?.isOld === true && isActive ? undefined : found
  }

  private createProduct({ input }: Extract<Call, { verb: 'createProduct' }>, now: number): Answer {
    const { saleStartsAt = null, saleEndsAt = null } = input
    if (saleStartsAt !== null && saleEndsAt !== null && saleEndsAt <= saleStartsAt) return invalid('/saleEndsAt')
    if (this.products.some(({ sku }) => sku === input.sku)) return refuse('product_exists')
    const product: ModelProduct = {
      sku: input.sku,
      total: input.totalStock,
      name: input.name,
      description: input.description ?? null,
      price: input.price ?? null,
      maxPerUser: input.maxPerUser ?? null,
      reservationTtlSeconds: input.reservationTtlSeconds ?? null,
      saleStartsAt,
      saleEndsAt,
      createdAt: now,
      updatedAt: now,
      changes: 0,
    }
    this.products.push(product)
    this.events.push(`product.created ${product.sku}`)
    return accept(viewProduct(this, product), true)
  }

  private updateProduct({ id, input }: Extract<Call, { verb: 'updateProduct' }>, now: number): Answer {
    const product = this.product(id)
    if (product === undefined) return refuse('product_not_found', { sku: id })
    const patched = { ...product, ...input }
    if (patched.saleStartsAt !== null && patched.saleEndsAt !== null && patched.saleEndsAt <= patched.saleStartsAt)
      return invalid('/saleEndsAt')
    if (!isDeepStrictEqual(patched, product)) {
      Object.assign(product, patched, { updatedAt: now })
      this.events.push(`product.updated ${product.sku}`)
    }
    return accept(viewProduct(this, product))
  }

  private adjustStock({ id, input }: Extract<Call, { verb: 'adjustStock' }>): Answer {
    const product = this.product(id)
    if (product === undefined) return refuse('product_not_found', { sku: id })
    const { reserved, sold } = counts(this, product)
    if (product.total + input.delta > 1_000_000_000) return invalid('/delta')
    if (product.total + input.delta < reserved + sold) return refuse('stock_below_committed', { total: product.total, reserved, sold })
    product.total += input.delta
    product.changes += 1
    this.events.push(`stock.adjusted ${id}`)
    return accept(viewStock(this, product))
  }

  private reserve({ input }: Extract<Call, { verb: 'reserve' }>, now: number, newId: string): Answer {
    const wanted: { product: ModelProduct; quantity: number }[] = []
    for (const { sku, quantity } of input.items) {
      const product = this.product(sku)
      if (product === undefined) return refuse('product_not_found', { sku })
      const same = wanted.find((line) => line.product === product)
      if (same === undefined) wanted.push({ product, quantity })
      else same.quantity += quantity
    }
    for (const { product } of wanted) {
      const { sku, saleStartsAt, saleEndsAt } = product
      if (saleStartsAt !== null && now < saleStartsAt) return refuse('sale_not_started', { sku, saleStartsAt })
      if (saleEndsAt !== null && now >= saleEndsAt) return refuse('sale_ended', { sku, saleEndsAt })
    }
    for (const { product, quantity } of wanted) {
      const limit = product.maxPerUser
      if (limit === null) continue
      const has = unitsOf(this, input.userId, product.sku)
      if (has + quantity > limit)
        return refuse('user_limit_exceeded', { sku: product.sku, limit, remaining: has > limit ? 0 : limit - has })
    }
    const limit = this.#activePerUserMax
    const active = this.reservations.filter(({ userId, status }) => userId === input.userId && status === 'active')
    if (active.length >= limit) return refuse('reservation_limit_exceeded', { limit })
    const short = wanted.filter(({ product, quantity }) => counts(this, product).available < quantity)
    if (short.length > 0) {
      const items = short.map(({ product, quantity }) => ({
        sku: product.sku,
        requested: quantity,
        available: counts(this, product).available,
      }))
      return refuse('insufficient_stock', { items })
    }
    const ttls = wanted.flatMap(({ product }) => product.reservationTtlSeconds ?? [])
    const ttlSeconds = input.ttlSeconds ?? (ttls.length > 0 ? Math.min(...ttls) : 600)
    const reservation: ModelReservation = {
      id: newId,
      userId: input.userId,
      status: 'active',
      items: wanted.map(({ product, quantity }) => ({ sku: product.sku, quantity, unitPrice: product.price })),
      metadata: input.metadata ?? {},
      createdAt: now,
      expiresAt: now + ttlSeconds * 1000,
      endedAt: null,
      orderId: null,
    }
    this.reservations.push(reservation)
    for (const { product } of wanted) product.changes += 1
    this.events.push(`reservation.created ${newId}`)
    return accept(viewReservation(reservation, now), true)
  }

  private confirm({ id, input }: Extract<Call, { verb: 'confirm' }>, now: number, newId: string): Answer {
    const found = this.find(id, input.userId)
    if ('ok' in found) return found
    if (found.status === 'confirmed') {
      const order = this.orders.find(({ reservationId }) => reservationId === id)!
      return order.status === 'cancelled' ? refuse('order_cancelled') : accept(viewOrder(order))
    }
    if (found.status !== 'active') return refuse(`reservation_${found.status}`)
    const metadata = { ...found.metadata, ...input.metadata }
    if (Object.keys(metadata).length > 16) return invalid('/metadata')
    const { userId, items } = found
    const order: ModelOrder = { id: newId, reservationId: id, userId, status: 'placed', items, metadata, createdAt: now, cancelledAt: null }
    this.orders.push(order)
    this.end(found, 'confirmed', now)
    found.orderId = newId
    this.events.push(`order.created ${newId}`)
    return accept(viewOrder(order), true)
  }

  private cancel({ id, input }: Extract<Call, { verb: 'cancel' }>, now: number): Answer {
    const found = this.find(id, input.userId)
    if ('ok' in found) return found
    if (found.status === 'active') this.end(found, 'cancelled', now)
    return found.status === 'cancelled' ? accept(viewReservation(found, now)) : refuse(`reservation_${found.status}`)
  }

  private extend({ id, input }: Extract<Call, { verb: 'extend' }>, now: number): Answer {
    const found = this.find(id, input.userId)
    if ('ok' in found) return found
    if (found.status !== 'active') return refuse(`reservation_${found.status}`)
    const expiresAt = now + input.ttlSeconds * 1000
    if (expiresAt > found.expiresAt) {
      found.expiresAt = expiresAt
      this.events.push(`reservation.extended ${id}`)
    }
    return accept(viewReservation(found, now))
  }

  private cancelOrder({ id }: Extract<Call, { verb: 'cancelOrder' }>, now: number): Answer {
    const order = this.orders.find((one) => one.id === id)
    if (order === undefined) return refuse('order_not_found')
    if (order.status === 'placed') {
      order.status = 'cancelled'
      order.cancelledAt = now
      this.touch(order.items)
      this.events.push(`order.cancelled ${id}`)
    }
    return accept(viewOrder(order))
  }

  private find(id: string, userId: string | undefined): ModelReservation | Answer {
    const reservation = this.reservations.find((one) => one.id === id)
    if (reservation === undefined) return refuse('reservation_not_found')
    return userId === undefined || userId === reservation.userId ? reservation : refuse('not_owner')
  }

  private end(reservation: ModelReservation, status: 'confirmed' | 'cancelled' | 'lost', now: number): void {
    reservation.status = status
    reservation.endedAt = now
    this.touch(reservation.items)
    this.events.push(`reservation.${status} ${reservation.id}`)
  }

  private touch(items: readonly Item[]): void {
    for (const { sku } of items) this.product(sku)!.changes += 1
  }
}

function accept(value: unknown, created = false): Answer {
  return { ok: true, value, created, replayed: false }
}

function refuse(code: string, members: object = {}): Answer {
  return { ok: false, refusal: { code, ...members } }
}

/** The words of the message are not the model's business, the place is. */
function invalid(path: string): Answer {
  return refuse('validation_failed', { errors: [path] })
}
