import type { Cluster, Redis, RedisOptions } from 'ioredis'
import { Fault } from '../../domain/faults.ts'
import { openingFault } from './errors.ts'
import { refuseOldVersion } from './inspect.ts'
import { scripts, type Script } from './scripts.ts'
import type { RedisUrl } from './url.ts'

type Driver = typeof import('ioredis')
type Value = string | number

/** The part of Redis that is used here: the scripts, and a few commands for loading. */
export interface Connection {
  /** Run a script. `header` and `prefix` are its keys. */
  readonly run: (script: Script, header: string, prefix: string, args: readonly Value[]) => Promise<unknown>
  readonly command: (name: string, ...args: readonly Value[]) => Promise<unknown>
  /** Many commands, sent together. */
  readonly commands: (list: readonly (readonly [name: string, ...args: Value[]])[]) => Promise<readonly unknown[]>
  /** Every key whose name begins so, a page at a time. */
  readonly keys: (prefix: string) => AsyncIterable<readonly string[]>
  readonly close: () => void
}

export interface ConnectOptions {
  /** How long to wait for a connection. */
  readonly connectMsMax: number
  /** How long Redis may take for one answer. */
  readonly answerMsMax: number
}

async function loadDriver(): Promise<Driver> {
  // Named by a variable, because a bundler must not demand it.
  const name = 'ioredis'
  try {
    return (await import(name)) as Driver
  } catch (error) {
    throw new Fault('cannot_open', 'Redis needs the package ioredis: npm install ioredis@6', error)
  }
}

/** At first sooner than a batch is repeated. */
const reconnectMs = 10
const reconnectMsMax = 1_000

/**
 * Nothing is sent twice by the driver: whether a command may be repeated is decided above it. Without a connection a command fails at once instead of waiting in a queue. On a
 * Cluster the driver finds the shard of the namespace.
 */
export async function connect(url: RedisUrl, { connectMsMax, answerMsMax }: ConnectOptions): Promise<Connection> {
  const driver = await loadDriver()
  const options = {
    host: url.host,
    port: url.port,
    ...(url.username === undefined ? {} : { username: url.username }),
    ...(url.password === undefined ? {} : { password: url.password }),
    ...(url.tls ? { tls: {} } : {}),
    db: url.database,
    lazyConnect: true,
    connectTimeout: connectMsMax,
    commandTimeout: answerMsMax,
    // A connection on which nothing comes may have fallen silent for good: the next attempt is made on another.
    socketTimeout: answerMsMax,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    retryStrategy: (times: number) => Math.min(times * reconnectMs, reconnectMsMax),
    scripts: Object.fromEntries(Object.entries(scripts).map(([name, lua]) => [name, { lua, numberOfKeys: 2 }])),
  } satisfies RedisOptions
  const isCluster = await lookAt(new driver.Redis({ ...options, retryStrategy: null, enableReadyCheck: false }), url)
  const client: Redis | Cluster = isCluster
    ? new driver.Cluster([{ host: url.host, port: url.port }], {
        redisOptions: options,
        scripts: options.scripts,
        enableOfflineQueue: false,
        lazyConnect: true,
        clusterRetryStrategy: (times) => Math.min(times * reconnectMs, reconnectMsMax),
        maxRedirections: 8,
      })
    : new driver.Redis(options)
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (error) {
    client.disconnect()
    throw openingFault(error, url.where)
  }
  return connectionOf(client, isCluster)
}

/** Whether it is a node of a Cluster. Throws `cannot_open` if nobody is let in, or it is too old. */
async function lookAt(single: Redis, { where }: RedisUrl): Promise<boolean> {
  // What failed is only told to listeners: whoever waits hears that the connection was closed, or nothing when the database is not there.
  let told: unknown
  single.on('error', (error) => (told ??= error))
  try {
    await single.connect()
    if (told !== undefined) throw told as Error
    refuseOldVersion(await single.info('server'), where)
    return (await single.info('cluster')).includes('cluster_enabled:1')
  } catch (error) {
    throw openingFault(told ?? error, where)
  } finally {
    single.disconnect()
  }
}

function connectionOf(client: Redis | Cluster, isCluster: boolean): Connection {
  const run = client as unknown as Record<Script, (...args: readonly Value[]) => Promise<unknown>>
  const nodes = (): readonly Redis[] => (isCluster ? (client as Cluster).nodes('master') : [client as Redis])
  return {
    run: (script, header, prefix, args) => run[script](header, prefix, ...args),
    command: (name, ...args) => client.call(name, ...args),
    commands: async (list) => {
      const pipeline = client.pipeline()
      for (const [name, ...args] of list) pipeline.call(name, ...args)
      const results = (await pipeline.exec()) ?? []
      return results.map(([error, reply]) => {
        if (error !== null) throw error
        return reply
      })
    },
    keys: async function* (prefix) {
      const pattern = `${prefix.replaceAll(/[\\*?[\]]/g, String.raw`\$&`)}*`
      for (const node of nodes()) {
        let cursor = '0'
        do {
          const [next, found] = await node.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000)
          if (found.length > 0) yield found
          cursor = next
        } while (cursor !== '0')
      }
    },
    close: () => client.disconnect(),
  }
}
