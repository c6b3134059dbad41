import type { Bought, LedgerContents, LedgerState, OnSale } from '../ledger.ts'
import { integer, readItems, readProduct, readStock, skuInItems, text, type Row } from './rows.ts'

/** Rows that are read at once. */
const rowsAtOnce = 5_000

type Rows = readonly Row[] | Promise<readonly Row[]>

/** How the contents of a ledger are read, in the words of the store. */
export interface ContentsReads {
  /** Products and stock after a sku, by sku. */
  readonly productsAfter: (sku: string, limit: number) => Rows
  /** sku, user_id, reservation_seq, quantity, and whether it counts as bought since its product has its limit: of `held_lines` after those keys, in their order. */
  readonly heldAfter: (sku: string, userId: string, reservationSeq: number, limit: number) => Rows
  /** sku, counted_from of products that got their limit after the first reservation. */
  readonly limitedLate: () => Rows
  /** seq, user_id, items of reservations from a seq on and before another that are active or have a placed order; only those with an item, unless it is null. */
  readonly takenBetween: (from: number, before: number, item: string | null) => Rows
  readonly lastReservation: () => Row | undefined | Promise<Row | undefined>
}

export function contentsOf(state: LedgerState, reads: ContentsReads): LedgerContents {
  return { state, products: () => productPages(reads), bought: () => boughtPages(reads) }
}

async function* productPages({ productsAfter }: ContentsReads): AsyncGenerator<readonly OnSale[], void, void> {
  for (let after = ''; ;) {
    const rows = await productsAfter(after, rowsAtOnce)
    if (rows.length > 0) yield rows.map((row) => ({ product: readProduct(row), stock: readStock(row) }))
    if (rows.length < rowsAtOnce) return
    after = text(rows.at(-1)?.['sku'])
  }
}

/** What counts is what `usageOf` counts: lines since the limit was set, and what was sold before. */
async function* boughtPages(reads: ContentsReads): AsyncGenerator<readonly Bought[], void, void> {
  const earlier = await soldEarlier(reads)
  let page: Bought[] = []
  for await (const { sku, userId, units } of heldPairs(reads)) {
    const before = earlier.get(sku)?.get(userId) ?? 0
    earlier.get(sku)?.delete(userId)
    if (page.push({ sku, userId, units: units + before }) < rowsAtOnce) continue
    yield page
    page = []
  }
  for (const [sku, users] of earlier) {
    for (const [userId, units] of users) {
      if (page.push({ sku, userId, units }) < rowsAtOnce) continue
      yield page
      page = []
    }
  }
  if (page.length > 0) yield page
}

async function* heldPairs({ heldAfter }: ContentsReads): AsyncGenerator<Bought, void, void> {
  let pair: Bought = { sku: '', userId: '', units: 0 }
  for (let after: [string, string, number] = ['', '', 0]; ;) {
    const rows = await heldAfter(...after, rowsAtOnce)
    for (const row of rows) {
      const [sku, userId] = (after = [text(row['sku']), text(row['user_id']), integer(row['reservation_seq'])])
      if (row['counts'] !== 1) continue
      const isAnother = pair.sku !== sku || pair.userId !== userId
      if (isAnother && pair.units > 0) yield pair
      pair = { sku, userId, units: integer(row['quantity']) + (isAnother ? 0 : pair.units) }
    }
    if (rows.length < rowsAtOnce) break
  }
  if (pair.units > 0) yield pair
}

/** Units by sku and user that were sold before the product got its limit; by then nothing is active. In memory, because they come in the order of the reservations. */
async function soldEarlier({ limitedLate, takenBetween }: ContentsReads): Promise<Map<string, Map<string, number>>> {
  const earlier = new Map<string, Map<string, number>>()
  const countedFrom = new Map((await limitedLate()).map((row) => [text(row['sku']), integer(row['counted_from'])]))
  const end = Math.max(0, ...countedFrom.values())
  for (let from = 1; from < end; from += rowsAtOnce) {
    for (const row of await takenBetween(from, Math.min(end, from + rowsAtOnce), null)) {
      const userId = text(row['user_id'])
      for (const { sku, quantity } of readItems(row)) {
        if (integer(row['seq']) >= (countedFrom.get(sku) ?? 0)) continue
        const users = earlier.get(sku) ?? new Map<string, number>()
        earlier.set(sku, users.set(userId, (users.get(userId) ?? 0) + quantity))
      }
    }
  }
  return earlier
}

export async function* usersOf(
  { lastReservation, takenBetween }: ContentsReads,
  sku: string,
): AsyncGenerator<readonly Pick<Bought, 'userId' | 'units'>[], void, void> {
  const users = new Map<string, number>()
  const end = integer((await lastReservation())?.['seq']) + 1
  for (let from = 1; from < end; from += rowsAtOnce) {
    for (const row of await takenBetween(from, Math.min(end, from + rowsAtOnce), skuInItems(sku))) {
      const userId = text(row['user_id'])
      for (const item of readItems(row)) if (item.sku === sku) users.set(userId, (users.get(userId) ?? 0) + item.quantity)
    }
  }
  const all = Array.from(users, ([userId, units]) => ({ userId, units }))
  for (let at = 0; at < all.length; at += rowsAtOnce) yield all.slice(at, at + rowsAtOnce)
}
