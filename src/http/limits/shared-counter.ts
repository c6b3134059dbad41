import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Requests, RequestWindow, Store } from '../../store/port.ts'
import { createClients, memoryCounter, type Counter, type RateLimit, type Ticks, type Window } from './counter.ts'

export interface SharedOptions {
  readonly countRequests: NonNullable<Store['countRequests']>
  /** How long the store may take; then this node counts by itself. */
  readonly answerMsMax: number
  readonly report: (error: unknown) => void
  readonly now: Ticks
}

/** Requests of one client that wait for the next call. */
interface Waiting {
  readonly answer: (window: RequestWindow | null) => void
}

/** After a failure this node counts by itself for so long, instead of letting every request wait for a store that is away. */
const awayMs = 1_000

/**
 * Counts in the store, for all nodes together. What comes in one turn of the event loop, or while a call is under way, is one call. A client that has nothing left is
 * refused without a call. When the store fails, the memory of this node counts: nobody is refused because nobody can count, and nobody is let in without limits.
 */
export function sharedCounter(limit: RateLimit, options: SharedOptions): Counter {
  const { countRequests, answerMsMax, report, now } = options
  const own = memoryCounter(limit, now)
  const full = createClients(now)
  let waiting = new Map<string, Waiting[]>()
  let calling = false
  let awayUntil = -Infinity

  const spent = (client: string): Window | null => full.find(client) ?? (now() < awayUntil ? own.spent(client) : null)

  return {
    limit,
    spent,
    hit: (client) => {
      const over = full.find(client)
      if (over !== undefined) return over
      if (now() < awayUntil) return own.hit(client)
      return new Promise((resolve) => {
        const others = waiting.get(client)
        // As it is now: by the time that somebody looks, others may have been counted.
        const one: Waiting = { answer: (window) => resolve(window === null ? { ...own.hit(client) } : noted(client, window)) }
        if (others === undefined) waiting.set(client, [one])
        else others.push(one)
        if (!calling) void call()
      })
    },
  }

  async function call(): Promise<void> {
    calling = true
    await nextTurn()
    while (waiting.size > 0) {
      const clients = waiting
      waiting = new Map()
      settle([...clients.values()], await ask([...clients]))
    }
    calling = false
  }

  /** null: the store does not tell. */
  async function ask(clients: readonly (readonly [string, readonly Waiting[]])[]): Promise<readonly RequestWindow[] | null> {
    const requests = clients.map(([client, { length }]): Requests => ({
      client: `${limit.name} ${client}`,
      requests: length,
      windowMs: limit.windowMs,
    }))
    let timer: NodeJS.Timeout | undefined
    try {
      const tooLate = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`The store took more than ${answerMsMax} ms to count requests.`)), answerMsMax)
      })
      return await Promise.race([countRequests(requests), tooLate])
    } catch (error) {
      awayUntil = now() + awayMs
      report(error)
      return null
    } finally {
      clearTimeout(timer)
    }
  }

  /** Those of one client are told apart: the last of them has the sum. */
  function settle(clients: readonly (readonly Waiting[])[], windows: readonly RequestWindow[] | null): void {
    for (const [index, ones] of clients.entries()) {
      const window = windows?.[index] ?? null
      for (const [nth, { answer }] of ones.entries()) {
        answer(window && { ...window, requests: window.requests - (ones.length - 1 - nth) })
      }
    }
  }

  function noted(client: string, { requests, endsInMs }: RequestWindow): Window {
    const window = { requests, endsAt: now() + endsInMs }
    // Whoever comes next has nothing left, and need not be counted any more.
    if (requests >= limit.max) full.open(client, { requests: requests + 1, endsAt: window.endsAt })
    return window
  }
}
