import { connect, createServer, type Socket } from 'node:net'

/** What happens to bytes that come from one side. */
type Rule =
  /** They go on. */
  | 'pass'
  /** They are lost, and everything after them, from both sides; neither hears that the other has gone. */
  | 'silent'
  /** They are lost, and the connection is reset. */
  | 'reset'
  /** They wait, and everything from this side after them, until they are delivered; even if whoever sent them has gone by then. */
  | 'hold'
  /** So many bytes go on; with the rest it is as said. */
  | { readonly pass: number; readonly rest: 'silent' | 'hold' }

/** Looks at a piece on its way: `client` sent it, or the server. `connection` is the same for all pieces of one. */
export type Inspect = (piece: Buffer, from: 'client' | 'server', connection: object) => Rule

/**
 * A TCP proxy in this process between a store and its server, that fails as networks do: it loses a request or an answer, delivers late, falls silent, or resets. What it
 * does may be changed at any time, and holds for open connections too.
 */
export interface FaultProxy {
  readonly port: number
  /** The port of the server that new connections reach. */
  target: number
  /** Open connections. */
  readonly connections: number
  /** Every piece is held so long before it is passed on. */
  delayMs: number
  /** Refuse new connections. */
  refusing: boolean
  inspect: Inspect
  /** Connections of which something is held. */
  readonly held: number
  /** Those of them whose client has given up. */
  readonly abandoned: number
  /** What is held goes on, late; and behind it the news that whoever sent it has gone, if so. */
  readonly deliver: () => void
  /** Everything passes again; connections that fell silent or of which something is held are reset. */
  readonly heal: () => void
  /** Reset all connections. */
  readonly resetAll: () => void
  readonly close: () => Promise<void>
}

interface Pair {
  readonly client: Socket
  readonly server: Socket
  silent: boolean
  /** What was held went on after whoever sent it had gone; the other side shall come to its end undisturbed. */
  late: boolean
  /** What is held of each side; null: nothing is. */
  readonly held: Record<'client' | 'server', Buffer[] | null>
}

export async function createFaultProxy(serverPort: number): Promise<FaultProxy> {
  const pairs = new Set<Pair>()

  const reset = (pair: Pair): void => {
    pairs.delete(pair)
    pair.client.resetAndDestroy()
    pair.server.resetAndDestroy()
  }

  const hasGone = (socket: Socket): boolean => socket.readableEnded || socket.destroyed
  const isHeld = ({ held }: Pair): boolean => held.client !== null || held.server !== null
  const count = (isCounted: (pair: Pair) => boolean): number => [...pairs].filter(isCounted).length

  const listener = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    if (proxy.refusing) {
      client.resetAndDestroy()
      return
    }
    const server = connect({ port: proxy.target, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    const pair: Pair = { client, server, silent: false, late: false, held: { client: null, server: null } }
    pairs.add(pair)

    const pipe = (from: 'client' | 'server', source: Socket, target: Socket): void => {
      const later = (step: () => void): void => {
        if (proxy.delayMs > 0) setTimeout(step, proxy.delayMs)
        else step()
      }
      source.on('data', (piece: Buffer) => {
        if (pair.silent || pair.late) return
        const held = pair.held[from]
        if (held !== null) {
          held.push(piece)
          return
        }
        const rule = proxy.inspect(piece, from, pair)
        if (rule === 'silent') pair.silent = true
        else if (rule === 'reset') reset(pair)
        else if (rule === 'hold') pair.held[from] = [piece]
        else if (rule === 'pass') later(() => target.write(piece))
        else {
          target.write(piece.subarray(0, rule.pass))
          if (rule.rest === 'hold') pair.held[from] = [piece.subarray(rule.pass)]
          else pair.silent = true
        }
      })
      // Where nothing passes, nobody hears of an end either.
      const isOpen = (): boolean => !pair.silent && !pair.late && pair.held[from] === null
      source.on('end', () => {
        if (isOpen()) later(() => target.end())
      })
      source.on('error', () => {})
      source.on('close', () => {
        if (isOpen()) later(() => target.destroy())
        if (isOpen() || pair.late) pairs.delete(pair)
      })
    }
    pipe('client', client, server)
    pipe('server', server, client)
  })

  const proxy: FaultProxy = {
    port: 0,
    target: serverPort,
    get connections() {
      return pairs.size
    },
    delayMs: 0,
    refusing: false,
    inspect: () => 'pass',
    get held() {
      return count(isHeld)
    },
    get abandoned() {
      return count((pair) => isHeld(pair) && hasGone(pair.client))
    },
    deliver: () => {
      for (const pair of pairs) {
        for (const [from, source, target] of [
          ['client', pair.client, pair.server],
          ['server', pair.server, pair.client],
        ] as const) {
          const held = pair.held[from]
          if (held === null) continue
          pair.held[from] = null
          for (const piece of held) target.write(piece)
          if (!hasGone(source)) continue
          pair.late = true
          source.destroy()
          target.end()
        }
      }
    },
    heal: () => {
      proxy.delayMs = 0
      proxy.refusing = false
      proxy.inspect = () => 'pass'
      for (const pair of pairs) if (pair.silent || isHeld(pair)) reset(pair)
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
