import { redisStore, type RedisOptions, type Store } from '../../src/index.ts'
import type { Ledger } from '../../src/store/ledger.ts'
import type { ManualClock } from './clock.ts'
import { createRedisServer, type RedisServer } from './redis-server.ts'
import { Redis } from 'ioredis'
import { timely } from './timely.ts'

/** Stores in one Redis, each in a namespace of its own, whose clock is in the test's hands. */
export interface RedisStores {
  readonly server: RedisServer
  /** A namespace that nobody has used. */
  readonly newNamespace: () => string
  /** A node on a namespace and a ledger; several may share one. */
  readonly open: (namespace: string, ledger: Ledger, options?: Partial<RedisOptions>) => Promise<Store>
  /** The same on a clock that is moved by hand. */
  readonly openAt: (namespace: string, ledger: Ledger, clock: ManualClock, options?: Partial<RedisOptions>) => Promise<Store>
  /** As after FLUSHALL, for one namespace. */
  readonly forget: (namespace: string, clock: ManualClock) => Promise<void>
  readonly remove: () => Promise<void>
}

export async function createRedisStores(settings: Readonly<Record<string, string>> = {}): Promise<RedisStores> {
  const server = await createRedisServer(settings)
  await server.start()
  const client = new Redis(server.url)
  let namespaces = 0

  const open: RedisStores['open'] = (namespace, ledger, options = {}) =>
    redisStore({ url: `${server.url}?namespace=${namespace}`, ledger, warn: () => {}, ...options })

  return {
    server,
    newNamespace: () => `t${++namespaces}`,
    open,
    openAt: async (namespace, ledger, clock, options) => {
      let told = -1
      const tellTime = async (): Promise<void> => {
        const now = clock()
        if (now === told) return
        // The scripts read the time there instead of from Redis.
        await client.hset(`{holdfast:${namespace}}`, 'clock', now)
        told = now
      }
      await tellTime()
      const store = await open(namespace, ledger, options)
      return timely(store, tellTime)
    },
    forget: async (namespace, clock) => {
      const names = await client.keys(`{holdfast:${namespace}}*`)
      await client
        .multi()
        .del(...names)
        .hset(`{holdfast:${namespace}}`, 'clock', clock())
        .exec()
    },
    remove: async () => {
      client.disconnect()
      await server.remove()
    },
  }
}
