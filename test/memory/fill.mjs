// Makes open reservations through the engine on a file and prints what memory they take, one line of JSON for each count.
// Usage: node --expose-gc test/memory/fill.mjs FILE COUNT…
import { createHoldfast, sqliteStore } from '../../dist/index.js'

const [path = '', ...counts] = process.argv.slice(2)
const skuCount = 10
const inFlight = 2_000

const shop = createHoldfast({ store: await sqliteStore({ path }) })
for (let sku = 0; sku < skuCount; sku++) {
  await shop.createProduct({ sku: `sku-${sku}`, name: `Number ${sku}`, totalStock: 1_000_000_000, maxPerUser: 1_000 })
}
const startedAt = performance.now()
let made = 0
for (const count of counts.map(Number)) {
  while (made < count) {
    const outcomes = await Promise.all(Array.from({ length: Math.min(inFlight, count - made) }, (_, index) => reserve(made + index)))
    if (outcomes.some(({ ok }) => !ok)) throw new Error('a reservation was refused')
    made += outcomes.length
  }
  const { reserved } = (await shop.product('sku-0'))?.stock ?? { reserved: 0 }
  globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  console.log(JSON.stringify({ made, reservedOfFirst: reserved, heapUsed, rss, elapsedMs: Math.round(performance.now() - startedAt) }))
}
await shop.close()

/** @param {number} index */
function reserve(index) {
  const items = [
    { sku: `sku-${index % skuCount}`, quantity: 1 },
    { sku: `sku-${(index + 1) % skuCount}`, quantity: 2 },
  ]
  return shop.reserve({ userId: `user-${index}`, items, ttlSeconds: 86_400 })
}
