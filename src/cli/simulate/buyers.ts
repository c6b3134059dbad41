import type { SimulateOptions } from './options.ts'

export type Fate = 'confirm' | 'cancel' | 'abandon'

/** What one buyer came for and will do; known beforehand, so that a seed repeats the crowd whatever order it arrives in. */
export interface Buyer {
  readonly userId: string
  /** One unit of each. */
  readonly skus: readonly string[]
  readonly fate: Fate
  /** Between having the reservation and deciding. */
  readonly thinkMs: number
}

/** Thinking ends well before the reservation does; coming too late is a case of its own, and happens by itself when the shop is slow. */
const thinkShareOfTtlMax = 0.3
const thinkMsMax = 3_000

export function planBuyer(index: number, skus: readonly string[], options: SimulateOptions): Buyer {
  const random = createRandom(options.seed, index)
  const lines = 1 + Math.floor(random() * Math.min(options.maxLines, skus.length))
  const draw = random()
  return {
    userId: `buyer-${index + 1}`,
    skus: pick(skus, lines, random),
    fate: draw < options.confirm ? 'confirm' : draw < options.confirm + options.abandon ? 'abandon' : 'cancel',
    thinkMs: Math.floor(random() * Math.min(options.ttlSeconds * 1000 * thinkShareOfTtlMax, thinkMsMax)),
  }
}

/** `stock` units spread over the skus as evenly as whole units allow. */
export function spread(stock: number, skus: readonly string[]): ReadonlyMap<string, number> {
  const each = Math.floor(stock / skus.length)
  const rest = stock % skus.length
  return new Map(skus.map((sku, index) => [sku, index < rest ? each + 1 : each]))
}

function pick(skus: readonly string[], wanted: number, random: () => number): string[] {
  const picked = new Set<string>()
  while (picked.size < wanted) picked.add(skus[Math.floor(random() * skus.length)]!)
  return [...picked]
}

/** Mulberry32, from a seed of its own for each buyer. */
function createRandom(seed: number, index: number): () => number {
  let state = (seed ^ Math.imul(index + 1, 0x9e3779b1)) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
