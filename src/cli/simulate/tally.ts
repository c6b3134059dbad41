import type { Findings } from './findings.ts'
import { createShelves, type Claim } from './shelves.ts'
import type { Held, Sale } from './shop.ts'

/**
 * The buyers' side of the books: what they were told, never what the shop says about itself. It claims only what is certain, so a finding is a fault
 * of the shop and not of the messenger. Instants are milliseconds of one steady clock.
 */
export interface Tally {
  /** The shop answered a reservation that was asked for at `sentAt`. */
  accepted(held: Held, userId: string, asked: readonly string[], sentAt: number, now: number): void
  /** From here on the units may be back on sale at any instant. */
  cancelRequested(id: string): void
  cancelled(id: string): void
  walkedAway(id: string): void
  /** A confirm or cancel was answered "expired". */
  toldExpired(id: string, now: number): void
  /** A confirm or cancel was answered with something that cannot be. */
  toldNonsense(id: string, verb: string, answer: string): void
  /** A confirm that was asked for at `sentAt` was answered with an order. */
  confirmed(id: string, sale: Sale, sentAt: number, now: number): void
  /** Somebody who wanted a unit was told that there will be none. */
  leftWanting(sku: string): void
  unitsAt(now: number): Units
  /** Every order that a buyer was given, by its reservation. */
  readonly orders: ReadonlyMap<string, Sale>
  readonly stock: ReadonlyMap<string, number>
  readonly wanting: ReadonlySet<string>
  /** Units in acknowledged orders. */
  soldOf(sku: string): number
}

export interface Units {
  /** In reservations that are certainly alive. */
  readonly held: number
  readonly sold: number
  readonly resold: number
  readonly cancelled: number
  readonly expired: number
}

/** Decided after it was asked for and before it was answered, so it is certainly alive until `aliveUntil` and certainly over from `deadFrom` on. */
interface Reservation extends Claim {
  readonly userId: string
  readonly secondHand: ReadonlySet<string>
  readonly deadFrom: number
}

/** The shop may run on a clock of its own, which is corrected now and then. */
const clockToleranceMs = 50

export function createTally(stock: ReadonlyMap<string, number>, ttlMs: number, findings: Findings): Tally {
  const shelves = createShelves(stock, findings)
  const reservations = new Map<string, Reservation>()
  const orders = new Map<string, Sale>()
  const wanting = new Set<string>()
  const units = { sold: 0, resold: 0, cancelled: 0, expired: 0 }

  const end = (id: string): Reservation | undefined => {
    const reservation = reservations.get(id)
    shelves.letGo(reservation)
    reservations.delete(id)
    return reservation
  }

  return {
    accepted: (held, userId, asked, sentAt, now) => {
      checkLines(held, asked, findings)
      if (reservations.has(held.id) || orders.has(held.id)) findings.add('H1', `reservation ${held.id} was given to two buyers.`)
      const secondHand = shelves.takeFresh(held.items)
      const aliveUntil = sentAt + ttlMs - clockToleranceMs
      const deadFrom = now + ttlMs + clockToleranceMs
      const reservation = { userId, items: held.items, secondHand, aliveUntil, deadFrom }
      reservations.set(held.id, reservation)
      shelves.hold(reservation, now)
    },
    cancelRequested: (id) => shelves.letGo(reservations.get(id)),
    cancelled: (id) => {
      units.cancelled += quantityOf(end(id)?.items)
    },
    walkedAway: (id) => {
      // It stays alive, and on the shelves, until its time is over.
      units.expired += quantityOf(reservations.get(id)?.items)
    },
    toldExpired: (id, now) => {
      const reservation = end(id)
      if (reservation === undefined) return
      units.expired += quantityOf(reservation.items)
      const earlyMs = reservation.aliveUntil - now
      if (earlyMs > 0) findings.add('H4', `reservation ${id} had expired at least ${Math.ceil(earlyMs)} ms early.`)
    },
    toldNonsense: (id, verb, answer) => {
      end(id)
      findings.add('H1', `${verb} of reservation ${id} by its holder was answered ${answer}.`)
    },
    confirmed: (id, sale, sentAt, now) => {
      const reservation = end(id)
      if (orders.has(id)) return findings.add('H1', `reservation ${id} was confirmed twice.`)
      orders.set(id, sale)
      shelves.sell(sale.items, now)
      units.sold += quantityOf(sale.items)
      if (reservation === undefined) return
      units.resold += quantityOf(sale.items.filter(({ sku }) => reservation.secondHand.has(sku)))
      checkOrder(id, sale, reservation, sentAt, findings)
    },
    leftWanting: (sku) => void wanting.add(sku),
    unitsAt: (now) => ({ held: shelves.heldAt(now), ...units }),
    orders,
    stock,
    wanting,
    soldOf: (sku) => shelves.soldOf(sku),
  }
}

/** S5. Every buyer asks for one unit of each. */
function checkLines({ id, items }: Held, asked: readonly string[], findings: Findings): void {
  const wanted = describe(asked.map((sku) => ({ sku, quantity: 1 })))
  if (describe(items) !== wanted) findings.add('S5', `reservation ${id} holds ${describe(items)}; asked for was ${wanted}.`)
}

/** H5, and the part of O1 that can be told at once. */
function checkOrder(id: string, sale: Sale, { userId, items, deadFrom }: Reservation, sentAt: number, findings: Findings): void {
  const lateMs = sentAt - deadFrom
  if (lateMs > 0) findings.add('H5', `reservation ${id} was confirmed at least ${Math.ceil(lateMs)} ms after its end.`)
  const same = sale.reservationId === id && sale.userId === userId && describe(sale.items) === describe(items)
  if (!same) findings.add('O1', `order ${sale.id} is not what reservation ${id} held.`)
}

function quantityOf(items: Held['items'] = []): number {
  return items.reduce((sum, { quantity }) => sum + quantity, 0)
}

function describe(items: Held['items']): string {
  return items
    .map(({ sku, quantity }) => `${quantity} ${sku}`)
    .toSorted()
    .join(', ')
}
