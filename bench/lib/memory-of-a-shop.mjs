// Reserves in the store of a URL and says how much memory the process has then. In a process of its own, so that nothing else is counted.
import { positionals } from './options.mjs'
import { drive, withShop, userOf } from './shop.mjs'

const [url = '', sku = '', count = '0'] = positionals
const memory = await withShop({ url }, {}, async (shop) => {
  await drive(Number(count), 1_000, async (index) => {
    const outcome = await shop.reserve({ userId: userOf(index), items: [{ sku, quantity: 1 }] })
    if (!outcome.ok) throw new Error(`a reservation was refused: ${outcome.refusal.code}`)
  })
  globalThis.gc?.()
  const { rss, heapUsed } = process.memoryUsage()
  return { rss, heap: heapUsed }
})
console.log(JSON.stringify(memory))
