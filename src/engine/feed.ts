import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Event } from '../domain/event.ts'
import type { Store } from '../store/port.ts'
import type { FollowOptions } from './shop.ts'

export interface Feed {
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
export function createFeed(store: Store): Feed {
  let sleepers: (() => void)[] = []
  const listeners: (() => void)[] = []
  let closed = false

  const wake = (): void => {
    const woken = sleepers
    sleepers = []
    for (const resolve of woken) resolve()
    for (const listener of listeners) listener()
  }

  async function* follow({ after = null, signal }: FollowOptions = {}): AsyncGenerator<Event, void, void> {
    const isOver = (): boolean => closed || signal?.aborted === true
    let cursor = after
    signal?.addEventListener('abort', wake, { once: true })
    try {
      while (!isOver()) {
        const woken = new Promise<void>((resolve) => sleepers.push(resolve))
        const page = await store.events({ limit: pageSize, cursor })
        for (const event of page.data) {
          if (isOver()) return
          yield event
        }
        cursor = page.nextCursor
        if (page.data.length < pageSize) await woken
        // Where a store answers without waiting, and the reader takes all at once, a long feed would leave nobody else a turn.
        else await nextTurn()
      }
    } finally {
      signal?.removeEventListener('abort', wake)
    }
  }

  return {
    follow,
    wake,
    onChange: (listener) => void listeners.push(listener),
    close: () => {
      closed = true
      wake()
    },
  }
}
