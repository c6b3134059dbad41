import { Books } from './books.ts'
import type { Idempotency, Result } from './command.ts'
import type { Changes, Facts } from './facts.ts'
import type { Metadata } from './limits.ts'
import { noNeeds, type Needs } from './needs.ts'
import type { OrderRow } from './order.ts'
import type { ProductRow } from './product.ts'
import type { ReservationRow } from './reservation.ts'
import type { Releases } from './stock.ts'
import {
  addProduct,
  adjustTotal,
  cancelReservation,
  changeProduct,
  confirmReservation,
  endByTime,
  extendReservation,
  loseReservation,
  makeReservation,
  undoOrder,
} from './transitions.ts'

interface At {
  /** The instant of the decision; epoch milliseconds. */
  readonly time: number
  /**
   * What comes back of the sku, for each view of a stock that the events and the answer of this transition show, in the order in which `Books` asks. When it runs out or is
   * missing: nothing comes back.
   */
  readonly releases?: readonly Releases[]
  /** Store the answer under this key. */
  readonly idempotency?: Idempotency | null
}

/** One transition that was decided elsewhere, as a journal tells it. */
export type Transition = At &
  (
    | { readonly type: 'reserved'; /** Active. */ readonly row: ReservationRow }
    | { readonly type: 'confirmed'; readonly id: string; readonly orderId: string; /** Of the order. */ readonly metadata: Metadata }
    | { readonly type: 'cancelled' | 'expired' | 'lost'; readonly id: string }
    | { readonly type: 'extended'; readonly id: string; readonly expiresAt: number }
    | { readonly type: 'productCreated'; readonly product: ProductRow; readonly totalStock: number }
    | { readonly type: 'productUpdated'; /** After the change. */ readonly product: ProductRow }
    | { readonly type: 'adjusted'; readonly sku: string; readonly delta: number; readonly reason: string | null }
    | { readonly type: 'orderCancelled'; readonly orderId: string; readonly reason: string | null }
  )

const nothingReleased: Releases = { dueUnits: 0, nextReleaseAt: null }

/**
 * Do again what was decided elsewhere: the rows, events and stored answers are those that `decide()` would have written. Rules are not checked, because whoever decided has
 * done so. Throws where the books cannot be as the journal says. Of the facts it needs the rows that `replayNeeds` names, and no usage and no releases.
 */
export function replay(transitions: readonly Transition[], facts: Facts): Changes {
  let told: Iterator<Releases> = [].values()
  const books = new Books(facts, 0, () => told.next().value ?? nothingReleased)
  for (const transition of transitions) {
    books.now = transition.time
    told = (transition.releases ?? []).values()
    const value = apply(books, transition)
    if (transition.idempotency != null && value !== null) books.keep(transition.idempotency, makesSomething.has(transition.type), value)
  }
  const changes = books.changes()
  for (const { stock } of changes.events) {
    for (const { sku, version, total, reserved, sold } of stock) {
      if (reserved >= 0 && sold >= 0 && reserved + sold <= total) continue
      throw new Error(`at version ${version} of ${sku} ${reserved} would be reserved and ${sold} sold of ${total}`)
    }
  }
  return changes
}

/** Transitions whose answer says `created`. */
const makesSomething: ReadonlySet<Transition['type']> = new Set(['reserved', 'confirmed', 'productCreated'])

/** The value of the answer; null: nobody asked for this transition. */
function apply(books: Books, transition: Transition): Result | null {
  switch (transition.type) {
    case 'reserved':
      if (books.reservations.get(transition.row.id) !== undefined) throw new Error(`reservation ${transition.row.id} is there already`)
      return makeReservation(books, transition.row)
    case 'confirmed':
      if (books.orders.get(transition.orderId) !== undefined) throw new Error(`order ${transition.orderId} is there already`)
      return confirmReservation(books, active(books, transition), transition.orderId, transition.metadata)
    case 'cancelled':
      return cancelReservation(books, active(books, transition))
    case 'expired':
      endByTime(books, active(books, transition))
      return null
    case 'lost':
      loseReservation(books, active(books, transition))
      return null
    case 'extended': {
      const row = active(books, transition)
      if (transition.expiresAt < row.expiresAt) throw new Error(`reservation ${row.id} would expire earlier than before`)
      return extendReservation(books, row, transition.expiresAt)
    }
    case 'productCreated':
      if (books.products.get(transition.product.sku) !== undefined) throw new Error(`product ${transition.product.sku} is there already`)
      return addProduct(books, transition.product, transition.totalStock)
    case 'productUpdated': {
      const { product } = transition
      return changeProduct(books, books.need(books.products.get(product.sku), `product ${product.sku}`), product)
    }
    case 'adjusted':
      return adjustTotal(books, transition.sku, transition.delta, transition.reason)
    case 'orderCancelled':
      return undoOrder(books, placed(books, transition.orderId), transition.reason)
  }
}

function active(books: Books, { type, id }: { readonly type: Transition['type']; readonly id: string }): ReservationRow {
  const row = books.need(books.reservations.get(id), `reservation ${id}`)
  if (row.status !== 'active') throw new Error(`reservation ${id} is ${row.status} and cannot be ${type}`)
  return row
}

function placed(books: Books, id: string): OrderRow {
  const row = books.need(books.orders.get(id), `order ${id}`)
  if (row.status !== 'placed') throw new Error(`order ${id} is ${row.status} and cannot be cancelled`)
  return row
}

/** What the transitions name: where a ledger begins to look for the facts. What they make themselves is not looked for. */
export function replayNeeds(transitions: readonly Transition[]): Needs {
  const skus = new Set<string>()
  const made = new Set<string>()
  const ended = new Set<string>()
  const sold = new Set<string>()
  const undone = new Set<string>()
  for (const transition of transitions) {
    switch (transition.type) {
      case 'reserved':
        made.add(transition.row.id)
        for (const { sku } of transition.row.items) skus.add(sku)
        break
      case 'productCreated':
      case 'productUpdated':
        skus.add(transition.product.sku)
        break
      case 'adjusted':
        skus.add(transition.sku)
        break
      case 'orderCancelled':
        if (!sold.has(transition.orderId)) undone.add(transition.orderId)
        break
      case 'confirmed':
        sold.add(transition.orderId)
        if (!made.has(transition.id)) ended.add(transition.id)
        break
      default:
        if (!made.has(transition.id)) ended.add(transition.id)
    }
  }
  return {
    ...noNeeds,
    taken: new Map(Array.from(skus, (sku) => [sku, 0])),
    newReservations: made.size,
    reservationIds: [...ended],
    orderIds: [...undone],
  }
}
