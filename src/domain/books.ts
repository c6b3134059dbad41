import type { Idempotency, Result } from './command.ts'
import type { EventDraft, EventType, StockChange } from './event.ts'
import { answerKey, type Changes, type Facts, type StoredAnswer } from './facts.ts'
import type { OrderRow } from './order.ts'
import type { ProductRow } from './product.ts'
import type { ReservationRow } from './reservation.ts'
import { viewStock, type Releases, type Stock, type StockRow } from './stock.ts'

/** A table of facts with the rows that the batch wrote over them. */
class Sheet<Row> {
  readonly #facts: ReadonlyMap<string, Row>
  readonly #written = new Map<string, Row>()

  constructor(facts: ReadonlyMap<string, Row>) {
    this.#facts = facts
  }

  get(key: string): Row | undefined {
    return this.#written.get(key) ?? this.#facts.get(key)
  }

  set(key: string, row: Row): void {
    this.#written.set(key, row)
  }

  *rows(): Iterable<Row> {
    for (const [key, row] of this.#facts) if (!this.#written.has(key)) yield row
    yield* this.#written.values()
  }

  split(): { created: Row[]; changed: Row[] } {
    const created: Row[] = []
    const changed: Row[] = []
    for (const [key, row] of this.#written) (this.#facts.has(key) ? changed : created).push(row)
    return { created, changed }
  }
}

type Move = Partial<Pick<StockRow, 'total' | 'reserved' | 'sold'>>

/** Tells what comes back of a sku, each time somebody asks. */
export type TellReleases = (sku: string) => Releases

/** The working copy of a batch: what each command sees is what the commands before it left. */
export class Books {
  /** The moment of the decision. */
  now: number
  readonly products: Sheet<ProductRow>
  readonly stock: Sheet<StockRow>
  readonly reservations: Sheet<ReservationRow>
  readonly orders: Sheet<OrderRow>
  readonly answers: Sheet<StoredAnswer>
  readonly newlyLimited = new Set<string>()
  readonly #facts: Facts
  readonly #told: TellReleases | null
  readonly #usage = new Map<string, Map<string, number>>()
  readonly #occupied = new Map<string, number>()
  readonly #events: EventDraft[] = []
  #moved: StockChange[] = []
  #turns: { readonly type: EventType; readonly sku: string }[] = []

  /** `told`: what comes back, where that is not told from the facts. */
  constructor(facts: Facts, now: number, told: TellReleases | null = null) {
    this.now = now
    this.#facts = facts
    this.#told = told
    this.products = new Sheet(facts.products)
    this.stock = new Sheet(facts.stock)
    this.reservations = new Sheet(facts.reservations)
    this.orders = new Sheet(facts.orders)
    this.answers = new Sheet(facts.answers)
  }

  /** A row that another row points to. Its absence is a bug or a broken store and must fail, never read as zero. */
  need<Row>(row: Row | undefined, what: string): Row {
    if (row === undefined) throw new Error(`missing fact: ${what}`)
    return row
  }

  /** Change the books of one sku, as part of the transition that the next `record` names. */
  move(sku: string, { total = 0, reserved = 0, sold = 0 }: Move): void {
    const before = this.need(this.stock.get(sku), `stock of ${sku}`)
    const after: StockRow = {
      sku,
      total: before.total + total,
      reserved: before.reserved + reserved,
      sold: before.sold + sold,
      version: before.version + 1,
    }
    this.#write(after)
    const freeBefore = before.total - before.reserved - before.sold
    const freeAfter = after.total - after.reserved - after.sold
    if (freeBefore > 0 && freeAfter === 0) this.#turns.push({ type: 'stock.sold_out', sku })
    if (freeBefore === 0 && freeAfter > 0) this.#turns.push({ type: 'stock.available_again', sku })
  }

  /** Open the books of a new sku. */
  open(row: StockRow): void {
    this.#write(row)
  }

  #write(row: StockRow): void {
    this.stock.set(row.sku, row)
    this.#moved.push(row)
  }

  /** Append the event of one transition, with the moves made since the last one; then what they mean to those who wait for stock. */
  record(type: EventType, subject: string, data: EventDraft['data'], reason: string | null = null): void {
    this.#events.push({ type, time: this.now, subject, data, stock: this.#moved, reason })
    this.#moved = []
    if (this.#turns.length === 0) return
    for (const turn of this.#turns) {
      this.#events.push({ type: turn.type, time: this.now, subject: turn.sku, data: this.viewStock(turn.sku), stock: [], reason: null })
    }
    this.#turns = []
  }

  viewStock(sku: string): Stock {
    return viewStock(this.need(this.stock.get(sku), `stock of ${sku}`), this.releases(sku))
  }

  /** Units of due reservations that are not among the facts. */
  dueUnits(sku: string): number {
    return this.#others(sku).dueUnits
  }

  #others(sku: string): Releases {
    return this.need(this.#facts.releases.get(sku), `releases of ${sku}`)
  }

  releases(sku: string): Releases {
    if (this.#told !== null) return this.#told(sku)
    const { dueUnits, nextReleaseAt: othersAt } = this.#others(sku)
    let nextReleaseAt = othersAt
    for (const row of this.reservations.rows()) {
      // One that is due and has not been given back yet in this batch comes back now, not next.
      if (row.status !== 'active' || row.expiresAt <= this.now || (nextReleaseAt !== null && row.expiresAt >= nextReleaseAt)) continue
      if (row.items.some((item) => item.sku === sku)) nextReleaseAt = row.expiresAt
    }
    return { dueUnits, nextReleaseAt }
  }

  usage(userId: string, sku: string): number {
    const counted = this.#usage.get(userId)?.get(sku)
    return counted ?? this.need(this.#facts.usage.get(userId)?.get(sku), `units of ${sku} that ${userId} holds and bought`)
  }

  /** Keep count of what a user holds and bought, where somebody in this batch may ask for it. */
  count(userId: string, sku: string, units: number): void {
    if (this.#facts.usage.get(userId)?.get(sku) === undefined) return
    const counted = this.usage(userId, sku)
    let skus = this.#usage.get(userId)
    if (skus === undefined) this.#usage.set(userId, (skus = new Map()))
    skus.set(sku, counted + units)
  }

  /** How many reservations occupy a slot. */
  occupied(slot: string): number {
    return this.#occupied.get(slot) ?? this.need(this.#facts.occupied.get(slot), `how many occupy ${slot}`)
  }

  /** A reservation begins to occupy its slots, or ends it; kept count of where somebody in this batch may ask. */
  occupy({ slots }: ReservationRow, change: 1 | -1): void {
    for (const slot of slots) if (this.#facts.occupied.has(slot)) this.#occupied.set(slot, this.occupied(slot) + change)
  }

  /** Keep an answer, to be given again under its key. */
  keep(idempotency: Idempotency, created: boolean, value: Result): void {
    this.answers.set(answerKey(idempotency), { idempotency, createdAt: this.now, created, value })
  }

  changes(): Changes {
    const products = this.products.split()
    const stock = this.stock.split()
    const reservations = this.reservations.split()
    const orders = this.orders.split()
    const answers = this.answers.split()
    return {
      newProducts: products.created,
      changedProducts: products.changed,
      newlyLimited: [...this.newlyLimited],
      newStock: stock.created,
      changedStock: stock.changed,
      newReservations: reservations.created,
      changedReservations: reservations.changed,
      newOrders: orders.created,
      changedOrders: orders.changed,
      events: this.#events,
      answers: answers.created,
    }
  }
}
