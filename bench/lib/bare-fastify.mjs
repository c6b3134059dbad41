// The peer of the HTTP benches, in a process of its own: Fastify as it comes, with the schema of the request, and an answer that never changes.
// With `next-turn` it answers after everything that is readable has been read, as whoever collects a batch does. That alone makes it a good deal faster
// under many connections, and is no merit of deciding in batches; so there is a peer with it, too.
import Fastify from 'fastify'
import { newId, ReserveInput } from './holdfast.mjs'
import { positionals } from './options.mjs'

const now = Date.now()
const answer = {
  id: newId(),
  userId: 'user-1',
  status: 'active',
  items: [{ sku: 'hot', quantity: 1, unitPrice: null }],
  metadata: {},
  createdAt: new Date(now).toISOString(),
  expiresAt: new Date(now + 600_000).toISOString(),
  expiresInMs: 600_000,
  endedAt: null,
  orderId: null,
}

const isNextTurn = positionals.includes('next-turn')
const app = Fastify()
app.post('/v1/reservations', { schema: { body: ReserveInput } }, async (_request, reply) => {
  if (isNextTurn) await new Promise(setImmediate)
  return reply.code(201).send(answer)
})
console.log(`answers at ${await app.listen({ host: '127.0.0.1', port: 0 })}`)
process.once('SIGTERM', () => process.exit(0))
