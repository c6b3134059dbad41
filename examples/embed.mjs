// Holdfast as a library: a whole sale inside one script, with its facts in a file and no server.
//
//     node examples/embed.mjs

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHoldfast, explainRefusal, listAll, openStore } from 'holdfast'

const folder = await mkdtemp(join(tmpdir(), 'holdfast-embed-'))
const shop = createHoldfast({ store: await openStore(`sqlite:${join(folder, 'shop.db')}`) })

await shop.createProduct({ sku: 'ticket', name: 'A ticket', totalStock: 3, maxPerUser: 2, price: { amount: 4500, currency: 'EUR' } })

// Ada gets two tickets for five minutes, and buys them.
const reserved = await shop.reserve({ userId: 'ada', items: [{ sku: 'ticket', quantity: 2 }], ttlSeconds: 300 })
if (!reserved.ok) throw new Error(explainRefusal(reserved.refusal))
const confirmed = await shop.confirm(reserved.value.id)
if (confirmed.ok) console.log(`ada bought 2 tickets for ${(confirmed.value.total?.amount ?? 0) / 100} EUR`)

// A "no" is a value, not an exception: its code tells the program, its sentence tells people.
const refused = await shop.reserve({ userId: 'grace', items: [{ sku: 'ticket', quantity: 2 }] })
if (!refused.ok) console.log(`grace got none: ${refused.refusal.code}. ${explainRefusal(refused.refusal)}`)

// Linus changes his mind: the unit is back on sale at once.
const held = await shop.reserve({ userId: 'linus', items: [{ sku: 'ticket', quantity: 1 }] })
if (held.ok) await shop.cancel(held.value.id)
const product = await shop.product('ticket')
console.log(`${product?.stock.sold} sold, ${product?.stock.available} available`)

// Everything that happened, in order; a program that remembers the last cursor goes on from there tomorrow.
for await (const event of listAll(shop.events)) console.log(`  ${event.type}`)

await shop.close()
await rm(folder, { recursive: true })
