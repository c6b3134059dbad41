import type { ShopEvent } from '../domain/event.ts'
import { limits } from '../domain/limits.ts'
import type { Page } from '../domain/pages.ts'
import type { FollowOptions } from '../engine/shop.ts'
import { linked, pause } from './abort.ts'

/** A page of the feed, at most as long as a page may be. */
type ReadEvents = (cursor: string | null, signal: AbortSignal) => Promise<Page<ShopEvent>>

/** Every event from the cursor on, until a signal aborts; asks again after `pollMs` when there was nothing more. */
export async function* follow(
  readEvents: ReadEvents,
  pollMs: number,
  closed: AbortSignal,
  { after = null, signal }: FollowOptions,
): AsyncGenerator<ShopEvent, void, void> {
  const over = linked(signal === undefined ? [closed] : [closed, signal])
  let cursor = after
  try {
    while (!over.signal.aborted) {
      const page = await readEvents(cursor, over.signal)
      for (const event of page.data) {
        if (over.signal.aborted) return
        yield event
      }
      cursor = page.nextCursor ?? cursor
      if (page.data.length < limits.pageSizeMax) await pause(pollMs, over.signal)
    }
  } catch (error) {
    // To be stopped is no failure of a follower.
    if (!over.signal.aborted) throw error
  } finally {
    over.clear()
  }
}
