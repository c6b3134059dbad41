import { connect, createServer, type Socket } from 'node:net'

/** What happens to bytes that come from one side. */
type Rule =
  /** They go on. */
  | 'pass'
  /** They are lost, and everything after them; the connection stays open. */
  | 'silent'
  /** They are lost, and the connection is reset. */
  | 'reset'

/** Looks at a piece on its way: `client` sent it, or the server. `connection` is the same for all pieces of one. */
export type Inspect = (piece: Buffer, from: 'client' | 'server', connection: object) => Rule

/**
 * A TCP proxy in this process between a store and its server, that fails as networks do: it loses a request or an answer, delivers late, falls silent, or resets. What it
 * does may be changed at any time, and holds for open connections too.
 */
export interface FaultProxy {
  readonly port: number
  /** Open connections. */
  readonly connections: number
  /** Every piece is held so long before it is passed on. */
  delayMs: number
  /** Refuse new connections. */
  refusing: boolean
  inspect: Inspect
  /** Everything passes again; connections that fell silent are reset. */
  readonly heal: () => void
  /** Reset all connections. */
  readonly resetAll: () => void
  readonly close: () => Promise<void>
}

export async function createFaultProxy(serverPort: number): Promise<FaultProxy> {
  const pairs = new Set<{ client: Socket; server: Socket; silent: boolean }>()

  const reset = (pair: { client: Socket; server: Socket }): void => {
    pair.client.resetAndDestroy()
    pair.server.resetAndDestroy()
  }

  const listener = createServer({ noDelay: true }, (client) => {
    if (proxy.refusing) {
      client.resetAndDestroy()
      return
    }
    const server = connect({ port: serverPort, host: '127.0.0.1', noDelay: true })
    const pair = { client, server, silent: false }
    pairs.add(pair)

    const pipe = (from: 'client' | 'server', source: Socket, target: Socket): void => {
      source.on('data', (piece: Buffer) => {
        if (pair.silent) return
        const rule = proxy.inspect(piece, from, pair)
        if (rule === 'silent') pair.silent = true
        else if (rule === 'reset') reset(pair)
        else if (proxy.delayMs > 0) setTimeout(() => target.write(piece), proxy.delayMs)
        else target.write(piece)
      })
      source.on('error', () => target.destroy())
      source.on('close', () => {
        pairs.delete(pair)
        if (proxy.delayMs > 0) setTimeout(() => target.destroy(), proxy.delayMs)
        else target.destroy()
      })
    }
    pipe('client', client, server)
    pipe('server', server, client)
  })

  const proxy: FaultProxy = {
    port: 0,
    get connections() {
      return pairs.size
    },
    delayMs: 0,
    refusing: false,
    inspect: () => 'pass',
    heal: () => {
      proxy.delayMs = 0
      proxy.refusing = false
      proxy.inspect = () => 'pass'
      for (const pair of pairs) if (pair.silent) reset(pair)
    },
    resetAll: () => {
      for (const pair of pairs) reset(pair)
    },
    close: async () => {
      for (const pair of pairs) reset(pair)
      await new Promise((resolve) => listener.close(resolve))
    },
  }
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return Object.assign(proxy, { port: address.port })
}
