import type { OrderRow } from '../../domain/order.ts'
import type { ReservationRow } from '../../domain/reservation.ts'
import { blockOf } from './blocks.ts'
import type { Value } from './rows.ts'

/** The rows of lines that come and go with their reservations; the values of all rows, one after the other. A reservation that was made and ended in one batch leaves none. */
export class Lines {
  /** block, sku, due_at, reservation_seq, quantity */
  readonly opened: Value[] = []
  /** block, sku, due_at, reservation_seq */
  readonly closed: Value[] = []
  /** sku, user_id, reservation_seq, quantity, due_at */
  readonly held: Value[] = []
  /** sku, user_id, reservation_seq, due_at */
  readonly heldUntil: Value[] = []
  /** sku, user_id, reservation_seq */
  readonly released: Value[] = []
  readonly #isLimited: (sku: string) => boolean

  constructor(isLimited: (sku: string) => boolean) {
    this.#isLimited = isLimited
  }

  add(row: ReservationRow, seq: number): void {
    const isActive = row.status === 'active'
    for (const { sku, quantity } of row.items) {
      if (isActive) this.opened.push(blockOf(seq), sku, row.expiresAt, seq, quantity)
      if ((isActive || row.status === 'confirmed') && this.#isLimited(sku)) {
        this.held.push(sku, row.userId, seq, quantity, isActive ? row.expiresAt : null)
      }
    }
  }

  change(before: ReservationRow, after: ReservationRow, seq: number): void {
    const isActive = after.status === 'active'
    for (const { sku, quantity } of after.items) {
      this.closed.push(blockOf(seq), sku, before.expiresAt, seq)
      if (isActive) this.opened.push(blockOf(seq), sku, after.expiresAt, seq, quantity)
      if (!this.#isLimited(sku)) continue
      if (isActive || after.status === 'confirmed') this.heldUntil.push(sku, after.userId, seq, isActive ? after.expiresAt : null)
      else this.released.push(sku, after.userId, seq)
    }
  }

  uncount(order: OrderRow, seq: number): void {
    for (const { sku } of order.items) this.released.push(sku, order.userId, seq)
  }
}
