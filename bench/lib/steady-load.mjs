// Reserves at a fixed rate, however fast the answers come, forked by `listeners.mjs`. Latency counts from when a request was to be sent.
import { connect } from 'node:net'

/** @typedef {{ address: string, skus: readonly string[], perSecond: number, seconds: number }} Load */
/** @typedef {{ requests: number, p50: number, p99: number, lastAt: string }} Steady `lastAt`: when the last answer came, by the monotonic clock */

const connections = 128
const differentRequests = 2_000

/** @param {Load} load */
function requestsOf({ skus }) {
  return Array.from({ length: differentRequests }, (_, index) => {
    const body = JSON.stringify({ userId: `user-${index}`, items: [{ sku: skus[index % skus.length], quantity: 1 }] })
    const head = `POST /v1/reservations HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
    return Buffer.from(head + body)
  })
}

/** @param {Load} load @returns {Promise<Steady>} */
async function run(load) {
  const { address, perSecond, seconds } = load
  const { hostname, port } = new URL(address)
  const requests = requestsOf(load)
  const total = Math.round(perSecond * seconds)
  /** @type {number[]} */
  const latencies = []
  /** @type {import('node:net').Socket[]} */
  const free = []
  const dueAt = new Map()
  let lastAt = 0n
  let sent = 0
  const all = await Promise.all(
    Array.from({ length: connections }, () => {
      const socket = connect(Number(port), hostname)
      socket.setNoDelay(true)
      return new Promise((resolve, reject) => {
        socket.once('connect', () => resolve(socket))
        socket.once('error', reject)
      })
    }),
  )
  free.push(...all)
  await new Promise((resolve, reject) => {
    const startedAt = performance.now()
    const send = () => {
      const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1000) * perSecond))
      while (sent < due) {
        const socket = free.pop()
        if (socket === undefined) return
        dueAt.set(socket, startedAt + (sent / perSecond) * 1000)
        socket.write(/** @type {Buffer} */ (requests[sent % requests.length]))
        sent++
      }
    }
    const timer = setInterval(send, 1)
    for (const socket of all) {
      // An answer of so few bytes comes in one piece.
      socket.on('data', (/** @type {Buffer} */ answer) => {
        if (answer.toString('latin1', 9, 12) !== '201') return reject(new Error(answer.toString()))
        latencies.push(performance.now() - dueAt.get(socket))
        lastAt = process.hrtime.bigint()
        free.push(socket)
        if (latencies.length === total) {
          clearInterval(timer)
          resolve(null)
        } else send()
      })
      socket.once('close', () => reject(new Error('a connection was closed')))
    }
  })
  for (const socket of all) socket.removeAllListeners('close').destroy()
  latencies.sort((a, b) => a - b)
  const at = (/** @type {number} */ share) => latencies[Math.floor(total * share)] ?? NaN
  return { requests: total, p50: at(0.5), p99: at(0.99), lastAt: String(lastAt) }
}

process.on('message', (/** @type {Load} */ load) => void run(load).then((steady) => process.send?.(steady)))
process.once('disconnect', () => process.exit(0))
