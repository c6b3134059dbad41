// The service in a process of its own, and a program that calls it with the typed client. With an API key, as it would be beyond this machine.
//
//     node examples/serve-and-call.mjs

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createClient } from 'holdfast/client'

// The same as `HOLDFAST_API_KEYS=… npx holdfast serve --port 0 --store sqlite::memory:` in a terminal.
const command = fileURLToPath(new URL('dist/cli/main.js', import.meta.resolve('holdfast/package.json')))
const key = 'Zk3vVdPpXq8mJtB1uY6wRc0sHn5gLe2a'
const service = spawn(process.execPath, [command, 'serve', '--port', '0', '--store', 'sqlite::memory:'], {
  env: { ...process.env, HOLDFAST_API_KEYS: `example:admin:${key}`, HOLDFAST_LOG: 'error' },
  stdio: ['ignore', 'pipe', 'inherit'],
})
const [line] = /** @type {[Buffer]} */ (await once(service.stdout, 'data'))
const [url] = /http:\S+/.exec(String(line)) ?? []
if (url === undefined) throw new Error(`the service said ${String(line)}`)

// From here on it is what a program with the library does: only this line is another.
const shop = createClient({ url, key })
await shop.createProduct({ sku: 'print', name: 'A limited print', totalStock: 1 })

// Two buyers press the button at once. A request that fails on its way is sent again, with the same idempotency key: never two reservations.
const buyers = ['ada', 'grace']
const outcomes = await Promise.all(buyers.map((userId) => shop.reserve({ userId, items: [{ sku: 'print', quantity: 1 }] })))
const winner = outcomes.find((outcome) => outcome.ok)
const loser = outcomes.find((outcome) => !outcome.ok)
if (winner === undefined || loser === undefined) throw new Error('one of the two should have got it')
const order = await shop.confirm(winner.value.id)
console.log(order.ok ? 'one buyer bought the last print' : `confirming was refused: ${order.refusal.code}`)
console.log(`the other was told: ${loser.refusal.code}`)

await shop.close()
service.kill('SIGTERM')
const [exitCode] = await once(service, 'exit')
console.log(`the service ended with ${exitCode}`)
