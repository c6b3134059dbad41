import type { OrderRow } from '../../domain/order.ts'
import type { ReservationRow } from '../../domain/reservation.ts'
import { blockOf, chunkOf } from './blocks.ts'
import type { Value } from './rows.ts'

/** Units by sku, due time and chunk: what the rows of `open_lines` say. */
export class OpenUnits {
  /** The values of all rows, one after the other: block, sku, due_at, chunk, units */
  readonly values: Value[] = []
  /** Where the units of each row stand among the values. */
  readonly #at = new Map<string, number>()

  add(sku: string, dueAt: number, seq: number, units: number): void {
    const chunk = chunkOf(seq)
    const key = `${sku}/${dueAt}/${chunk}`
    const at = this.#at.get(key)
    if (at === undefined) this.#at.set(key, this.values.push(blockOf(seq), sku, dueAt, chunk, units) - 1)
    else this.values[at] = (this.values[at] as number) + units
  }

  /** block, sku, due_at, chunk */
  keys(): Value[] {
    return this.values.filter((_, index) => index % openUnitsWidth < openUnitsWidth - 1)
  }

  /** [due_at, chunk, units] of each row; for the units of one sku. */
  byTime(): Value[][] {
    return Array.from(this.#at.values(), (at) => this.values.slice(at - 2, at + 1))
  }
}
const openUnitsWidth = 5

/** The rows of lines and slots that come and go with their reservations. A reservation that was made and ended in one batch leaves none. */
export class Lines {
  readonly opened = new OpenUnits()
  readonly closed = new OpenUnits()
  /** The values of all rows, one after the other: sku, user_id, reservation_seq, quantity, due_at */
  readonly held: Value[] = []
  /** sku, user_id, reservation_seq, due_at */
  readonly heldUntil: Value[] = []
  /** sku, user_id, reservation_seq */
  readonly released: Value[] = []
  /** name, reservation_seq: of slots. */
  readonly occupied: Value[] = []
  /** The same. */
  readonly vacated: Value[] = []
  readonly #isLimited: (sku: string) => boolean

  constructor(isLimited: (sku: string) => boolean) {
    this.#isLimited = isLimited
  }

  add(row: ReservationRow, seq: number): void {
    const isActive = row.status === 'active'
    if (isActive) for (const slot of row.slots) this.occupied.push(slot, seq)
    for (const { sku, quantity } of row.items) {
      if (isActive) this.opened.add(sku, row.expiresAt, seq, quantity)
      if ((isActive || row.status === 'confirmed') && this.#isLimited(sku)) {
        this.held.push(sku, row.userId, seq, quantity, isActive ? row.expiresAt : null)
      }
    }
  }

  change(before: ReservationRow, after: ReservationRow, seq: number): void {
    const isActive = after.status === 'active'
    if (!isActive) for (const slot of after.slots) this.vacated.push(slot, seq)
    for (const { sku, quantity } of after.items) {
      this.closed.add(sku, before.expiresAt, seq, quantity)
      if (isActive) this.opened.add(sku, after.expiresAt, seq, quantity)
      if (!this.#isLimited(sku)) continue
      if (isActive || after.status === 'confirmed') this.heldUntil.push(sku, after.userId, seq, isActive ? after.expiresAt : null)
      else this.released.push(sku, after.userId, seq)
    }
  }

  uncount(order: OrderRow, seq: number): void {
    for (const { sku } of order.items) this.released.push(sku, order.userId, seq)
  }
}
