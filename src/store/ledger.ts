import type { Command, Outcome } from '../domain/command.ts'
import type { OrderRow } from '../domain/order.ts'
import type { ProductRow } from '../domain/product.ts'
import type { Transition } from '../domain/replay.ts'
import type { Reservation } from '../domain/reservation.ts'
import type { StockRow } from '../domain/stock.ts'
import type { Notes, Page, PageQuery, Pruned, PruneQuery, Removed, ReservationFilter, Store } from './port.ts'

/** Where a ledger stands. `generation`: 0 until a store in memory has taken it over for the first time. `position`: how many batches of the journal of this generation it has; `mark`: that of the last of them, '' at the beginning. */
export interface LedgerState {
  /** Of this ledger and no other; made with it. */
  readonly id: string
  readonly generation: number
  readonly position: number
  readonly mark: string
  /** What the store in memory is called that this is the ledger of; null: there was none yet. */
  readonly namespace: string | null
}

export interface OnSale {
  readonly product: ProductRow
  readonly stock: StockRow
}

/** Units of a sku that a user bought. */
export interface Bought {
  readonly sku: string
  readonly userId: string
  readonly units: number
}

/** What a store in memory needs to begin with: everything that is on sale, with no unit reserved. */
export interface LedgerContents {
  readonly state: LedgerState
  /** In ASCII order of sku, a page at a time. */
  readonly products: () => AsyncIterable<readonly OnSale[]>
  /** Units that users bought of skus that have a limit per user, each pair once, a page at a time. */
  readonly bought: () => AsyncIterable<readonly Bought[]>
}

/**
 * A SQL store in a second role: the truth of what was sold, and the history of everything. A store in memory decides and keeps a journal of what it decided; the ledger
 * replays the journal, each batch once and in order. Every method may throw the fault `store_unavailable`; repeating is then safe.
 */
export interface Ledger {
  readonly state: () => Promise<LedgerState>

  /** From now on this is the ledger of that namespace, if it has been that of none or of `from`. Returns the state as it is then. */
  readonly claim: (namespace: string, from: string | null) => Promise<LedgerState>

  /**
   * Append the batches of the journal after `from` up to and including `to`, in one transaction: rows, events, the position, and the mark of the last of them. Safe to repeat. Nothing is done, and the state
   * is returned all the same, if the ledger is of another generation or at another position than `from`: whoever was slow or cut off is refused here, and not by its own clock.
   * Throws the fault `journal_rejected` if what the journal says cannot be, as when it sells what is not there: the memory it comes from is wrong.
   */
  readonly append: (generation: number, from: number, to: number, transitions: readonly Transition[], mark?: string) => Promise<LedgerState>

  /**
   * Raise the generation from `generation` by one, so that nobody who knows only the old one can append any more; end what is active as lost, or as expired what is due; and hand over what is
   * there to `load`. The position begins again at 0. One node at a time does this: whoever comes second waits, finds the generation raised, and does nothing. Returns the state as it is then.
   */
  readonly takeOver: (generation: number, load: (contents: LedgerContents) => Promise<void>) => Promise<LedgerState>

  /** How many reservations are active in the rows and not yet due by the ledger's own clock. Those that are due are given back first. Only sensible while the generation is 0. */
  readonly openReservations: () => Promise<number>

  /**
   * What the commands (confirm, cancel, extend, and any with a key) are answered by the ledger alone, at `now`: by stored answers and by what has ended. Changes nothing.
   * null: the ledger has no answer, because the reservation is active in its rows or, for other commands, no answer is stored under the key.
   */
  readonly peek: (commands: readonly Command[], now: number) => Promise<readonly (Outcome | null)[]>

  /** Units of a sku that each user holds in active reservations, due or not, or bought; a page at a time. */
  readonly usersOf: (sku: string) => AsyncIterable<readonly { readonly userId: string; readonly units: number }[]>

  readonly reservation: (id: string, now: number) => Promise<Reservation | null>
  readonly reservations: (filter: ReservationFilter, query: PageQuery, now: number) => Promise<Page<Reservation>>
  readonly orderRow: (id: string) => Promise<OrderRow | null>
  readonly order: Store['order']
  readonly orders: Store['orders']
  readonly events: Store['events']
  readonly notes: Notes
  /** As `Retention`; at `now`, by the clock of the store in memory. */
  readonly prune: (query: PruneQuery, now: number) => Promise<Pruned>
  readonly removed: () => Promise<Removed>
  readonly close: () => Promise<void>
}
