import type { Product } from '../domain/product.ts'
import { createLooker, type Turns } from './looker.ts'

export interface Watcher {
  /** A product, after a change of its stock. Whoever began to watch in that moment may know it already, or know more. */
  readonly show: (product: Product) => void
}

export interface LiveStock {
  /** Show these products whenever their stock has changed; the function that comes back ends it. Repeats and states in between are left out, the last state never is. */
  readonly watch: (skus: readonly string[], watcher: Watcher) => () => void
  readonly close: () => void
}

export interface LiveStockOptions {
  readonly productOf: (sku: string) => Promise<Product | null>
  /** Calls when something may have changed, here or on another node. */
  readonly onChange: (listener: () => void) => void
  readonly report: (error: unknown) => void
}

/**
 * Reads what is watched, and only while somebody watches, each sku once for all its watchers. A change is a hint to look; what counts is what the store says then. So nothing
 * can be missed: whoever comes late sees the same last state as everybody else.
 */
export function createLiveStock({ productOf, onChange, report }: LiveStockOptions): LiveStock {
  const watched = new Map<string, { readonly watchers: Set<Watcher>; shown: string }>()

  const look = async (turns: Turns): Promise<boolean> => {
    for (const [sku, entry] of watched) {
      if (turns.isOver()) await turns.next()
      const product = await turns.spend(() => productOf(sku))
      if (product === null) continue
      const { version, available, nextReleaseAt } = product.stock
      const state = `${version} ${available} ${nextReleaseAt}`
      if (state === entry.shown) continue
      entry.shown = state
      for (const watcher of entry.watchers) {
        turns.spend(() => watcher.show(product))
        if (turns.isOver()) await turns.next()
      }
    }
    return false
  }

  const looker = createLooker({ look, isWanted: () => watched.size > 0, report })
  onChange(looker.hint)

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
    close: looker.close,
  }
}
