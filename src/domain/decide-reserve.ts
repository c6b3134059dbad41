import type { Books } from './books.ts'
import type { Outcome, Reserve, Slot } from './command.ts'
import { limits } from './limits.ts'
import { saleWindowRefusal, type ProductRow } from './product.ts'
import type { Refusal, Shortage } from './refusals.ts'
import { mergeLines, mergeSlots, viewReservation, type Reservation, type ReservationLine, type ReservationRow } from './reservation.ts'
import { makeReservation } from './transitions.ts'

/** All lines or none. The first refusal that applies: unknown sku, sale window, limit per user, slots, stock. */
export function reserve(books: Books, command: Reserve): Outcome<Reservation> {
  const made = books.reservations.get(command.id)
  if (made !== undefined) return { ok: true, value: asMade(made), created: true, replayed: false }

  const lines = mergeLines(command.items)
  const slots = mergeSlots(command.slots)
  const products: ProductRow[] = []
  for (const { sku } of lines) {
    const product = books.products.get(sku)
    if (product === undefined) return refuse({ code: 'product_not_found', sku })
    products.push(product)
  }
  const refusal =
    firstOf(products, (product) => saleWindowRefusal(product, books.now)) ??
    firstOf(products, (product, index) => userLimitRefusal(books, product, command.userId, lines[index]!.quantity)) ??
    firstOf(slots, (slot) => slotRefusal(books, slot)) ??
    shortageRefusal(books, lines)
  if (refusal !== null) return refuse(refusal)

  const row: ReservationRow = {
    id: command.id,
    userId: command.userId,
    status: 'active',
    items: lines.map((line, index) => ({ sku: line.sku, quantity: line.quantity, unitPrice: products[index]!.price })),
    metadata: command.metadata,
    createdAt: books.now,
    expiresAt: books.now + (command.ttlMs ?? defaultTtlMs(products)),
    endedAt: null,
    orderId: null,
    slots: slots.map(({ name }) => name),
  }
  return { ok: true, value: makeReservation(books, row), created: true, replayed: false }
}

/** The first answer again, for a batch that is repeated because nobody heard whether it was committed. */
function asMade(row: ReservationRow): Reservation {
  return viewReservation({ ...row, status: 'active', endedAt: null, orderId: null }, row.createdAt)
}

function refuse(refusal: Refusal): Outcome<Reservation> {
  return { ok: false, refusal }
}

function firstOf<Item>(items: readonly Item[], check: (item: Item, index: number) => Refusal | null): Refusal | null {
  for (let index = 0; index < items.length; index++) {
    const refusal = check(items[index]!, index)
    if (refusal !== null) return refusal
  }
  return null
}

function userLimitRefusal(books: Books, product: ProductRow, userId: string, quantity: number): Refusal | null {
  if (product.maxPerUser === null) return null
  const remaining = product.maxPerUser - books.usage(userId, product.sku)
  if (quantity <= remaining) return null
  return { code: 'user_limit_exceeded', sku: product.sku, limit: product.maxPerUser, remaining: Math.max(0, remaining) }
}

function slotRefusal(books: Books, { name, max }: Slot): Refusal | null {
  return books.occupied(name) < max ? null : { code: 'reservation_limit_exceeded', limit: max }
}

function shortageRefusal(books: Books, lines: readonly ReservationLine[]): Refusal | null {
  const shortages: Shortage[] = []
  let short: string | null = null
  for (const { sku, quantity } of lines) {
    const stock = books.need(books.stock.get(sku), `stock of ${sku}`)
    const free = stock.total - stock.reserved - stock.sold
    if (free >= quantity) continue
    short = sku
    // Due units that nobody reclaimed are free all the same; a store may leave them where another line can never be had.
    const available = free + books.dueUnits(sku)
    if (available < quantity) shortages.push({ sku, requested: quantity, available })
  }
  if (shortages.length > 0) return { code: 'insufficient_stock', items: shortages }
  if (short !== null) throw new Error(`missing fact: due reservations of ${short}`)
  return null
}

function defaultTtlMs(products: readonly ProductRow[]): number {
  let seconds: number | null = null
  for (const { reservationTtlSeconds: own } of products) if (own !== null && (seconds === null || own < seconds)) seconds = own
  return (seconds ?? limits.ttlSecondsDefault) * 1000
}
