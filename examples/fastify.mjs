// The API inside a Fastify app that exists already, with the users of that app.
//
//     node examples/fastify.mjs

import Fastify from 'fastify'
import { createHoldfast, openStore } from 'holdfast'
import { holdfast } from 'holdfast/fastify'

const shop = createHoldfast({ store: await openStore('sqlite::memory:') })
await shop.createProduct({ sku: 'mug', name: 'A mug', totalStock: 10 })

const app = Fastify()

// Routes of the app use the shop directly.
app.get('/', async () => `There are ${(await shop.product('mug'))?.stock.available} mugs left.`)

await app.register(holdfast, {
  prefix: '/shop',
  shop,
  // Whoever the app has logged in; here the cookie is simply the name. A text is answered as 401.
  identify: ({ headers: { cookie } }) =>
    cookie === undefined ? 'Log in first.' : { role: 'user', name: `user:${cookie}`, userId: cookie },
})

const url = await app.listen({ port: 0 })
const json = { 'content-type': 'application/json' }
const body = JSON.stringify({ items: [{ sku: 'mug', quantity: 2 }] })

const stranger = await fetch(`${url}/shop/v1/reservations`, { method: 'POST', headers: json, body })
console.log(`a stranger: ${stranger.status}`)

const response = await fetch(`${url}/shop/v1/reservations`, { method: 'POST', headers: { ...json, cookie: 'ada' }, body })
const { userId, status } = /** @type {{ userId: string, status: string }} */ (await response.json())
console.log(`ada: ${response.status}, a reservation of ${userId} that is ${status}`)
console.log(await (await fetch(url)).text())

await app.close()
// The plugin closes only what it made.
await shop.close()
