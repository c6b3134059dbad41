// Makes open reservations through the engine on a file and prints what memory they take, one line of JSON for each count.
// Usage: node --expose-gc test/memory/fill.mjs FILE COUNT…
import { createHoldfast, sqliteStore } from '../../dist/index.js'

const [path = '', ...counts] = process.argv.slice(2)
const skuCount = 10
const inFlight = 2_000
/** The allocator gives memory back when it likes, so the resident size swings by tens of megabytes; what is needed is the lowest of so many readings. */
const readings = 20

const shop = createHoldfast({ store: await sqliteStore({ path }) })
for (let sku = 0; sku < skuCount; sku++) {
  await shop.createProduct({ sku: `sku-${sku}`, name: `Number ${sku}`, totalStock: 1_000_000_000, maxPerUser: 1_000 })
}
const startedAt = performance.now()
let made = 0
for (const count of counts.map(Number)) {
  let rss = Infinity
  while (made < count) {
    const outcomes = await Promise.all(Array.from({ length: Math.min(inFlight, count - made) }, (_, index) => reserve(made + index)))
    if (outcomes.some(({ ok }) => !ok)) throw new Error('a reservation was refused')
    made += outcomes.length
    if (count - made < readings * inFlight) rss = Math.min(rss, residentSize())
  }
  const { reserved } = (await shop.product('sku-0'))?.stock ?? { reserved: 0 }
  const { heapUsed } = process.memoryUsage()
  console.log(JSON.stringify({ made, reservedOfFirst: reserved, heapUsed, rss, elapsedMs: Math.round(performance.now() - startedAt) }))
}
await shop.close()

/** After a collection of garbage. */
function residentSize() {
  globalThis.gc?.()
  return process.memoryUsage.rss()
}

/** @param {number} index */
function reserve(index) {
  const items = [
    { sku: `sku-${index % skuCount}`, quantity: 1 },
    { sku: `sku-${(index + 1) % skuCount}`, quantity: 2 },
  ]
  return shop.reserve({ userId: `user-${index}`, items, ttlSeconds: 86_400 })
}
