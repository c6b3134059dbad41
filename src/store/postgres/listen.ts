import type { Client, ClientConfig, Pool } from 'pg'
import { sayGoodbye, type Driver } from './connect.ts'

export interface Listener {
  /** Something was committed here; other nodes are told, without anybody waiting for it. */
  readonly tell: (pool: Pool) => void
  /** Hear of other nodes. */
  readonly onOthers: (listener: () => void) => void
  readonly close: () => Promise<void>
}

/** Without a word from the others, as behind a pooler that passes none on, or when a node died, listeners look for themselves so often. */
const lookMs = 1_000
const reconnectMs = 1_000

/**
 * LISTEN and NOTIFY as a hint, never as the truth: what counts is in the tables. NOTIFY goes over a connection of its own after the commit, because inside a transaction it
 * would make all commits of the database wait for each other.
 */
export function createListener(driver: Driver, config: ClientConfig, channel: string): Listener {
  const listeners: (() => void)[] = []
  let client: Client | null = null
  let timer: NodeJS.Timeout | undefined
  let looking: NodeJS.Timeout | undefined
  let closed = false
  let telling = false
  let tellAgain = false

  const wake = (): void => {
    for (const listener of listeners) listener()
  }

  const connect = async (): Promise<void> => {
    const connecting = new driver.Client({ ...config, pipeline: false })
    // Told of it more than once, and perhaps when another is in its place.
    const lost = (): void => {
      if (client !== connecting) return
      client = null
      void sayGoodbye(connecting)
      again()
    }
    connecting.on('error', lost)
    connecting.once('end', lost)
    connecting.on('notification', wake)
    client = connecting
    try {
      await connecting.connect()
      await connecting.query(`listen "${channel}"`)
    } catch {
      lost()
    }
  }

  const again = (): void => {
    if (closed || timer !== undefined) return
    timer = setTimeout(() => {
      timer = undefined
      if (!closed) void connect()
    }, reconnectMs)
    timer.unref()
  }

  const tell = async (pool: Pool): Promise<void> => {
    if (telling) {
      tellAgain = true
      return
    }
    telling = true
    do {
      tellAgain = false
      await pool.query('select pg_notify($1, $2)', [channel, '']).catch(() => {})
    } while (tellAgain && !closed)
    telling = false
  }

  return {
    tell: (pool) => void tell(pool),
    onOthers: (listener) => {
      listeners.push(listener)
      if (listeners.length > 1 || closed) return
      void connect()
      looking = setInterval(wake, lookMs)
      looking.unref()
    },
    close: async () => {
      closed = true
      clearTimeout(timer)
      clearInterval(looking)
      if (client !== null) await sayGoodbye(client)
    },
  }
}
