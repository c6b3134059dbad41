import { cursorExpired, Fault } from '../../domain/faults.ts'
import type { Event } from '../../domain/event.ts'
import type { Page, Removed } from '../port.ts'
import { integer, type Row } from './rows.ts'

/** A cursor of a list by seq, newest first; `end`: one past the newest. */
export function beforeOf(cursor: string | null, end: number): number {
  return Math.min(seqOf(cursor, end), end)
}

/** A cursor of a list by seq; null: from `start`. */
export function seqOf(cursor: string | null, start: number): number {
  if (cursor === null) return start
  if (!/^\d{1,15}$/.test(cursor)) throw invalidCursor(cursor)
  return Number(cursor)
}

/** A cursor of the list of products is the last sku of the page before. */
export function checkSkuCursor(cursor: string | null): void {
  if (cursor !== null && !/^[A-Za-z0-9._-]{1,64}$/.test(cursor)) throw invalidCursor(cursor)
}

function invalidCursor(cursor: string): Fault {
  return new Fault('invalid_cursor', `"${cursor}" is not a cursor of this list; use the nextCursor of the page before.`)
}

/** Whether events are missing between a cursor of the feed and what was read after it. The newest is never removed, so behind what was removed there is always something to read. */
export function isGap(cursor: string | null, [first]: readonly Event[]): boolean {
  return cursor !== null && Number(cursor) > 0 && first !== undefined && Number(first.cursor) > Number(cursor) + 1
}

/** Refuse a cursor after which there is a gap. */
export function refuseGap(cursor: string | null, { events }: Removed): void {
  if (cursor !== null && events !== null && Number(cursor) < Number(events.cursor)) throw cursorExpired(cursor, events.cursor)
}

/** `rows` are one more than the limit if there are more; `from`: the first seq that was looked at. */
export function pageOf<Item>(rows: readonly Row[], limit: number, toItem: (row: Row) => Item, from: number): Page<Item> {
  const rest = from > 1 ? String(from) : null
  return { data: rows.slice(0, limit).map(toItem), nextCursor: rows.length > limit ? String(integer(rows[limit - 1]?.['seq'])) : rest }
}
