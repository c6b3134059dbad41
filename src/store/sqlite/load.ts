import { answerKey, type StoredAnswer } from '../../domain/facts.ts'
import { idempotencyWindowMs } from '../../domain/limits.ts'
import { usageWanted, wantedOf, type Needs } from '../../domain/needs.ts'
import type { OrderRow } from '../../domain/order.ts'
import type { ProductRow } from '../../domain/product.ts'
import type { ReservationRow } from '../../domain/reservation.ts'
import type { Releases, StockRow } from '../../domain/stock.ts'
import { OpenUnits } from '../sql/lines.ts'
import {
  integer,
  integerOrNull,
  readAnswer,
  readOrder,
  readProduct,
  readReservation,
  readStock,
  skuInItems,
  text,
  type Row,
} from '../sql/rows.ts'
import type { LoadedFacts } from '../sql/save.ts'
import { readReleases } from './read.ts'
import type { Statements } from './statements.ts'

export interface LoadOptions {
  readonly sql: Statements
  readonly needs: Needs
  readonly now: number
  readonly knownProducts: Map<string, ProductRow>
}

/** Read what `Facts` asks for, inside the transaction that will write what is decided. */
export function loadFacts(options: LoadOptions): LoadedFacts {
  const { sql, needs, now } = options
  const loading = new Loading(options)
  loading.loadNamed()
  if (needs.expireLimit > 0) for (const row of sql.due.all(now, needs.expireLimit)) loading.addReservation(row)
  loading.loadBooks()
  const { wanted, impossible } = wantedOf(needs, loading.stock)
  for (const [sku, units] of wanted) loading.wanted.set(sku, units)
  loading.reclaimDue()

  const { products, stock } = loading
  const answers = loadAnswers(options)
  const usage = loadUsage(options, products)
  const occupied = loadOccupied(options)
  const told = [...loading.wanted].filter(([sku, units]) => needs.shown.has(sku) || impossible.has(sku) || free(stock.get(sku)) <= units)
  const releases = loading.releasesOf(told.map(([sku]) => sku))
  return { ...loading.rows(), usage, occupied, releases, answers }
}

/** Only the rows and the stored answers that are named: for who replays what was decided, or only looks. */
export function loadRows(options: LoadOptions): LoadedFacts {
  const loading = new Loading(options)
  loading.loadNamed()
  loading.loadBooks()
  return { ...loading.rows(), usage: new Map(), occupied: new Map(), releases: new Map(), answers: loadAnswers(options) }
}

function free(row: StockRow | undefined): number {
  return row === undefined ? 0 : row.total - row.reserved - row.sold
}

/** Rows found so far. One leads to others: an order to its reservation, a reservation to its skus. */
class Loading {
  readonly products = new Map<string, ProductRow>()
  readonly stock = new Map<string, StockRow>()
  readonly reservations = new Map<string, ReservationRow>()
  readonly orders = new Map<string, OrderRow>()
  readonly seqs = new Map<string, number>()
  /** Units that the batch wants of each sku, at most; 0 for a sku that is only touched. */
  readonly wanted: Map<string, number>
  readonly #options: LoadOptions
  /** When the reservation that is due first is or was due; undefined: not asked yet. */
  #anyDue: number | null | undefined

  constructor(options: LoadOptions) {
    this.#options = options
    this.wanted = new Map(options.needs.taken)
  }

  rows(): Omit<LoadedFacts, 'usage' | 'occupied' | 'releases' | 'answers'> {
    const { products, stock, reservations, orders, seqs } = this
    const firstNewSeq = integer(this.#options.sql.lastReservation.get()?.['seq']) + 1
    return { products, stock, reservations, orders, seqs, newSeq: (index) => firstNewSeq + index }
  }

  loadNamed(): void {
    const { sql, needs } = this.#options
    if (needs.reservationIds.length > 0) {
      for (const row of sql.reservationsOf.all(JSON.stringify(needs.reservationIds))) this.addReservation(row)
    }
    for (const id of needs.orderIds) this.addOrder(sql.order.get(id))
  }

  addReservation(row: Row): ReservationRow {
    const reservation = readReservation(row)
    if (this.reservations.has(reservation.id)) return reservation
    this.reservations.set(reservation.id, reservation)
    this.seqs.set(reservation.id, integer(row['seq']))
    for (const { sku } of reservation.items) if (!this.wanted.has(sku)) this.wanted.set(sku, 0)
    if (reservation.orderId !== null) this.addOrder(this.#options.sql.order.get(reservation.orderId))
    return reservation
  }

  addOrder(row: Row | undefined): void {
    if (row === undefined) return
    const order = readOrder(row)
    if (this.orders.has(order.id)) return
    this.orders.set(order.id, order)
    const reservation = this.#options.sql.reservation.get(order.reservationId)
    if (reservation !== undefined) this.addReservation(reservation)
  }

  loadBooks(): void {
    const skus = [...this.wanted.keys()].filter((sku) => !this.stock.has(sku))
    if (skus.length === 0) return
    const { sql, knownProducts } = this.#options
    for (const row of sql.stockOf.all(JSON.stringify(skus))) {
      const sku = text(row['sku'])
      this.stock.set(sku, readStock(row))
      let product = knownProducts.get(sku)
      if (product === undefined) knownProducts.set(sku, (product = readProduct(sql.product.get(sku)!)))
      this.products.set(sku, product)
    }
  }

  /**
   * No-lag expiry: where the free units do not cover more than what is wanted, so many due reservations that they do, or all. One more than wanted,
   * because the books must not reach 0, which is told as "sold out", while a due unit is free. A reservation may bring further skus, which want nothing.
   */
  reclaimDue(): void {
    const { sql, now } = this.#options
    for (const [sku, units] of this.wanted) {
      if (!this.stock.has(sku)) continue
      let missing = units + 1 - free(this.stock.get(sku))
      if (missing <= 0) continue
      if (!this.#isAnyDue()) break
      // Every line has at least one unit, so this many are enough.
      for (const row of sql.dueOfSku.all(sku, now, skuInItems(sku), missing)) {
        if (missing <= 0) break
        for (const item of this.addReservation(row).items) if (item.sku === sku) missing -= item.quantity
      }
    }
    this.loadBooks()
  }

  /** Over the reservations that are not among the facts. */
  releasesOf(skus: readonly string[]): Map<string, Releases> {
    const loaded = new Map<string, OpenUnits>(skus.map((sku) => [sku, new OpenUnits()]))
    if (skus.length > 0) {
      for (const { id, status, items, expiresAt } of this.reservations.values()) {
        if (status !== 'active') continue
        for (const { sku, quantity } of items) loaded.get(sku)?.add(sku, expiresAt, integer(this.seqs.get(id)), quantity)
      }
    }
    return new Map(Array.from(loaded, ([sku, units]) => [sku, this.#releases(sku, units)]))
  }

  /** Read when somebody asks: most batches that meet a sold-out sku only want to know whether anything is due, and nearly always nothing is. */
  #releases(sku: string, except: OpenUnits): Releases {
    const { sql, now } = this.#options
    const isAnyDue = this.#isAnyDue()
    let read: Releases | undefined
    const get = (): Releases => (read ??= readReleases(sql, this.stock.get(sku), now, except))
    return {
      get dueUnits() {
        return isAnyDue ? get().dueUnits : 0
      },
      get nextReleaseAt() {
        return get().nextReleaseAt
      },
    }
  }

  #isAnyDue(): boolean {
    const { sql, now } = this.#options
    this.#anyDue ??= integerOrNull(sql.nextDue.get()?.['next'])
    return this.#anyDue !== null && this.#anyDue <= now
  }
}

function loadAnswers({ sql, now, needs: { keys } }: LoadOptions): Map<string, StoredAnswer> {
  const answers = new Map<string, StoredAnswer>()
  if (keys.length === 0) return answers
  const wanted = JSON.stringify(keys.map(({ scope, key }) => [scope, key]))
  for (const row of sql.answersOf.all(wanted, now - idempotencyWindowMs)) {
    const answer = readAnswer(row)
    answers.set(answerKey(answer.idempotency), answer)
  }
  return answers
}

function loadUsage({ sql, now, needs }: LoadOptions, products: ReadonlyMap<string, ProductRow>): Map<string, Map<string, number>> {
  const usage = new Map<string, Map<string, number>>()
  const wanted = usageWanted(needs, (sku) => products.get(sku)?.maxPerUser != null)
  if (wanted.length === 0) return usage
  for (const row of sql.usageOf.all(JSON.stringify(wanted), now)) {
    const userId = text(row['user_id'])
    let skus = usage.get(userId)
    if (skus === undefined) usage.set(userId, (skus = new Map()))
    skus.set(text(row['sku']), integer(row['units']))
  }
  return usage
}

function loadOccupied({ sql, now, needs: { slots } }: LoadOptions): Map<string, number> {
  if (slots.length === 0) return new Map()
  return new Map(sql.occupied.all(JSON.stringify(slots), now).map((row) => [text(row['name']), integer(row['n'])]))
}
