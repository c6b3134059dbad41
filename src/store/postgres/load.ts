import { answerKey, type StoredAnswer } from '../../domain/facts.ts'
import { idempotencyWindowMs } from '../../domain/limits.ts'
import { usageWanted, wantedOf, type Needs, type Wanted } from '../../domain/needs.ts'
import type { OrderRow } from '../../domain/order.ts'
import type { ProductRow } from '../../domain/product.ts'
import { isDue, type ReservationRow } from '../../domain/reservation.ts'
import type { Releases, StockRow } from '../../domain/stock.ts'
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
import type { Session } from './connect.ts'
import type { Prepared, Queries } from './statements.ts'

/** A product as it was read, and the number of its last change, which the row of its stock has too. */
export interface KnownProduct {
  readonly row: ProductRow
  readonly version: number
}

export interface RowOptions {
  readonly session: Session
  readonly sql: Queries
  readonly needs: Needs
  /** The moment of the decision; null: by the clock of the database, when the locks are held. */
  readonly now: number | null
}

export interface LoadOptions extends RowOptions {
  /** Locked besides what the commands name. */
  readonly alsoLock: readonly string[]
  readonly knownProducts: Map<string, KnownProduct>
  /** Skus that lately had less than was wanted. Of these it is read in the first round trip what comes back; of others when it turns out to be needed. */
  readonly scarce: Set<string>
}

/** Due reservations that the batch needs hold skus that it has not locked. Locks are only taken in order, so it must begin again and lock these as well. */
export class MoreLocksNeeded extends Error {
  readonly skus: readonly string[]

  constructor(skus: readonly string[]) {
    super('the batch needs more locks')
    this.skus = skus
  }
}

/** More than can ever be free: what comes back of a sku is told whatever is free. */
const always = Number.MAX_SAFE_INTEGER

/**
 * Begin the transaction, lock, and read what `Facts` asks for: one round trip, unless the facts lead to more. Whoever holds the locks of all skus of a reservation holds
 * the reservation and its order, because nobody changes them without.
 */
export async function loadFacts(options: LoadOptions): Promise<{ facts: LoadedFacts; now: number }> {
  const loading = new Loading(options)
  await loading.begin()
  await loading.loadProducts()
  await loading.loadUsage()
  await loading.loadReleases()
  await loading.reclaimDue()
  return { facts: loading.facts(), now: loading.now }
}

/** Lock and read only the rows that are named: for who replays what was decided. */
export async function loadRows(options: RowOptions & Pick<LoadOptions, 'knownProducts'>): Promise<LoadedFacts> {
  const loading = new Loading({ ...options, alsoLock: [], scarce: new Set() })
  await loading.begin()
  await loading.loadProducts()
  return loading.facts()
}

/** The reservations, orders and stored answers that are named, without locks: for who only looks. */
export async function loadNamed(options: RowOptions): Promise<LoadedFacts> {
  const loading = new Loading({ ...options, alsoLock: [], scarce: new Set(), knownProducts: new Map() })
  await loading.look()
  return loading.facts()
}

class Loading {
  now = 0
  readonly #session: Session
  readonly #options: LoadOptions
  readonly #needs: Needs
  readonly #products = new Map<string, ProductRow>()
  readonly #stock = new Map<string, StockRow>()
  /** Of each locked sku the number of its product's last change. */
  readonly #versions = new Map<string, number>()
  readonly #reservations = new Map<string, ReservationRow>()
  readonly #orders = new Map<string, OrderRow>()
  readonly #seqs = new Map<string, number>()
  readonly #answers = new Map<string, StoredAnswer>()
  readonly #usage = new Map<string, Map<string, number>>()
  readonly #occupied = new Map<string, number>()
  readonly #releases = new Map<string, Releases>()
  #newSeqs: readonly string[] = []
  #wanted: Wanted | undefined

  constructor(options: LoadOptions) {
    this.#options = options
    this.#session = options.session
    this.#needs = options.needs
  }

  facts(): LoadedFacts {
    const newSeqs = this.#newSeqs
    return {
      products: this.#products,
      stock: this.#stock,
      reservations: this.#reservations,
      orders: this.#orders,
      usage: this.#usage,
      occupied: this.#occupied,
      releases: this.#releases,
      answers: this.#answers,
      seqs: this.#seqs,
      newSeq: (index) => Number(newSeqs[index]),
    }
  }

  async #read(statement: Prepared, values: readonly unknown[]): Promise<readonly Row[]> {
    return (await this.#session.query(statement, values)).rows
  }

  /** Everything that the commands themselves say, in one round trip. */
  async begin(): Promise<void> {
    const { sql } = this.#options
    const { taken, slots, reservationIds, extendedIds, orderIds, expireLimit } = this.#needs
    const skus = [...new Set([...taken.keys(), ...this.#options.alsoLock])]
    const hasIds = reservationIds.length > 0 || orderIds.length > 0
    const none: readonly Row[] = []
    const pairs = this.#usageWanted((sku) => this.#options.knownProducts.get(sku)?.row.maxPerUser != null)

    const [, locked, , due, usage, occupied, releases] = await Promise.all([
      slots.length > 0 || extendedIds.length > 0 ? this.#read(sql.lockSlots, [slots, extendedIds]) : none,
      hasIds || expireLimit > 0 ? this.#read(sql.lockAlsoOf, [skus, reservationIds, orderIds, expireLimit]) : this.#read(sql.lock, [skus]),
      this.look(),
      expireLimit > 0 ? this.#read(sql.due, [expireLimit]) : none,
      pairs.length > 0 ? this.#readUsage(pairs) : none,
      slots.length > 0 ? this.#read(sql.occupied, [slots]) : none,
      this.#readScarce(hasIds),
    ])

    for (const row of locked) {
      const stock = readStock(row)
      this.#stock.set(stock.sku, stock)
      this.#versions.set(stock.sku, integer(row['product_version']))
    }
    // Those that became due while this waited for its locks are for the next sweep.
    for (const row of due) if (this.#areLocked(readReservation(row))) this.#addReservation(row)
    this.#addUsage(usage)
    for (const row of occupied) this.#occupied.set(text(row['name']), integer(row['n']))
    // With due reservations among the facts it is read anew, without them.
    if (due.length === 0) this.#addReleases(releases)
  }

  /** The moment of the decision, and what is found by ids and keys. */
  async look(): Promise<void> {
    const { sql, now } = this.#options
    const { newReservations, reservationIds, orderIds, keys } = this.#needs
    const ids = reservationIds.length > 0 || orderIds.length > 0 ? [reservationIds, orderIds] : null
    const none: readonly Row[] = []
    const [decided, reservations, orders, answers] = await Promise.all([
      // One more than may be made: where counting begins when a product gets a limit.
      this.#read(sql.decideNow, [newReservations + 1, now]),
      ids === null ? none : this.#read(sql.reservationsOf, ids),
      ids === null ? none : this.#read(sql.ordersOf, ids),
      keys.length > 0 ? this.#read(sql.answersOf, [keys.map(({ scope }) => scope), keys.map(({ key }) => key), idempotencyWindowMs]) : none,
    ])
    this.now = integer(decided[0]?.['now'])
    this.#newSeqs = text(decided[0]?.['seqs']).split(',')
    for (const row of reservations) this.#addReservation(row)
    for (const row of orders) {
      const order = readOrder(row)
      this.#orders.set(order.id, order)
    }
    for (const row of answers) {
      const answer = readAnswer(row)
      this.#answers.set(answerKey(answer.idempotency), answer)
    }
  }

  #areLocked({ items }: ReservationRow): boolean {
    return items.every(({ sku }) => this.#stock.has(sku))
  }

  #addReservation(row: Row): void {
    const reservation = readReservation(row)
    this.#reservations.set(reservation.id, reservation)
    this.#seqs.set(reservation.id, integer(row['seq']))
  }

  /** Products are remembered as long as the locked row of their stock says that they have not changed. */
  async loadProducts(): Promise<void> {
    const { knownProducts, sql } = this.#options
    const unknown = [...this.#versions].filter(([sku, version]) => knownProducts.get(sku)?.version !== version).map(([sku]) => sku)
    if (unknown.length > 0) {
      for (const row of await this.#read(sql.productsOf, [unknown])) {
        knownProducts.set(text(row['sku']), { row: readProduct(row), version: integer(row['product_version']) })
      }
    }
    for (const sku of this.#versions.keys()) {
      const known = knownProducts.get(sku)
      if (known === undefined) throw new Error(`missing fact: product ${sku}`)
      this.#products.set(sku, known.row)
    }
  }

  /** What is not counted yet. */
  #usageWanted(isLimited: (sku: string) => boolean): [sku: string, userId: string, isLimited: boolean][] {
    return usageWanted(this.#needs, isLimited).filter(([sku, userId]) => this.#usage.get(userId)?.get(sku) === undefined)
  }

  /** What was counted before the products were known, by what they were before; now by what they are. */
  async loadUsage(): Promise<void> {
    const missing = this.#usageWanted((sku) => this.#products.get(sku)?.maxPerUser != null)
    if (missing.length > 0) this.#addUsage(await this.#readUsage(missing))
  }

  #readUsage(pairs: readonly (readonly [string, string, boolean])[]): Promise<readonly Row[]> {
    const columns = [pairs.map(([sku]) => sku), pairs.map(([, userId]) => userId), pairs.map(([, , isLimited]) => isLimited)]
    return this.#read(this.#options.sql.usageOf, columns)
  }

  #addUsage(rows: readonly Row[]): void {
    for (const row of rows) {
      const userId = text(row['user_id'])
      let skus = this.#usage.get(userId)
      if (skus === undefined) this.#usage.set(userId, (skus = new Map()))
      skus.set(text(row['sku']), integer(row['units']))
    }
  }

  /** Of skus that are likely to run short, what comes back without the reservations and orders that the commands name. */
  async #readScarce(hasIds: boolean): Promise<readonly Row[]> {
    const { sql, scarce } = this.#options
    const { taken, shown, reserves, reservationIds, orderIds } = this.#needs
    const units = new Map<string, number>()
    for (const sku of shown) units.set(sku, always)
    for (const [sku, quantity] of taken) if (scarce.has(sku) && !shown.has(sku)) units.set(sku, quantity)
    for (const { items } of reserves) {
      for (const { sku, quantity } of items) if (units.has(sku)) units.set(sku, units.get(sku)! + quantity)
    }
    if (hasIds && scarce.size > 0)
      return this.#read(sql.releasesOfOthers, [[...units.keys()], [...units.values()], reservationIds, orderIds, []])
    return units.size > 0 && !hasIds ? this.#read(sql.releasesOf, [[...units.keys()], [...units.values()]]) : []
  }

  /** What comes back of the skus of which `Facts` must say it, without the reservations at hand, as far as it was not read with everything else. */
  async loadReleases(): Promise<void> {
    const { sql, scarce } = this.#options
    for (const sku of this.#needs.taken.keys()) if (!this.#stock.has(sku)) this.#releases.set(sku, { dueUnits: 0, nextReleaseAt: null })
    const { wanted, impossible } = (this.#wanted ??= wantedOf(this.#needs, this.#stock))
    const missing: string[] = []
    for (const { sku, total, reserved, sold } of this.#stock.values()) {
      const isShort = total - reserved - sold <= (wanted.get(sku) ?? 0)
      if (isShort) scarce.add(sku)
      else scarce.delete(sku)
      if ((isShort || this.#needs.shown.has(sku) || impossible.has(sku)) && !this.#releases.has(sku)) missing.push(sku)
    }
    if (missing.length === 0) return
    const seqs = [...this.#seqs.values()]
    this.#addReleases(await this.#read(sql.releasesOfOthers, [missing, missing.map(() => always), [], [], seqs]))
  }

  /** No-lag expiry, as `Facts` says: where the free units do not cover more than what is wanted, so many due reservations that they do, or all. */
  async reclaimDue(): Promise<void> {
    const { wanted } = (this.#wanted ??= wantedOf(this.#needs, this.#stock))
    const short = new Map<string, number>()
    for (const [sku, { total, reserved, sold }] of this.#stock) {
      let missing = (wanted.get(sku) ?? 0) + 1 - (total - reserved - sold)
      if (missing <= 0 || (this.#releases.get(sku)?.dueUnits ?? 0) === 0) continue
      for (const row of this.#reservations.values()) {
        if (!isDue(row, this.now)) continue
        for (const item of row.items) if (item.sku === sku) missing -= item.quantity
      }
      // Every line has at least one unit, so this many are enough.
      if (missing > 0) short.set(sku, missing)
    }
    if (short.size === 0) return
    const rows = await this.#read(this.#options.sql.dueOf, [
      [...short.keys()],
      [...short.values()],
      [...this.#seqs.values()],
      Array.from(short.keys(), skuInItems),
    ])
    const found = rows.map(readReservation)
    const unlocked = new Set(found.flatMap(({ items }) => items.map(({ sku }) => sku)).filter((sku) => !this.#stock.has(sku)))
    if (unlocked.size > 0) throw new MoreLocksNeeded([...unlocked])
    for (const row of rows) this.#addReservation(row)
    // Without those that were just taken back.
    this.#releases.clear()
    await this.loadReleases()
  }

  #addReleases(rows: readonly Row[]): void {
    for (const row of rows) {
      this.#releases.set(text(row['sku']), { dueUnits: integer(row['due_units']), nextReleaseAt: integerOrNull(row['next_release_at']) })
    }
  }
}
