// Listens to streams of stock, forked by `listeners.mjs`: many connections, of each the newest version it was shown and when.
import { connect } from 'node:net'

/**
 * @typedef {object} Listeners
 * @property {string} address
 * @property {readonly string[]} paths one for each listener
 * @property {string} from the local address, so that ports do not run out
 *
 * @typedef {{ version: number, at: bigint }} Shown `at`: by the monotonic clock, which all processes of a machine share
 *
 * @typedef {{ listen: Listeners } | { await: Readonly<Record<string, number>> } | { close: true }} Order `await`: the last version of each sku
 */

const wave = 100
const lookMs = 10
const closeMs = 20
const mark = '"version":'

/** @type {{ path: string, shown: Shown }[]} */
let listeners = []
/** @type {import('node:net').Socket[]} */
let sockets = []
let frames = 0
let lost = 0

/** @param {Listeners} order */
async function listen({ address, paths, from }) {
  const { hostname, port } = new URL(address)
  frames = 0
  for (let at = 0; at < paths.length; at += wave) {
    await Promise.all(paths.slice(at, at + wave).map((path) => open(path, { host: hostname, port: Number(port), localAddress: from })))
  }
}

/**
 * Resolves when the first state has come.
 *
 * @param {string} path
 * @param {import('node:net').NetConnectOpts} where
 */
function open(path, where) {
  return new Promise((resolve, reject) => {
    const listener = { path, shown: { version: 0, at: 0n } }
    listeners.push(listener)
    const socket = connect(where)
    sockets.push(socket)
    let rest = ''
    socket.setEncoding('latin1')
    socket.once('connect', () => socket.write(`GET ${path} HTTP/1.1\r\nhost: bench\r\n\r\n`))
    socket.on('data', (/** @type {string} */ chunk) => {
      const text = rest + chunk
      const end = text.lastIndexOf('\n\n')
      rest = text.slice(end + 2)
      const found = text.lastIndexOf(mark, end)
      if (found < 0) return
      if (listener.shown.version === 0) resolve(null)
      frames++
      listener.shown = { version: Number.parseInt(text.slice(found + mark.length), 10), at: process.hrtime.bigint() }
    })
    socket.on('error', reject)
    socket.once('close', () => {
      lost++
      reject(new Error(`a stream was closed: ${rest}`))
    })
  })
}

/** @param {Readonly<Record<string, number>>} last */
async function untilShown(last) {
  const isMissing = () => listeners.some(({ path, shown }) => shown.version < (last[path] ?? Infinity))
  while (isMissing()) await new Promise((resolve) => setTimeout(resolve, lookMs))
  return listeners.reduce((latest, { shown: { at } }) => (at > latest ? at : latest), 0n)
}

/** Not all at once, as listeners do not leave either. */
async function close() {
  for (let at = 0; at < sockets.length; at += wave) {
    for (const socket of sockets.slice(at, at + wave)) socket.removeAllListeners('close').end().destroy()
    await new Promise((resolve) => setTimeout(resolve, closeMs))
  }
  listeners = []
  sockets = []
}

/** @param {Order} order */
async function follow(order) {
  if ('listen' in order) {
    await listen(order.listen)
    process.send?.({ listening: true })
  } else if ('await' in order) {
    const at = await untilShown(order.await)
    process.send?.({ at: String(at), frames, lost })
  } else {
    await close()
    process.send?.({ closed: true })
  }
}

process.on('message', (/** @type {Order} */ order) => void follow(order))
process.once('disconnect', () => process.exit(0))
