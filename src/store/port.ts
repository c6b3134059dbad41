import type { Command, Outcome } from '../domain/command.ts'
import type { Event } from '../domain/event.ts'
import type { Order } from '../domain/order.ts'
import type { Page, PageQuery } from '../domain/pages.ts'
import type { Product } from '../domain/product.ts'
import type { Reservation, ReservationStatus } from '../domain/reservation.ts'

export type { Page, PageQuery } from '../domain/pages.ts'

export interface ReservationFilter {
  readonly userId: string | null
  readonly sku: string | null
  /** null: any but `lost`, which are only listed when asked for. */
  readonly status: ReservationStatus | null
  /** Only those that occupy the slot of this name, which are active and not due; null or left out: whatever they occupy. */
  readonly slot?: string | null
}

export interface OrderFilter {
  readonly userId: string | null
}

export interface ExecuteOptions {
  readonly repeat?: boolean
  readonly later?: (index: number, outcome: Promise<Outcome>) => void
}

/** Requests of one client that came since the last call. */
export interface Requests {
  readonly client: string
  readonly requests: number
  /** How long the window is that they open, if none is open. */
  readonly windowMs: number
}

/** What has come of a client in its window so far, from all nodes. */
export interface RequestWindow {
  readonly requests: number
  readonly endsInMs: number
}

/** A small document of the service itself, such as how far a consumer of the feed has come: not a fact of the shop. */
export interface Note {
  readonly name: string
  /** Another one after each change; says nothing else. */
  readonly version: string
  readonly value: string
}

/** Notes, by compare and set. All may throw `store_unavailable`; whether a write was done is then unknown, and reading tells. */
export interface Notes {
  /** Those whose name begins so, by name in ASCII order. */
  readonly list: (prefix: string) => Promise<readonly Note[]>
  readonly read: (name: string) => Promise<Note | null>
  /** Keep `value` under this name, or with null nothing, if what is kept has this version, or, with null, if nothing is. The new version ('' when there is no note any more); null: it is otherwise, and nothing was done. */
  readonly write: (name: string, value: string | null, version: string | null) => Promise<string | null>
}

/** How old something must be before it may be removed, in milliseconds by the store's clock; null: it is never removed. */
export interface PruneQuery {
  /** Of events. Those of the last hour stay in any case. */
  readonly eventsMs: number | null
  /** Since they ended, of reservations without an order. They stay as long as an event tells of them. */
  readonly reservationsMs: number | null
  /** Of answers under idempotency keys. Those that may still be given again, of 24 hours, stay in any case. */
  readonly answersMs: number | null
  /** About how many things one call looks at: bounds how long it takes. */
  readonly limit: number
}

/** How many of each were removed. */
export interface Pruned {
  readonly events: number
  readonly reservations: number
  readonly answers: number
  /** There may be more. */
  readonly more: boolean
}

/** What is not there any more. */
export interface Removed {
  /** Events up to this cursor, which is the first that can still be given; the latest of them happened at `time`. null: none. */
  readonly events: { readonly cursor: string; readonly time: number } | null
  /** The latest end of a reservation that was removed; epoch milliseconds; 0: none was. */
  readonly reservationsTime: number
}

/** What is over may be removed: events, reservations that ended without an order, answers. Orders never are. */
export interface Retention {
  /** One short transaction; safe to repeat, and at any time. Where several nodes ask at once, one of them does it, and the others are told that there is no more. */
  readonly prune: (query: PruneQuery) => Promise<Pruned>
  readonly removed: () => Promise<Removed>
}

/** How a store is, for whoever watches it: nothing is decided by it. Both may throw `store_unavailable`. */
export interface Vitals {
  /** Cheap enough for every look. */
  readonly read: () => Promise<VitalSigns>
  /** Active reservations, those that are due and not yet given back among them. May have to count them one by one: the caller does not ask often. Decisions go on meanwhile, so it is about right. */
  readonly countActive: () => Promise<number>
}

export interface VitalSigns {
  /** For how long the reservation that is due for longest has waited to be given back, by the store's clock; 0: none does. */
  readonly overdueMs: number
  /** Only of a store in memory: how often it was loaded from its ledger. */
  readonly generation: number | null
  /** Only of a store with a ledger: transitions that the ledger does not have yet. */
  readonly waitingForLedger: number | null
}

/**
 * A place that keeps the facts. Ten methods, because the width of this port decides the size of every store behind it.
 * Every method may throw the fault `store_unavailable`; repeating is then safe.
 */
export interface Store {
  /** How many commands one batch may have, a reserve counting as many as it has lines: more make no better use of a commit and keep the others waiting. */
  readonly batchSizeMax: number

  /**
   * Decide the commands in order and commit once. Each is all or nothing by itself. When it throws, either nothing was done or nobody knows; the same batch
   * with `repeat` finds what an earlier attempt did and answers as that did. A store may hand over to `later`, if it is given, the outcome of a command that must
   * wait for something the others need not, instead of making the whole batch wait for it; the promise may be rejected with `store_unavailable`, and the array has nothing there.
   */
  execute(commands: readonly Command[], options?: ExecuteOptions): Promise<readonly Outcome[]>

  product(sku: string): Promise<Product | null>
  /** By sku, in ASCII order. */
  products(query: PageQuery): Promise<Page<Product>>
  reservation(id: string): Promise<Reservation | null>
  /** Newest first. */
  reservations(filter: ReservationFilter, query: PageQuery): Promise<Page<Reservation>>
  order(id: string): Promise<Order | null>
  /** Newest first. */
  orders(filter: OrderFilter, query: PageQuery): Promise<Page<Order>>
  /**
   * Oldest first. `nextCursor` is where to go on, now or tomorrow; null only while the feed is empty. With `limit` 0: after everything that there is now. Without a cursor, or after '0', it begins with the oldest
   * event that is kept; after another one whose next event was removed it is the fault `cursor_expired`.
   */
  events(query: PageQuery): Promise<Page<Event>>
  /** Milliseconds until the next reservation is due, by the store's clock; 0 when one is; null when there is none. */
  nextDueInMs(): Promise<number | null>

  close(): Promise<void>

  /** How many batches it decides in the order in which they are given, without waiting for the end of the one before; default 1. */
  readonly batchesInFlightMax?: number
  /** Only of stores that several nodes share: calls when another node may have committed something, and now and then anyway. A hint, never the truth. */
  readonly onOthers?: (listener: () => void) => void
  /** Only of stores that several nodes share: count requests against the limits of their clients, each of which is named once. Not facts: they may be forgotten at any time. */
  readonly countRequests?: (requests: readonly Requests[]) => Promise<readonly RequestWindow[]>
  /** Where the service keeps what belongs to no shop, as durable as the facts. Without it there are no webhooks and no relay. */
  readonly notes?: Notes
  /** Without it everything is kept for ever. */
  readonly retention?: Retention
  readonly vitals?: Vitals
}
