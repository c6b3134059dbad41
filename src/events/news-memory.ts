import type { Event } from '../domain/event.ts'
import type { Product } from '../domain/product.ts'

/** What happened between two places of the feed, for those who come back to one of them. */
export interface Memory {
  from: number
  to: number
  readonly made: Made[]
  /** The last change of each sku's stock, the oldest first. */
  readonly changed: Map<string, Change>
}

export interface Made {
  readonly at: number
  /** As it was then. */
  readonly product: Product
}

interface Change {
  readonly at: number
  /** null: how it is now has yet to be read. */
  readonly product: Product | null
}

const madeMax = 1_000
const changedMax = 10_000

export function createMemory(at: number): Memory {
  return { from: at, to: at, made: [], changed: new Map() }
}

/** Takes the events that follow. Gives back what was made in them. */
export function note(memory: Memory, events: readonly Event[]): readonly Made[] {
  const made: Made[] = []
  for (const { type, cursor, data, stock } of events) {
    const at = Number(cursor)
    memory.to = at
    if (type === 'product.created') {
      made.push({ at, product: data as Product })
      continue
    }
    for (const { sku } of stock) {
      memory.changed.delete(sku)
      memory.changed.set(sku, { at, product: null })
    }
  }
  memory.made.push(...made)
  forget(memory)
  return made
}

/** Puts before a memory what another has from before it. */
export function prepend(memory: Memory, older: Memory): void {
  memory.made.unshift(...older.made)
  const newer = [...memory.changed]
  memory.changed.clear()
  for (const [sku, change] of [...older.changed, ...newer]) {
    memory.changed.delete(sku)
    memory.changed.set(sku, change)
  }
  memory.from = older.from
  forget(memory)
}

function forget(memory: Memory): void {
  while (memory.made.length > madeMax) memory.from = Math.max(memory.from, memory.made.shift()!.at)
  for (const [sku, { at }] of memory.changed) {
    if (memory.changed.size <= changedMax) break
    memory.changed.delete(sku)
    memory.from = Math.max(memory.from, at)
  }
}
