import type { Event } from '../../domain/event.ts'
import type { Order } from '../../domain/order.ts'
import type { Product } from '../../domain/product.ts'
import type { Reservation, ReservedItem } from '../../domain/reservation.ts'
import type { Stock } from '../../domain/stock.ts'
import type { Removed, Store } from '../port.ts'
import type { Findings } from './findings.ts'
import { createTally, type Tally } from './tally.ts'

interface Books {
  total: number
  reserved: number
  sold: number
  version: number
}

/** What the events alone say, as far as they were read. It remembers only what is active. */
export interface Fold {
  /** The latest time of the events that were removed. What happened after it is told by those that are there; what happened before it may be. */
  readonly since: number
  readonly stock: ReadonlyMap<string, Readonly<Books>>
  /** Skus of which the events do not tell from the beginning: their books begin as the first event that is there has recorded them. */
  readonly based: ReadonlySet<string>
  /** Reservations that no event has ended, of those that an event has made. */
  readonly open: ReadonlyMap<string, readonly ReservedItem[]>
  /** The same for a row, also where the event that made it was removed. */
  readonly isOpen: (row: Pick<Reservation, 'id' | 'createdAt' | 'endedAt'>) => boolean
  /** (reservation, end) of every reservation that an event ended, if that was after `since`. As the next three. */
  readonly ended: Tally
  /** (reservation, order), as the confirmed reservations tell it. */
  readonly confirmed: Tally
  /** (reservation, order), as the created orders tell it. */
  readonly placed: Tally
  readonly cancelledOrders: Tally
  readonly eventCount: number
  /** Read what has been appended since; how many events that were. */
  readOn(onPage: (eventCount: number) => void): Promise<number>
}

const pageSize = 500

export function createFold(store: Store, findings: Findings, removed: Removed['events']): Fold {
  const since = removed?.time ?? -Infinity
  const stock = new Map<string, Books>()
  const based = new Set<string>()
  const open = new Map<string, readonly ReservedItem[]>()
  /** Reservations that were made up to `since`, perhaps by an event that was removed, and that an event has ended. */
  const endedOfThen = new Set<string>()
  const ended = createTally()
  const confirmed = createTally()
  const placed = createTally()
  const cancelledOrders = createTally()
  let cursor: string | null = removed?.cursor ?? null
  let eventCount = 0

  return {
    since,
    stock,
    based,
    open,
    // What is due stays active in the events until somebody writes its end down: no event of later than that is removed before.
    isOpen: ({ id, createdAt, endedAt }) =>
      open.has(id) || (createdAt <= since && !endedOfThen.has(id) && (endedAt === null || endedAt > since)),
    ended,
    confirmed,
    placed,
    cancelledOrders,
    get eventCount() {
      return eventCount
    },
    readOn: async (onPage) => {
      const before = eventCount
      for (;;) {
        const page = await store.events({ limit: pageSize, cursor })
        for (const event of page.data) apply(event)
        cursor = page.nextCursor
        eventCount += page.data.length
        onPage(eventCount)
        // A short page is no proof of the end: only an empty one is.
        if (page.data.length === 0) return eventCount - before
      }
    },
  }

  function apply(event: Event): void {
    const moved = new Set(move(event))
    for (const change of event.stock) {
      const { sku, version, total, reserved, sold } = change
      if (reserved < 0 || sold < 0 || reserved + sold > total) {
        findings.sku('S1', sku, `at version ${version} ${reserved} are reserved and ${sold} sold of ${total}`)
      }
      const books = booksOf(sku)
      if (removed !== null && books.version === 0 && event.type !== 'product.created') {
        based.add(sku)
        Object.assign(books, { version: version - 1, total, reserved, sold })
      }
      if (version !== books.version + 1) {
        findings.sku('S4', sku, `version ${books.version} is followed by version ${version} (event ${event.id}, ${event.type})`)
      }
      const folded = `${books.total} total, ${books.reserved} reserved, ${books.sold} sold`
      const recorded = `${total} total, ${reserved} reserved, ${sold} sold`
      if (!moved.delete(sku)) findings.sku('S3', sku, `event ${event.id} (${event.type}) records a change that it does not tell of`)
      else if (folded !== recorded) {
        findings.sku('S3', sku, `event ${event.id} (${event.type}) records ${recorded} at version ${version}; the events make it ${folded}`)
      }
      // From here on as recorded, so that one mistake is one finding.
      Object.assign(books, { version, total, reserved, sold })
    }
    for (const sku of moved) findings.sku('S3', sku, `event ${event.id} (${event.type}) changed the stock and records no version of it`)
  }

  /** Do what the event tells, by its type and data alone; the skus it touches. */
  function move(event: Event): readonly string[] {
    switch (event.type) {
      case 'product.created': {
        const { sku, stock: first } = event.data as Product
        Object.assign(booksOf(sku), { total: first.total, reserved: 0, sold: 0 })
        return [sku]
      }
      case 'stock.adjusted': {
        const { sku, total } = event.data as Stock
        booksOf(sku).total = total
        return [sku]
      }
      case 'reservation.created': {
        const { id, items } = event.data as Reservation
        if (open.has(id)) findings.row('H1', `reservation ${id}: made twice (event ${event.id})`)
        open.set(id, items)
        return add(items, 1, 0)
      }
      case 'reservation.confirmed': {
        const { id, items, orderId, endedAt } = event.data as Reservation
        end(event, 'confirmed')
        if (isSince(endedAt)) confirmed.add(id, orderId)
        return add(items, -1, 1)
      }
      case 'reservation.cancelled':
      case 'reservation.expired':
      case 'reservation.lost': {
        const { items } = event.data as Reservation
        end(event, event.type.slice('reservation.'.length))
        return add(items, -1, 0)
      }
      case 'order.created': {
        const { id, reservationId, createdAt } = event.data as Order
        if (isSince(createdAt)) placed.add(reservationId, id)
        return []
      }
      case 'order.cancelled': {
        const { id, items, cancelledAt } = event.data as Order
        if (isSince(cancelledAt)) cancelledOrders.add(id)
        return add(items, 0, -1)
      }
      case 'reservation.extended':
      case 'stock.sold_out':
      case 'stock.available_again':
      case 'product.updated':
        return []
    }
  }

  function end(event: Event, status: string): void {
    const { id, createdAt, endedAt } = event.data as Reservation
    if (isSince(endedAt)) ended.add(id, status)
    const isOfThen = createdAt <= since
    if (!open.delete(id) && !(isOfThen && !endedOfThen.has(id))) {
      findings.row('H1', `reservation ${id}: ${status} by event ${event.id}, but it was not active then`)
    }
    if (isOfThen) endedOfThen.add(id)
  }

  function isSince(instant: number | null): boolean {
    return instant !== null && instant > since
  }

  function add(items: readonly ReservedItem[], reserved: number, sold: number): string[] {
    for (const { sku, quantity } of items) {
      const books = booksOf(sku)
      books.reserved += reserved * quantity
      books.sold += sold * quantity
    }
    return items.map((item) => item.sku)
  }

  function booksOf(sku: string): Books {
    let books = stock.get(sku)
    if (books === undefined) stock.set(sku, (books = { total: 0, reserved: 0, sold: 0, version: 0 }))
    return books
  }
}
