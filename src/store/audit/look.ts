import type { Product } from '../../domain/product.ts'
import type { Stock } from '../../domain/stock.ts'
import type { Store } from '../port.ts'
import type { Findings } from './findings.ts'
import type { Fold } from './fold.ts'
import { allOrders, allReservations, mapOf } from './pages.ts'
import { createTally, type Tally } from './tally.ts'

/** One pass over the rows, between two readings of the stock. */
export interface Look {
  readonly before: ReadonlyMap<string, Stock>
  readonly after: ReadonlyMap<string, Stock>
  /** Units of rows that read as active. */
  readonly reserved: ReadonlyMap<string, number>
  /** Units of rows that read as expired, and no event says so yet. */
  readonly due: ReadonlyMap<string, number>
  /** Units of placed orders. */
  readonly sold: ReadonlyMap<string, number>
  /** Reservations whose row and events disagree; right if nothing was appended during the pass. */
  readonly disagreements: readonly string[]
  readonly reservationCount: number
  readonly orderCount: number
  /** When each product was made. */
  readonly madeAt: ReadonlyMap<string, number>
  /** As those of the fold: what happened since. */
  readonly ended: Tally
  readonly confirmed: Tally
  readonly placed: Tally
  readonly cancelledOrders: Tally
  /** (reservation, order) of every confirmed reservation, and of every order. */
  readonly everConfirmed: Tally
  readonly everPlaced: Tally
}

export type Progress = (progress: { readonly phase: string; readonly done: number }) => void

export async function look(store: Store, fold: Fold, onProgress: Progress): Promise<Look> {
  const reserved = new Map<string, number>()
  const due = new Map<string, number>()
  const sold = new Map<string, number>()
  const disagreements: string[] = []
  const [ended, confirmed, placed, cancelledOrders] = [createTally(), createTally(), createTally(), createTally()]
  const [everConfirmed, everPlaced] = [createTally(), createTally()]
  const unseen = new Set(fold.open.keys())
  const add = (sums: Map<string, number>, items: readonly { sku: string; quantity: number }[]): void => {
    for (const { sku, quantity } of items) sums.set(sku, (sums.get(sku) ?? 0) + quantity)
  }

  const isSince = (instant: number | null): boolean => instant !== null && instant > fold.since

  const { stock: before } = await readStock(store)
  onProgress({ phase: 'products', done: before.size })

  let reservationCount = 0
  for await (const row of allReservations(store)) {
    const { id, status, items, orderId, endedAt } = row
    const isOpen = fold.isOpen(row)
    unseen.delete(id)
    if (status === 'active') {
      add(reserved, items)
      if (!isOpen) disagreements.push(`reservation ${id}: active in its row, not by the events`)
    } else if (isOpen && status === 'expired') {
      add(due, items)
    } else if (isOpen) {
      disagreements.push(`reservation ${id}: ${status} in its row, active by the events`)
    } else if (isSince(endedAt)) {
      ended.add(id, status)
    }
    if (status === 'confirmed') everConfirmed.add(id, orderId)
    if (status === 'confirmed' && isSince(endedAt)) confirmed.add(id, orderId)
    reservationCount++
    if (reservationCount % 1_000 === 0) onProgress({ phase: 'reservations', done: reservationCount })
  }
  for (const id of unseen) disagreements.push(`reservation ${id}: active by the events, has no row`)

  let orderCount = 0
  for await (const { id, reservationId, status, items, createdAt, cancelledAt } of allOrders(store)) {
    everPlaced.add(reservationId, id)
    if (isSince(createdAt)) placed.add(reservationId, id)
    if (status === 'placed') add(sold, items)
    else if (isSince(cancelledAt)) cancelledOrders.add(id)
    orderCount++
    if (orderCount % 1_000 === 0) onProgress({ phase: 'orders', done: orderCount })
  }

  const { stock: after, madeAt } = await readStock(store)
  const tallies = { ended, confirmed, placed, cancelledOrders, everConfirmed, everPlaced }
  return { before, after, madeAt, reserved, due, sold, disagreements, reservationCount, orderCount, ...tallies }
}

async function readStock(store: Store): Promise<{ readonly stock: Map<string, Stock>; readonly madeAt: Map<string, number> }> {
  const products = await mapOf(
    (query) => store.products(query),
    (product) => [product.sku, product],
  )
  const of = <Value>(value: (product: Product) => Value): Map<string, Value> =>
    new Map(Array.from(products, ([sku, product]) => [sku, value(product)]))
  return { stock: of((product) => product.stock), madeAt: of((product) => product.createdAt) }
}

/**
 * Judge one sku whose books did not change during the pass. Time may have passed all the same: a reservation that became due meanwhile is in the counter
 * read before, perhaps in the rows, and not in the counter read after. So the rows must lie between the two, and all three are equal when nothing was due.
 */
export function judgeCounters(seen: Look, sku: string, findings: Findings): void {
  const [first, last] = [seen.before.get(sku)!, seen.after.get(sku)!]
  for (const { total, reserved, sold, available, version } of [first, last]) {
    if (reserved < 0 || sold < 0 || reserved + sold > total || available !== total - reserved - sold) {
      findings.sku('S1', sku, `now, at version ${version}, ${reserved} are reserved, ${sold} sold and ${available} available of ${total}`)
    }
  }
  const reserved = seen.reserved.get(sku) ?? 0
  if (reserved < last.reserved || reserved > first.reserved) {
    findings.sku('S2', sku, `the counter says ${last.reserved} reserved; active reservations hold ${reserved}`)
  }
  const sold = seen.sold.get(sku) ?? 0
  if (sold !== last.sold) findings.sku('S2', sku, `the counter says ${last.sold} sold; placed orders have ${sold}`)
}

/** Judge one sku against the events. Right only if nothing was appended during the pass. */
export function judgeEvents(seen: Look, fold: Fold, sku: string, findings: Findings): void {
  const [first, last, books] = [seen.before.get(sku), seen.after.get(sku), fold.stock.get(sku)]
  const isMadeBefore = (seen.madeAt.get(sku) ?? Infinity) <= fold.since
  // Nothing has happened to it since.
  if (books === undefined && isMadeBefore) return
  if (fold.based.has(sku) && !isMadeBefore) findings.sku('S4', sku, 'its events do not begin with the one that made it')
  if (first === undefined || last === undefined || books === undefined) {
    const [has, lacks] = last === undefined ? ['events', 'product'] : ['a product', 'events']
    findings.sku('S4', sku, `there are ${has} of this sku and no ${lacks}`.replace('there are a', 'there is a'))
    return
  }
  if (books.version !== last.version) {
    findings.sku('S4', sku, `the product is at version ${last.version} and its events end at ${books.version}`)
  }
  if (books.total !== last.total || books.sold !== last.sold) {
    findings.sku('S3', sku, `the events make ${books.total} total and ${books.sold} sold; the counters say ${last.total} and ${last.sold}`)
  }
  const reserved = books.reserved - (seen.due.get(sku) ?? 0)
  if (reserved < last.reserved || reserved > first.reserved) {
    findings.sku('S3', sku, `the events make ${reserved} reserved; the counter says ${last.reserved}`)
  }
}
