/** HOLDFAST_SEED repeats a run that failed; without it every run is another one. */
export const seed = Number(process.env['HOLDFAST_SEED'] ?? Math.trunc(Math.random() * 0x7fff_ffff))

/** How often to repeat a random test. HOLDFAST_RUNS lowers it, never raises it: a mutant is caught by few runs or by none. */
export function runs(usual: number): number {
  return Math.min(usual, Number(process.env['HOLDFAST_RUNS'] ?? usual))
}

export interface Random {
  /** From 0 to `below` - 1. */
  int(below: number): number
  pick<Item>(items: readonly Item[]): Item
  shuffle<Item>(items: readonly Item[]): Item[]
}

/** mulberry32, https://gist.github.com/tommyettinger/46a874533244883189143505d203312c: small, and the same everywhere. */
export function createRandom(start: number): Random {
  let state = start >>> 0
  const int = (below: number): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
  return {
    int,
    pick: (items) => items[int(items.length)]!,
    shuffle: (items) => {
      const shuffled = [...items]
      for (let last = shuffled.length - 1; last > 0; last--) {
        const other = int(last + 1)
        const item = shuffled[last]!
        shuffled[last] = shuffled[other]!
        shuffled[other] = item
      }
      return shuffled
    },
  }
}
