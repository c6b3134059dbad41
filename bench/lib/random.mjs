/** The same picks in every run, so that runs differ in nothing but time. */
const seed = 0x5eed

/** xorshift32: whole numbers from 0 to 2³² − 1. */
export function createRandom() {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

/**
 * @param {number} count
 * @param {number} choices
 */
export function uniform(count, choices) {
  const random = createRandom()
  return Uint16Array.from({ length: count }, () => random() % choices)
}

/**
 * The first choice is the most frequent, the n-th 1/n^skew as frequent.
 *
 * @param {number} count
 * @param {number} choices
 * @param {number} skew
 */
export function zipf(count, choices, skew) {
  const random = createRandom()
  let sum = 0
  const upTo = Float64Array.from({ length: choices }, (_, index) => (sum += 1 / (index + 1) ** skew))
  return Uint16Array.from({ length: count }, () => {
    const point = (random() / 2 ** 32) * sum
    let [low, high] = [0, choices - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((upTo[middle] ?? 0) > point) high = middle
      else low = middle + 1
    }
    return low
  })
}

/**
 * So many different choices in random order.
 *
 * @param {() => number} random
 * @param {number} count
 * @param {number} choices
 */
export function sample(random, count, choices) {
  /** @type {Set<number>} */
  const picked = new Set()
  while (picked.size < count) picked.add(random() % choices)
  return [...picked]
}
