/** So many requests of one client in a window that begins with its first. */
export interface RateLimit {
  /** Routes whose limit has the same name are counted together. */
  readonly name: string
  readonly max: number
  readonly windowMs: number
}

export interface Window {
  /** So far, with the one that was counted. */
  readonly requests: number
  /** By the clock of the counter. */
  readonly endsAt: number
}

export interface Counter {
  readonly limit: RateLimit
  /** Count one request. Without a promise where there is nothing to wait for. */
  readonly hit: (client: string) => Window | Promise<Window>
  /** The window in which nothing is left for this client, as far as this node knows; null: there is none. Counts nothing. */
  readonly spent: (client: string) => Window | null
}

export interface MemoryCounter extends Counter {
  readonly hit: (client: string) => Window
}

/** Milliseconds that never go back. */
export type Ticks = () => number

export const ticks: Ticks = () => performance.now()

interface OpenWindow extends Window {
  requests: number
}

/** The clients of one limit in the memory of this node. */
export interface Clients {
  /** The window of a client, unless it is over. */
  readonly find: (client: string) => OpenWindow | undefined
  readonly open: (client: string, window: OpenWindow) => OpenWindow
}

/** Beyond it the oldest windows go: a hostile client that has a million addresses is not held up by limits per address, and must not take the memory of all. */
const clientsMax = 100_000

/** All windows are of the same length, so they end in the order in which they began, which is the order of the map. */
export function createClients(now: Ticks): Clients {
  const windows = new Map<string, OpenWindow>()
  return {
    find: (client) => {
      const window = windows.get(client)
      return window !== undefined && now() < window.endsAt ? window : undefined
    },
    open: (client, window) => {
      windows.delete(client)
      for (const [oldest, { endsAt }] of windows) {
        if (windows.size < clientsMax && endsAt > now()) break
        windows.delete(oldest)
      }
      windows.set(client, window)
      return window
    },
  }
}

/** Counts in the memory of this node. */
export function memoryCounter(limit: RateLimit, now: Ticks = ticks): MemoryCounter {
  const clients = createClients(now)
  return {
    limit,
    hit: (client) => {
      const window = clients.find(client) ?? clients.open(client, { requests: 0, endsAt: now() + limit.windowMs })
      window.requests++
      return window
    },
    spent: (client) => {
      const window = clients.find(client)
      return window !== undefined && window.requests >= limit.max ? window : null
    },
  }
}
