import assert from 'node:assert/strict'
import type { Holdfast, Page, ReservationStatus } from '../../src/index.ts'
import type { Model } from './model.ts'
import type { Answer, Request } from './requests.ts'
import { viewOrder, viewProduct, viewReservation } from './views.ts'

/** What a run knows beyond the model: how far the books have come. */
export interface Progress {
  /** The last version seen of each sku. */
  readonly versions: Map<string, number>
  /** Expired reservations that a sweep has certainly taken off the books. */
  readonly settled: Set<string>
  /** Ids of reservations and orders that were given out. */
  readonly ids: Set<string>
}

/** Lets the model answer and compares; then the model knows the answer for repeats. */
export function compareAnswer(model: Model, progress: Progress, request: Request, now: number, heard: Answer, isLossy: boolean): void {
  const isNew = heard.ok && heard.created && !progress.ids.has(idOf(heard.value) ?? '')
  const newId = isNew ? idOf(heard.value) : null
  const expected = model.answer(request, now, newId ?? 'none')
  const isReplay = expected.ok && expected.replayed
  const answer = isLossy && heard.ok && heard.replayed && !isReplay ? { ...heard, replayed: false } : heard
  assert.deepStrictEqual(comparable(answer, isReplay), expected, `answer to ${JSON.stringify(request)}`)
  // An id that was given out before is not new, so the model has named its own "none" and the answers differ (H2).
  if (newId !== null) progress.ids.add(newId)
  // A replay is the first answer byte for byte, so that is what the model keeps; the versions in it were checked then.
  model.remember(request, now, answer)
  if (!isReplay) for (const stock of stockIn(answer)) checkVersion(model, progress, stock.sku, stock.version)
}

function idOf(value: unknown): string | null {
  return typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string' ? value.id : null
}

interface Versioned {
  readonly sku: string
  readonly version: number
}

function stockIn(answer: Answer): Versioned[] {
  if (!answer.ok || typeof answer.value !== 'object' || answer.value === null) return []
  if ('version' in answer.value) return [answer.value as Versioned]
  return 'stock' in answer.value ? [answer.value.stock as Versioned] : []
}

/** Versions and the words of messages are compared otherwise, or not at all. */
function comparable(answer: Answer, isReplay: boolean): unknown {
  if (isReplay) return answer
  if (answer.ok) return { ...answer, value: withoutVersion(answer.value) }
  const { refusal } = answer
  if (!('errors' in refusal)) return answer
  const errors = (refusal.errors as { path: string; message: string }[]).map(({ path }) => path)
  return { ok: false, refusal: { ...refusal, errors } }
}

function withoutVersion(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if ('stock' in value) return { ...value, stock: withoutVersion(value.stock) }
  if (!('version' in value)) return value
  const { version: _, ...rest } = value
  return rest
}

/** S4: +1 per command that changed the stock and per expiry, where an expiry may not have been noticed yet. Never back. */
function checkVersion(model: Model, progress: Progress, sku: string, version: number): void {
  let settled = 1 + model.product(sku)!.changes
  let due = 0
  for (const { id, status, items } of model.reservations) {
    if (status !== 'expired' || !items.some((item) => item.sku === sku)) continue
    if (progress.settled.has(id)) settled += 1
    else due += 1
  }
  const last = progress.versions.get(sku) ?? 1
  assert.ok(version >= last, `S4: the version of ${sku} goes back from ${last} to ${version}`)
  assert.ok(version >= settled && version <= settled + due, `S4: version ${version} of ${sku} is not within ${settled} + ${due}`)
  progress.versions.set(sku, version)
}

export async function compareStock(shop: Holdfast, model: Model, progress: Progress): Promise<void> {
  for (const product of model.products) {
    const seen = await shop.product(product.sku)
    assert.ok(seen !== null, `product ${product.sku} is gone`)
    assert.deepStrictEqual(withoutVersion(seen), viewProduct(model, product))
    checkVersion(model, progress, product.sku, seen.stock.version)
  }
}

export interface ListStep {
  readonly limit: number
  readonly userId: string | null
  readonly sku: string | null
  readonly status: ReservationStatus | null
}

/** All pages of all lists, and everything once more by its id. */
export async function compareLists(shop: Holdfast, model: Model, now: number, { limit, userId, sku, status }: ListStep): Promise<void> {
  assert.deepStrictEqual(
    await allPages((cursor) => shop.reservations({ userId, sku, status, limit, cursor })),
    model.reservations
      .filter((row) => userId === null || row.userId === userId)
      .filter((row) => (status === null ? row.status !== 'lost' : row.status === status))
      .filter((row) => sku === null || row.items.some((item) => item.sku === sku))
      .toSorted(newestFirst)
      .map((row) => viewReservation(row, now)),
  )
  assert.deepStrictEqual(
    await allPages((cursor) => shop.orders({ userId, limit, cursor })),
    model.orders
      .filter((row) => userId === null || row.userId === userId)
      .toSorted(newestFirst)
      .map(viewOrder),
  )
  const products = model.products.toSorted((a, b) => (a.sku < b.sku ? -1 : 1)).map((product) => viewProduct(model, product))
  assert.deepStrictEqual((await allPages((cursor) => shop.products({ limit, cursor }))).map(withoutVersion), products)
  for (const row of model.reservations) assert.deepStrictEqual(await shop.reservation(row.id), viewReservation(row, now))
  for (const row of model.orders) assert.deepStrictEqual(await shop.order(row.id), viewOrder(row))
}

/** Ties by id. */
function newestFirst(a: { createdAt: number; id: string }, b: { createdAt: number; id: string }): number {
  return b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1)
}

async function allPages<Item>(read: (cursor: string | null) => Promise<Page<Item>>): Promise<Item[]> {
  const all: Item[] = []
  for (let cursor: string | null = null; ;) {
    const page: Page<Item> = await read(cursor)
    all.push(...page.data)
    if (page.nextCursor === null) return all
    assert.notEqual(page.nextCursor, cursor, 'a page that leads to itself')
    cursor = page.nextCursor
  }
}

/** E1, E3: exactly one event for each transition. Events of stock that ran out or came back depend on when expiry was noticed; the audit folds those. */
export async function compareEvents(shop: Holdfast, model: Model): Promise<void> {
  const seen: string[] = []
  for (let cursor: string | null = null; ;) {
    const page = await shop.events({ limit: 200, cursor })
    for (const { type, subject } of page.data) {
      if (type !== 'stock.sold_out' && type !== 'stock.available_again') seen.push(`${type} ${subject}`)
    }
    if (page.data.length === 0) break
    cursor = page.nextCursor
  }
  assert.deepStrictEqual(seen.toSorted(), model.events.toSorted())
}
