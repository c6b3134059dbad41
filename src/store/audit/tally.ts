import { createHash } from 'node:crypto'

/** Tells whether two streams held the same things, equally often and in any order, without remembering them. */
export interface Tally {
  readonly count: number
  add(...parts: readonly (string | null)[]): void
  equals(other: Tally): boolean
  /** What is compared; equal for equal streams. */
  digest(): string
}

/** Digests are added up and not xored, so that a thing that comes twice does not vanish. */
export function createTally(): Tally {
  const sums = [0, 0, 0, 0]
  let count = 0
  const digest = (): string => `${count}:${sums.join(':')}`
  return {
    get count() {
      return count
    },
    add: (...parts) => {
      count++
      const hash = createHash('sha256').update(JSON.stringify(parts)).digest()
      for (let index = 0; index < sums.length; index++) sums[index] = (sums[index]! + hash.readUInt32LE(index * 4)) >>> 0
    },
    equals: (other) => digest() === other.digest(),
    digest,
  }
}
