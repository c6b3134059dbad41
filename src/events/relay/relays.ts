import { faultCode } from '../../domain/faults.ts'
import { randomUUID } from 'node:crypto'
import type { Holdfast } from '../../engine/holdfast.ts'
import type { Notes } from '../../store/port.ts'
import type { Consumer } from './consumer.ts'
import { createPlace } from './place.ts'
import type { FeedPage } from '../../engine/feed.ts'
import { createRelay, type FeedPages, type Relay, type RelayStatus } from './relay.ts'
import { realTime, type Time } from './time.ts'

export interface RelaysOptions {
  readonly shop: Pick<Holdfast, 'events' | 'readInTurn' | 'onChange'>
  readonly notes: Notes
  /** Whether several nodes may use the store. */
  readonly isShared: boolean
  /** Puts something around each consumer, such as spans of its attempts. */
  readonly trace?: ((consumer: Consumer) => Consumer) | undefined
  readonly time?: Time
  readonly random?: () => number
  readonly report: (error: unknown) => void
}

/** All consumers of this node. Of each, one node of all is the one that tells it. */
export interface Relays {
  readonly add: (consumer: Consumer) => void
  /** Its position stays, for whoever adds it again. */
  readonly remove: (name: string) => Promise<void>
  /** A consumer has changed what it wants or where it is, or wants a replay. */
  readonly retry: (name: string) => void
  readonly status: () => readonly RelayStatus[]
  readonly stop: () => Promise<void>
}

/** Where the position of a consumer is kept. */
export function placeOf(name: string): string {
  return `relay/${name}`
}

/** Changes that come this close together are looked at once: to look after each batch of a sale would cost more than it tells. */
const wakeMs = 10
const pagesKept = 8

export function createRelays(options: RelaysOptions): Relays {
  const { shop, notes, isShared, time = realTime, random = Math.random, trace = (consumer) => consumer, report } = options
  const node = randomUUID()
  const feed = createFeedPages(shop)
  const relays = new Map<string, Relay>()
  const stopping = new AbortController()
  let isChanged = false
  const wakeAll = (): void => {
    isChanged = false
    feed.forget()
    for (const relay of relays.values()) relay.wake()
  }
  shop.onChange(() => {
    if (isChanged || relays.size === 0) return
    isChanged = true
    void time.sleep(wakeMs, stopping.signal).then(wakeAll)
  })

  return {
    add: (consumer) => {
      const { name } = consumer
      if (relays.has(name)) throw new Error(`There is a consumer ${name} already.`)
      const place = createPlace({ notes, name: placeOf(name), node: `${node}/${randomUUID()}`, isShared, time })
      relays.set(name, createRelay({ consumer: trace(consumer), place, isShared, feed, time, random, report }))
    },
    remove: async (name) => {
      const relay = relays.get(name)
      relays.delete(name)
      await relay?.stop()
    },
    retry: (name) => relays.get(name)?.retry(),
    status: () => Array.from(relays.values(), (relay) => relay.status()),
    stop: async () => {
      stopping.abort()
      const stopped = [...relays.values()]
      relays.clear()
      await Promise.all(stopped.map((relay) => relay.stop()))
    },
  }
}

/** Consumers that are at the same place, as at the end of the feed, read it once. */
function createFeedPages(shop: Pick<Holdfast, 'events' | 'readInTurn'>): FeedPages & { readonly forget: () => void } {
  const pages = new Map<string, Promise<FeedPage>>()

  return {
    after: (cursor) => {
      const key = cursor ?? ''
      let page = pages.get(key)
      if (page === undefined) {
        page = shop.readInTurn(cursor)
        pages.set(key, page)
        page.catch(() => pages.delete(key))
        if (pages.size > pagesKept) pages.delete(pages.keys().next().value!)
      }
      return page
    },
    next: async (cursor) => {
      try {
        return (await shop.events({ cursor, limit: 1 })).data[0] ?? null
      } catch (error) {
        if (faultCode(error) === 'cursor_expired') return null
        throw error
      }
    },
    forget: () => pages.clear(),
  }
}
