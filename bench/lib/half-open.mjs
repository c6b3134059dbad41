// Connections that never come to an end of their request: each sends one more header every second. Whoever is cut off comes again. Says where they are when all are open.
import { connect } from 'node:net'
import { positionals } from './options.mjs'

const [address = '', count = '0'] = positionals
const everyMs = 1_000
const { hostname, port } = new URL(address)
let open = 0

function begin() {
  const socket = connect(Number(port), hostname)
  /** @type {NodeJS.Timeout | undefined} */
  let timer
  socket.once('connect', () => {
    socket.write('POST /v1/reservations HTTP/1.1\r\nhost: slow\r\n')
    timer = setInterval(() => socket.write('x-more: 1\r\n'), everyMs)
    if (++open === Number(count)) console.log(`half-open at ${address}`)
  })
  socket.on('error', () => {})
  socket.resume()
  socket.once('close', () => {
    clearInterval(timer)
    begin()
  })
}

for (let made = 0; made < Number(count); made++) begin()
process.once('SIGTERM', () => process.exit(0))
