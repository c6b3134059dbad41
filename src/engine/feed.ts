import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import type { Event } from '../domain/event.ts'
import type { Store } from '../store/port.ts'
import type { GiveWay } from './give-way.ts'
import type { FollowOptions } from './shop.ts'

export interface FeedPage {
  readonly events: readonly Event[]
  /** Goes on after it. */
  readonly cursor: string | null
  /** There is no more yet. */
  readonly isEnd: boolean
}

export interface Feed {
  /** What comes after the cursor, for whoever can wait: while this node has no time left for the sale, it waits and gives less. */
  readonly readInTurn: (cursor: string | null) => Promise<FeedPage>
  /** Every event from the cursor on, as they come, until the signal aborts. */
  readonly follow: (options?: FollowOptions) => AsyncGenerator<Event, void, void>
  /** Something was committed. */
  readonly wake: () => void
  /** Calls when something was committed, here or, as far as the store tells, elsewhere: a hint to look. */
  readonly onChange: (listener: () => void) => void
  readonly close: () => void
}

const pageSize = 200

/** A reader of the store's own feed. Being woken is a hint: what counts is what the store says. */
export function createFeed(store: Store, giveWay: GiveWay): Feed {
  let sleepers: (() => void)[] = []
  const listeners: (() => void)[] = []
  let closed = false

  const wake = (): void => {
    const woken = sleepers
    sleepers = []
    for (const resolve of woken) resolve()
    for (const listener of listeners) listener()
  }

  const readInTurn: Feed['readInTurn'] = async (cursor) => {
    const { waitMs, events: limit } = giveWay.turn() ?? { waitMs: 0, events: pageSize }
    if (waitMs > 0) await delay(waitMs, undefined, { ref: false })
    // Where a store answers without waiting, and the reader takes all at once, a long feed would leave nobody else a turn.
    else await nextTurn()
    const { data, nextCursor } = await store.events({ limit, cursor })
    return { events: data, cursor: nextCursor, isEnd: data.length < limit }
  }

  async function* follow({ after = null, signal }: FollowOptions = {}): AsyncGenerator<Event, void, void> {
    const isOver = (): boolean => closed || signal?.aborted === true
    let cursor = after
    signal?.addEventListener('abort', wake, { once: true })
    try {
      while (!isOver()) {
        const woken = new Promise<void>((resolve) => sleepers.push(resolve))
        const page = await readInTurn(cursor)
        for (const event of page.events) {
          if (isOver()) return
          yield event
        }
        cursor = page.cursor
        if (page.isEnd) await woken
      }
    } finally {
      signal?.removeEventListener('abort', wake)
    }
  }

  return {
    readInTurn,
    follow,
    wake,
    onChange: (listener) => void listeners.push(listener),
    close: () => {
      closed = true
      wake()
    },
  }
}
