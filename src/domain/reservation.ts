import type { Slot } from './command.ts'
import type { Metadata } from './limits.ts'
import type { Money } from './product.ts'
import type { Refusal } from './refusals.ts'

/** `active` is left exactly once, for one of the others, and an end is final. */
export type ReservationStatus = 'active' | 'confirmed' | 'cancelled' | 'expired' | 'lost'

export interface ReservationLine {
  readonly sku: string
  readonly quantity: number
}

/** `unitPrice` is the price when the reservation was made; it is promised, and the order's. */
export interface ReservedItem extends ReservationLine {
  readonly unitPrice: Money | null
}

/** What everybody may see, and what is kept. */
interface Shown {
  readonly id: string
  readonly userId: string
  readonly status: ReservationStatus
  readonly items: readonly ReservedItem[]
  readonly metadata: Metadata
  readonly createdAt: number
  readonly expiresAt: number
  readonly endedAt: number | null
  readonly orderId: string | null
}

/** Units of one or more skus set aside for one user. Instants are epoch milliseconds. */
export interface ReservationRow extends Shown {
  /** Names of what it occupies while it is active and not due, each once. */
  readonly slots: readonly string[]
}

export interface Reservation extends Shown {
  /** 0 unless active. */
  readonly expiresInMs: number
}

/** H4 and H5 in one place: due exactly when `now >= expiresAt`. */
export function isDue(row: Pick<Shown, 'status' | 'expiresAt'>, now: number): boolean {
  return row.status === 'active' && now >= row.expiresAt
}

export function expireReservation<Row extends Shown>(row: Row): Row {
  return { ...row, status: 'expired', endedAt: row.expiresAt }
}

/** The reservation as everybody sees it: past its `expiresAt` it reads as expired, whether or not anything has swept it. */
export function viewReservation(row: Shown, now: number): Reservation {
  const seen = isDue(row, now) ? expireReservation(row) : row
  return {
    id: seen.id,
    userId: seen.userId,
    status: seen.status,
    items: seen.items,
    metadata: seen.metadata,
    createdAt: seen.createdAt,
    expiresAt: seen.expiresAt,
    expiresInMs: seen.status === 'active' ? seen.expiresAt - now : 0,
    endedAt: seen.endedAt,
    orderId: seen.orderId,
  }
}

/** Lines of the same sku are one line, in the order of first mention, before anything is checked. */
export function mergeLines(lines: readonly ReservationLine[]): readonly ReservationLine[] {
  if (lines.length === 1) return lines
  const quantities = new Map<string, number>()
  for (const line of lines) quantities.set(line.sku, (quantities.get(line.sku) ?? 0) + line.quantity)
  if (quantities.size === lines.length) return lines
  return Array.from(quantities, ([sku, quantity]) => ({ sku, quantity }))
}

/** Slots of the same name are one, with the smaller of their limits. */
export function mergeSlots(slots: readonly Slot[]): readonly Slot[] {
  if (slots.length < 2) return slots
  const most = new Map<string, number>()
  for (const { name, max } of slots) most.set(name, Math.min(max, most.get(name) ?? max))
  return Array.from(most, ([name, max]) => ({ name, max }))
}

/** Why a reservation that has ended cannot be ended or extended any more. */
export function endedRefusal(status: Exclude<ReservationStatus, 'active'>): Refusal {
  return { code: `reservation_${status}` }
}
