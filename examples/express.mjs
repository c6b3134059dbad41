// Holdfast in an Express app, in both ways: routes of your own that use the shop, and the whole API beside them.
//
//     node examples/express.mjs

import { once } from 'node:events'
import express from 'express'
import Fastify from 'fastify'
import { createHoldfast, explainRefusal, openStore } from 'holdfast'
import { createClient } from 'holdfast/client'
import { holdfast } from 'holdfast/fastify'

const shop = createHoldfast({ store: await openStore('sqlite::memory:') })
await shop.createProduct({ sku: 'poster', name: 'A poster', totalStock: 1 })

const app = express()

// The whole API under /shop, with keys. A Fastify app that does not listen answers it; it reads bodies by itself, so it comes before express.json().
const key = 'q7Fw2LxT9cZr4NbY1hKd8PmV6sGj3RuE'
const api = Fastify()
await api.register(holdfast, { prefix: '/shop', shop, identity: { keys: [{ name: 'office', scope: 'admin', secret: key }], tokens: null } })
await api.ready()
app.use((request, response, next) => (request.url.startsWith('/shop/') ? api.routing(request, response) : next()))

// A route of your own: often it is all that a shop needs.
app.use(express.json())
app.post('/buy/:sku', async (request, response) => {
  const { userId } = /** @type {{ userId: string }} */ (request.body)
  const reserved = await shop.reserve({ userId, items: [{ sku: request.params.sku, quantity: 1 }] })
  if (!reserved.ok) return void response.status(409).json({ error: explainRefusal(reserved.refusal) })
  response.status(201).json({ reservationId: reserved.value.id })
})

const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
const url = `http://127.0.0.1:${port}`

for (const userId of ['ada', 'grace']) {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url}/buy/poster`, { method: 'POST', headers, body: JSON.stringify({ userId }) })
  const { error = 'reserved' } = /** @type {{ error?: string }} */ (await response.json())
  console.log(`${userId}: ${response.status}, ${error}`)
}

// The office looks at it through the API.
const office = createClient({ url: `${url}/shop`, key })
const { data } = await office.reservations({ sku: 'poster' })
console.log(`the office sees: ${data.map(({ userId, status }) => `${userId} ${status}`).join(', ')}`)
console.log(`without a key it sees: ${(await fetch(`${url}/shop/v1/reservations`)).status}`)

await office.close()
server.close()
await api.close()
await shop.close()
