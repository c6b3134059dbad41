import { verifyBooks } from './books.mjs'
import { createHoldfast, openSite } from './holdfast.mjs'

/** @typedef {Partial<import('../../src/index.ts').CreateProductInput>} ProductDetails */

/** Enough that none of the runs sells out. */
export const totalStock = 1_000_000_000

/** @typedef {import('./places.mjs').Site} Site */

/**
 * Engines over one store, each as a program gets it that sets no option, for as long as the work takes.
 *
 * @template Answer
 * @param {Pick<Site, 'url' | 'ledger'>} site
 * @param {{ engines?: number } & Pick<import('../../src/index.ts').EngineOptions, 'onBatch'>} options
 * @param {(...shops: import('../../src/index.ts').Holdfast[]) => Promise<Answer>} work
 */
export async function withShop(site, { engines = 1, ...options }, work) {
  const shops = await Promise.all(Array.from({ length: engines }, async () => createHoldfast({ store: await openSite(site), ...options })))
  try {
    return await work(...shops)
  } finally {
    await Promise.all(shops.map((shop) => shop.close()))
  }
}

/**
 * A new store with these products.
 *
 * @param {Site} site
 * @param {readonly string[]} skus
 * @param {ProductDetails} [details]
 */
export async function makeStore(site, skus, details = {}) {
  await site.renew()
  const outcomes = await withShop(site, {}, (shop) =>
    Promise.all(skus.map((sku) => shop.createProduct({ sku, name: sku, totalStock, ...details }))),
  )
  if (!outcomes.every(({ ok }) => ok)) throw new Error('a product could not be made')
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
 * @property {number} [engines] that share the callers; 1 unless it is said
 * @property {import('../../src/index.ts').EngineOptions['onBatch']} [onBatch]
 * @property {() => Promise<void>} [onAnswered] when all have been answered, and before the store is closed
 */

/**
 * Reserve so many carts. All must be accepted. Resolves with carts per second.
 *
 * @param {Pick<Site, 'url' | 'ledger'>} site
 * @param {Load} load
 */
export function reserveAll(site, { count, inFlight, cart, key, engines = 1, onBatch = () => {}, onAnswered = async () => {} }) {
  return withShop(site, { engines, onBatch }, async (...shops) => {
    const elapsedMs = await drive(count, inFlight, async (index) => {
      const shop = /** @type {import('../../src/index.ts').Holdfast} */ (shops[index % engines])
      const outcome = await (key === undefined ? shop.reserve(cart(index)) : shop.reserve(cart(index), { idempotencyKey: key(index) }))
      if (!outcome.ok) throw new Error(`a reservation was refused: ${outcome.refusal.code}`)
    })
    await onAnswered()
    return (count / elapsedMs) * 1000
  })
}

/**
 * The same in a new store, which is held against the promises and removed.
 *
 * @param {Site} site
 * @param {Load & { skus: readonly string[], details?: ProductDetails, beforeRemoval?: () => Promise<void> }} load
 */
export async function measureReserving(site, { skus, details, beforeRemoval = async () => {}, ...load }) {
  await makeStore(site, skus, details)
  const perSecond = await reserveAll(site, load)
  await verifyBooks(site, { active: load.count })
  await beforeRemoval()
  await site.remove()
  return perSecond
}
