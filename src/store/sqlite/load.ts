import type { Command, Reserve } from '../../domain/command.ts'
import { answerKey, type Facts, type StoredAnswer } from '../../domain/facts.ts'
import { idempotencyWindowMs } from '../../domain/limits.ts'
import type { OrderRow } from '../../domain/order.ts'
import type { ProductRow } from '../../domain/product.ts'
import type { ReservationRow } from '../../domain/reservation.ts'
import type { Releases, StockRow } from '../../domain/stock.ts'
import type { Row } from './connect.ts'
import { integer, readAnswer, readOrder, readProduct, readReservation, readStock, text } from './rows.ts'
import type { Statements } from './statements.ts'

export interface LoadedFacts extends Facts {
  /** Where the reservations among the facts stand in their table. */
  readonly seqs: ReadonlyMap<string, number>
}

/**
 * Read what `Facts` asks for, inside the transaction that will write what is decided. `known` are products read before: nobody but this store can
 * change them. Stock is read anew each time.
 */
export function loadFacts(
  sql: Statements,
  known: Map<string, ProductRow>,
  commands: readonly Command[],
  now: number,
  repeat: boolean,
): LoadedFacts {
  const products = new Map<string, ProductRow>()
  const stock = new Map<string, StockRow>()
  const reservations = new Map<string, ReservationRow>()
  const orders = new Map<string, OrderRow>()
  const usage = new Map<string, Map<string, number>>()
  const releases = new Map<string, Releases>()
  const answers = new Map<string, StoredAnswer>()
  const seqs = new Map<string, number>()

  /** Units that the batch wants of each sku, at most; an unnamed sku wants none. */
  const wanted = new Map<string, number>()
  /** Skus whose stock the answers or events of the batch will show. */
  const shown = new Set<string>()
  /** Skus that may get a limit per user in this batch. */
  const limiting = new Set<string>()
  const reserves: Reserve[] = []
  /** Ids of reservations. */
  const named: string[] = []

  const want = (sku: string, units: number): void => {
    wanted.set(sku, (wanted.get(sku) ?? 0) + units)
  }

  const addReservation = (row: Row | undefined): void => {
    if (row === undefined) return
    const reservation = readReservation(row)
    if (reservations.has(reservation.id)) return
    reservations.set(reservation.id, reservation)
    seqs.set(reservation.id, integer(row['seq']))
    for (const item of reservation.items) want(item.sku, 0)
    if (reservation.orderId !== null) addOrder(sql.order.get(reservation.orderId))
  }

  const addOrder = (row: Row | undefined): void => {
    if (row === undefined) return
    const order = readOrder(row)
    if (orders.has(order.id)) return
    orders.set(order.id, order)
    addReservation(sql.reservation.get(order.reservationId))
  }

  for (const command of commands) {
    if (command.idempotency !== null) {
      const row = sql.answer.get(command.idempotency.scope, command.idempotency.key, now - idempotencyWindowMs)
      if (row !== undefined) answers.set(answerKey(command.idempotency), readAnswer(row))
    }
    switch (command.type) {
      case 'reserve':
        reserves.push(command)
        for (const line of command.items) want(line.sku, line.quantity)
        if (repeat) named.push(command.id)
        break
      case 'confirm':
      case 'cancel':
      case 'extend':
        named.push(command.reservationId)
        break
      case 'expire':
        for (const row of sql.due.all(now, command.limit)) addReservation(row)
        break
      case 'createProduct':
        want(command.sku, 0)
        shown.add(command.sku)
        if (command.details.maxPerUser !== null) limiting.add(command.sku)
        break
      case 'updateProduct':
        want(command.sku, 0)
        shown.add(command.sku)
        if (command.patch.maxPerUser != null) limiting.add(command.sku)
        break
      case 'adjustStock':
        want(command.sku, Math.max(0, -command.delta))
        shown.add(command.sku)
        break
      case 'cancelOrder':
        addOrder(sql.order.get(command.orderId))
        break
    }
  }

  if (named.length > 0) for (const row of sql.reservationsOf.all(JSON.stringify(named))) addReservation(row)

  loadProducts([...wanted.keys()])
  // No-lag expiry: where the free units do not cover more than what is wanted, so many due reservations that they do, or all. Each may bring further skus, which want nothing.
  for (const [sku, units] of wanted) {
    const row = stock.get(sku)
    if (row === undefined) continue
    // One more than wanted: the books must not reach 0, which is told as "sold out", while a due unit is free.
    const missing = units + 1 - (row.total - row.reserved - row.sold)
    if (missing > 0) reclaim(sku, missing)
  }
  loadProducts([...wanted.keys()].filter((sku) => !stock.has(sku)))

  for (const [sku, units] of wanted) {
    const row = stock.get(sku)
    const free = row === undefined ? 0 : row.total - row.reserved - row.sold
    if (shown.has(sku) || free <= units) releases.set(sku, loadReleases(sku))
  }

  for (const { userId, items } of reserves) {
    for (const { sku } of items) {
      const limited = products.get(sku)?.maxPerUser != null
      if (!limited && !limiting.has(sku)) continue
      let skus = usage.get(userId)
      if (skus === undefined) usage.set(userId, (skus = new Map()))
      if (skus.has(sku)) continue
      const row = limited ? sql.usage.get(sku, userId, now) : sql.usageUncounted.get(sku, userId, now)
      skus.set(sku, integer(row?.['units']))
    }
  }

  return { products, stock, reservations, orders, usage, releases, answers, seqs }

  function loadProducts(skus: readonly string[]): void {
    if (skus.length === 0) return
    for (const row of sql.stockOf.all(JSON.stringify(skus))) stock.set(text(row['sku']), readStock(row))
    for (const sku of skus) {
      if (!stock.has(sku)) continue
      let product = known.get(sku)
      if (product === undefined) known.set(sku, (product = readProduct(sql.product.get(sku)!)))
      products.set(sku, product)
    }
  }

  function reclaim(sku: string, missing: number): void {
    let units = 0
    // Every line has at least one unit, so this many are enough.
    for (const row of sql.dueOfSku.all(sku, now, missing)) {
      if (units >= missing) break
      units += integer(row['quantity'])
      addReservation(sql.reservationBySeq.get(integer(row['reservation_seq'])))
    }
  }

  function loadReleases(sku: string): Releases {
    let loadedDue = 0
    const loadedSeqs = new Set<number>()
    for (const reservation of reservations.values()) {
      const quantity = reservation.status === 'active' ? (reservation.items.find((item) => item.sku === sku)?.quantity ?? 0) : 0
      if (quantity === 0) continue
      loadedSeqs.add(integer(seqs.get(reservation.id) ?? null))
      if (reservation.expiresAt <= now) loadedDue += quantity
    }
    const dueUnits = integer(sql.dueUnits.get(sku, now)?.['units']) - loadedDue
    const next = sql.nextReleases.all(sku, now, loadedSeqs.size + 1).find((row) => !loadedSeqs.has(integer(row['reservation_seq'])))
    return { dueUnits, nextReleaseAt: next === undefined ? null : integer(next['due_at']) }
  }
}
