import { until } from './postgres-locks.ts'
import { createRedisServer, type RedisServer } from './redis-server.ts'

/** A Redis and its replica, both the test's own. */
export interface RedisPair {
  readonly primary: RedisServer
  readonly replica: RedisServer
  /** From here on the replica misses what the primary is told. It has all that the primary had acknowledged before, and keeps it. */
  readonly lag: () => Promise<void>
  /** The replica becomes a primary, with what it has. The old primary goes on unless the test ends it. */
  readonly promote: () => Promise<void>
  readonly remove: () => Promise<void>
}

/** `settings` of both redis.conf. Both run and are in sync. */
export async function createRedisPair(settings: Readonly<Record<string, string>> = {}): Promise<RedisPair> {
  // Otherwise the primary waits five seconds for more replicas before it sends the first what it has.
  const all = { 'repl-diskless-sync-delay': '0', ...settings }
  const primary = await createRedisServer(all)
  const replica = await createRedisServer(all)
  const remove = async (): Promise<void> => {
    await Promise.all([primary.remove(), replica.remove()])
  }

  const follow = async (host: string, port: string): Promise<void> => {
    await replica.cli('REPLICAOF', host, port)
    // Whoever restarts it finds it in the same role.
    await replica.cli('CONFIG', 'REWRITE')
  }

  const figure = async (server: RedisServer, name: string): Promise<string> =>
    new RegExp(`^${name}:(.*)\\r`, 'm').exec(await server.cli('INFO', 'replication'))?.[1] ?? ''

  const caughtUp = async (): Promise<void> => {
    const goal = Number(await figure(primary, 'master_repl_offset'))
    await until('the replica to have what the primary had', async () => {
      const isUp = (await figure(replica, 'master_link_status')) === 'up'
      return isUp && Number(await figure(replica, 'slave_repl_offset')) >= goal
    })
  }

  try {
    await Promise.all([primary.start(), replica.start()])
    if (settings['requirepass'] !== undefined) await replica.cli('CONFIG', 'SET', 'masterauth', settings['requirepass'])
    await follow('127.0.0.1', String(primary.port))
    await caughtUp()
  } catch (error) {
    await remove()
    throw error
  }

  return {
    primary,
    replica,
    lag: async () => {
      await caughtUp()
      // Nobody listens on port 1. A replica keeps what it has until another primary sends it everything anew.
      await follow('127.0.0.1', '1')
    },
    promote: () => follow('NO', 'ONE'),
    remove,
  }
}
