import { rm } from 'node:fs/promises'
import { verifyBooks } from './books.mjs'
import { createHoldfast, sqliteStore } from './holdfast.mjs'

/** @typedef {Partial<import('../../src/index.ts').CreateProductInput>} ProductDetails */

/** Enough that none of the runs sells out. */
export const totalStock = 1_000_000_000

/**
 * An engine over a file, as a program gets it that sets no option, for as long as the work takes.
 *
 * @template Answer
 * @param {string} path
 * @param {Pick<import('../../src/index.ts').EngineOptions, 'onBatch'>} options
 * @param {(shop: import('../../src/index.ts').Holdfast) => Promise<Answer>} work
 */
export async function withShop(path, options, work) {
  const shop = createHoldfast({ store: await sqliteStore({ path }), ...options })
  try {
    return await work(shop)
  } finally {
    await shop.close()
  }
}

/**
 * A new file with these products.
 *
 * @param {string} path
 * @param {readonly string[]} skus
 * @param {ProductDetails} [details]
 */
export async function makeStore(path, skus, details = {}) {
  await removeStore(path)
  const outcomes = await withShop(path, {}, (shop) =>
    Promise.all(skus.map((sku) => shop.createProduct({ sku, name: sku, totalStock, ...details }))),
  )
  if (!outcomes.every(({ ok }) => ok)) throw new Error('a product could not be made')
}

/** @param {string} path */
export async function removeStore(path) {
  await Promise.all(['', '-wal', '-shm', '-journal'].map((suffix) => rm(path + suffix, { force: true })))
}

/**
 * Buyers come in no order, so neither do their names: names that grew would be written side by side in an index, which no real traffic is.
 *
 * @param {number} index
 */
export function userOf(index) {
  return `user-${(Math.imul(index, 2_654_435_761) >>> 0).toString(36)}`
}

/** @param {number} count */
export function skuNames(count) {
  return Array.from({ length: count }, (_, index) => `sku-${String(index).padStart(4, '0')}`)
}

/**
 * Keep so many calls in flight until all are done. Resolves with the elapsed milliseconds.
 *
 * @param {number} count
 * @param {number} inFlight
 * @param {(index: number) => Promise<void>} call
 */
export async function drive(count, inFlight, call) {
  let next = 0
  const caller = async () => {
    while (next < count) await call(next++)
  }
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: inFlight }, caller))
  return performance.now() - startedAt
}

/**
 * @typedef {object} Load
 * @property {number} count
 * @property {number} inFlight
 * @property {(index: number) => import('../../src/index.ts').ReserveInput} cart
 * @property {(index: number) => string} [key] the idempotency key
 */

/**
 * Reserve so many carts in a file. All must be accepted. Resolves with carts per second.
 *
 * @param {string} path
 * @param {Load} load
 */
export function reserveAll(path, { count, inFlight, cart, key }) {
  return withShop(path, {}, async (shop) => {
    const elapsedMs = await drive(count, inFlight, async (index) => {
      const outcome = await (key === undefined ? shop.reserve(cart(index)) : shop.reserve(cart(index), { idempotencyKey: key(index) }))
      if (!outcome.ok) throw new Error(`a reservation was refused: ${outcome.refusal.code}`)
    })
    return (count / elapsedMs) * 1000
  })
}

/**
 * The same in a new file, which is held against the promises and removed.
 *
 * @param {string} path
 * @param {Load & { skus: readonly string[], details?: ProductDetails }} load
 */
export async function measureReserving(path, { skus, details, ...load }) {
  await makeStore(path, skus, details)
  const perSecond = await reserveAll(path, load)
  await verifyBooks(path, { active: load.count })
  await removeStore(path)
  return perSecond
}
