import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import type { Stock } from '../domain/stock.ts'

export interface Watcher {
  /** The stock of a sku, after a change of it. Whoever began to watch in that moment may know it already, or know more. */
  readonly show: (stock: Stock) => void
}

export interface LiveStock {
  /** Show the stock of these skus whenever it has changed; the function that comes back ends it. Repeats and states in between are left out, the last state never is. */
  readonly watch: (skus: readonly string[], watcher: Watcher) => () => void
  readonly close: () => void
}

export interface LiveStockOptions {
  readonly stockOf: (sku: string) => Promise<Stock | null>
  /** Calls when something may have changed, here or on another node. */
  readonly onChange: (listener: () => void) => void
  readonly report: (error: unknown) => void
}

/** At most ten states of a sku in a second. */
const intervalMs = 100
/** Showing takes this part of the time at most: the sale goes first, however many watch it. */
const busyShare = 0.15
/** So many are shown a change before others get a turn. */
const turnSize = 250
const retryMs = 1_000

/**
 * Reads what is watched, and only while somebody watches, each sku once for all its watchers. A change is a hint to look; what counts is what the store says then. So nothing
 * can be missed: whoever comes late sees the same last state as everybody else.
 */
export function createLiveStock({ stockOf, onChange, report }: LiveStockOptions): LiveStock {
  const watched = new Map<string, { readonly watchers: Set<Watcher>; shown: string }>()
  const closing = new AbortController()
  let isChanged = false
  let isLooking = false

  onChange(() => {
    isChanged = true
    if (watched.size > 0 && !isLooking) void lookWhileChanged()
  })

  const lookWhileChanged = async (): Promise<void> => {
    isLooking = true
    while (isChanged && watched.size > 0 && !closing.signal.aborted) {
      isChanged = false
      const startedAt = performance.now()
      let pauseMs = intervalMs
      try {
        await look()
      } catch (error) {
        report(error)
        isChanged = true
        pauseMs = retryMs
      }
      const elapsedMs = performance.now() - startedAt
      await delay(Math.max(pauseMs, elapsedMs / busyShare - elapsedMs), undefined, { signal: closing.signal, ref: false }).catch(() => {})
    }
    isLooking = false
  }

  const look = async (): Promise<void> => {
    for (const [sku, entry] of watched) {
      const stock = await stockOf(sku)
      const state = stock === null ? '' : `${stock.version} ${stock.available} ${stock.nextReleaseAt}`
      if (stock === null || state === entry.shown) continue
      entry.shown = state
      let shown = 0
      for (const watcher of entry.watchers) {
        watcher.show(stock)
        if (++shown % turnSize === 0) await nextTurn()
      }
    }
  }

  return {
    watch: (skus, watcher) => {
      for (const sku of skus) {
        const entry = watched.get(sku) ?? { watchers: new Set(), shown: '' }
        watched.set(sku, entry)
        entry.watchers.add(watcher)
      }
      return () => {
        for (const sku of skus) {
          const entry = watched.get(sku)
          entry?.watchers.delete(watcher)
          if (entry?.watchers.size === 0) watched.delete(sku)
        }
      }
    },
    close: () => closing.abort(),
  }
}
