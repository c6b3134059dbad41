import type { Event, EventType } from '../../domain/event.ts'

/** What came of one attempt to tell somebody of an event. A rejected promise counts as `ok: false` with its message. */
export type Delivery =
  | { readonly ok: true }
  | {
      readonly ok: false
      /** For people. */
      readonly reason: string
      /** Not before, because the receiver said so. */
      readonly retryAfterMs?: number
    }

/**
 * Somebody who is told of every event at least once: events of one reservation in their order, one after the other; of different ones, up to `windowMax` at the same time and in any order.
 * The relay (relay.ts) keeps its position and sees to it that one node tells it.
 */
export interface Consumer {
  /** For ever the same: its position is kept under it. */
  readonly name: string
  /** Asked each time, so what it wants may change. Events that it does not want are passed over. */
  readonly wants: (type: EventType) => boolean
  /** Where a consumer begins that has no position yet; null: with the first event there is. */
  readonly startAfter: string | null
  /** How many are told at the same time. */
  readonly windowMax: number
  /** When everything fails, one at a time is tried, at intervals that grow up to this; default 300,000. */
  readonly restMsMax?: number
  /** One attempt. The signal aborts when this node must stop; whether it was told is then unknown, and it will be told again. */
  readonly send: (event: Event, signal: AbortSignal) => Promise<Delivery>
  /** How long to wait before the next attempt of an event that failed so often, the first time so long ago; null: give it up. */
  readonly retryMs: (attempts: number, triedForMs: number) => number | null
  /** Told of an event that is given up. */
  readonly onGivenUp?: (event: Event, reason: string) => void
  /** To be told again what came after the cursor, once for each tag; null: never. */
  readonly replay?: () => { readonly tag: string; readonly after: string | null } | null
}
