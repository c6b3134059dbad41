import type { Event } from '../domain/event.ts'
import { faultCode } from '../domain/faults.ts'
import type { Product } from '../domain/product.ts'
import type { Holdfast } from '../engine/holdfast.ts'
import { createLooker, createTurns, type Turns } from './looker.ts'
import { createMemory, note, prepend, type Memory } from './news-memory.ts'

/** Who is told what changes in the whole shop. `at`: a place in the feed; everything before it has been told. */
export interface NewsListener {
  /** A product has been made, in the order of the feed; it is shown as it was then. None is left out. */
  readonly made: (product: Product, at: number) => void
  /** The stock of a product has changed. States in between are left out, the last never is. */
  readonly changed: (product: Product, at: number) => void
}

export interface Subscription {
  /** Everything after this place in the feed is told. */
  readonly after: number
  /** Whether that is where it was asked to begin; if not, it is now. */
  readonly isResumed: boolean
  readonly stop: () => void
}

export interface ShopNews {
  /**
   * Tell somebody what happens after a place in the feed; null: from now on. `begin` is called once, before anything is told; null: not any more. Rejects with the faults of
   * the store.
   */
  readonly listen: (after: number | null, begin: (subscription: Subscription) => NewsListener | null) => Promise<void>
  readonly close: () => void
}

export interface ShopNewsOptions {
  readonly shop: Pick<Holdfast, 'events' | 'lastCursor' | 'onChange' | 'product'>
  readonly report: (error: unknown) => void
  /** Everybody may name any place of the feed, and only so many events are read again for those who come back. */
  readonly backMax?: number
}

const pageSize = 100
/** So that what has changed is shown also while events come faster than they may be read. */
const pagesOfLook = 10

/**
 * Reads the feed once for all who listen, and only while somebody does. The feed says which products are new and which have changed; how their stock is now is read from the store.
 * What was read is remembered, so that those who come back hear what they missed.
 */
export function createShopNews({ shop, report, backMax = 100_000 }: ShopNewsOptions): ShopNews {
  const listeners = new Set<NewsListener & { readonly after: number }>()
  const closing = new AbortController()
  /** Those who listen, and those who are about to. */
  let wanted = 0
  let memory: Promise<Memory> | null = null
  let lookingBack: Promise<unknown> = Promise.resolve()
  const back = createTurns()

  const endOfFeed = async (): Promise<number> => Number((await shop.lastCursor()) ?? 0)
  const eventsAfter = async (at: number): Promise<readonly Event[]> => (await shop.events({ cursor: String(at), limit: pageSize })).data

  const remember = (): Promise<Memory> => {
    const begun = endOfFeed().then(createMemory)
    begun.catch(() => {
      if (memory === begun) memory = null
    })
    return begun
  }

  const look = async (turns: Turns): Promise<boolean> => {
    if (memory === null) return false
    const news = await memory
    const isMore = await readOn(news, turns)
    for (const [sku, { at, product: shown }] of news.changed) {
      if (shown !== null) continue
      const product = await turns.spend(() => shop.product(sku))
      if (product === null) continue
      news.changed.set(sku, { at, product })
      await tellAll(turns, (listener) => listener.changed(product, news.to))
    }
    return isMore
  }

  const readOn = async (news: Memory, turns: Turns): Promise<boolean> => {
    for (let pages = 0; pages < pagesOfLook; pages++) {
      const events = await turns.spend(() => eventsAfter(news.to))
      for (const { product, at } of note(news, events)) {
        // Whoever began to listen meanwhile has heard of it.
        await tellAll(turns, (listener) => at > listener.after && listener.made(product, at))
      }
      if (events.length < pageSize) return false
      if (turns.isOver()) await turns.next()
    }
    return true
  }

  const tellAll = async (turns: Turns, tell: (listener: NewsListener & { readonly after: number }) => void): Promise<void> => {
    for (const listener of listeners) {
      turns.spend(() => tell(listener))
      if (turns.isOver()) await turns.next()
    }
  }

  /** Read what happened between a place and the first that is remembered; one after the other, so that of those who come back together only the first waits for all of it. */
  const lookBack = (news: Memory, after: number): Promise<void> => {
    const readBack = async (): Promise<void> => {
      if (news.from - after > backMax) return
      const older = createMemory(after)
      while (older.to < news.from && !closing.signal.aborted) {
        const events = await back.spend(() => eventsAfter(older.to))
        const missed = events.filter(({ cursor }) => Number(cursor) <= news.from)
        back.spend(() => note(older, missed))
        if (events.length < pageSize || Number(events.at(-1)!.cursor) > news.from) older.to = news.from
        if (back.isOver()) await back.next()
      }
      if (after < news.from && !closing.signal.aborted) prepend(news, older)
      looker.hint()
    }
    const reading = lookingBack.then(readBack)
    lookingBack = reading.catch(() => {})
    return reading
  }

  /** Whether everything after this place can be told. */
  const canResume = async (news: Memory, after: number): Promise<boolean> => {
    // Another node may have read further; and a place that is not there yet is none of this feed.
    if (after > news.to) return after <= (await endOfFeed())
    try {
      if (after < news.from) await lookBack(news, after)
    } catch (error) {
      const code = faultCode(error)
      if (code === null || code === 'store_unavailable' || code === 'closed') throw error
      // Else the feed does not reach back so far.
    }
    return after >= news.from
  }

  const looker = createLooker({ look, isWanted: () => wanted > 0, report })
  shop.onChange(looker.hint)

  return {
    listen: async (after, begin) => {
      wanted++
      const leave = (): void => {
        if (--wanted === 0) memory = null
      }
      try {
        const news = await (memory ??= remember())
        const isResumed = after !== null && (await canResume(news, after))
        const start = isResumed ? after : news.to
        let listening: (NewsListener & { readonly after: number }) | null = null
        const stop = (): void => {
          if (listening !== null && listeners.delete(listening)) leave()
        }
        const listener = begin({ after: start, isResumed, stop })
        if (listener === null) {
          leave()
          return
        }
        // Nothing waits from here on, so that nothing falls between what is remembered and what comes.
        for (const { product, at } of news.made) if (at > start) listener.made(product, at)
        for (const { product, at } of news.changed.values()) if (at > start && product !== null) listener.changed(product, news.to)
        listening = { ...listener, after: Math.max(start, news.to) }
        listeners.add(listening)
        looker.hint()
      } catch (error) {
        leave()
        throw error
      }
    },
    close: () => {
      closing.abort()
      looker.close()
    },
  }
}
