import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { freePort } from './processes.mjs'

/** Redis, or Valkey, which speaks the same. */
const pairs = ['redis', 'valkey'].map((name) => ({ server: `${name}-server`, benchmark: `${name}-benchmark` }))
const startMsMax = 30_000
const pollMs = 20
/** Calls that took longer are written down by the server while they are watched. */
const longCallMicroseconds = 1_000

/**
 * @typedef {object} RedisServer
 * @property {number} port
 * @property {number} pid
 * @property {string} version
 * @property {string} benchmark the program
 * @property {Redis} client
 * @property {(namespace: string) => string} url
 * @property {() => Promise<number>} usedBytes of its memory, by its own count
 * @property {() => Promise<() => Promise<number>>} watchCalls from now on; the answer is the longest call since then, in milliseconds
 * @property {() => Promise<void>} stop
 */

/**
 * A private Redis on a free port, with the settings it has by default except that it takes no snapshots. It is in the folder, and ends with this process.
 *
 * @param {string} folder
 * @returns {Promise<RedisServer>}
 */
export async function startRedis(folder) {
  const programs = findPrograms()
  const home = mkdtempSync(join(folder, 'redis-'))
  const port = await freePort()
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--dir', home, '--save', '']
  const child = spawn(programs.server, flags, { cwd: home, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said = (said + text).slice(-4_000)))
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const kill = () => void child.kill('SIGKILL')
  // Before the folder is removed.
  process.prependOnceListener('exit', kill)

  const client = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => {})
  const stop = async () => {
    client.disconnect()
    child.kill('SIGKILL')
    await ended
    process.off('exit', kill)
  }
  const info = async (/** @type {string} */ section, /** @type {string} */ name) =>
    new RegExp(`^${name}:(.*)\\r`, 'm').exec(await client.info(section))?.[1] ?? ''

  for (const deadline = performance.now() + startMsMax; ;) {
    try {
      await client.connect()
      break
    } catch (error) {
      if (child.exitCode !== null || performance.now() > deadline) {
        await stop()
        throw new Error(`Redis does not start: ${said}`, { cause: error })
      }
      await delay(pollMs)
    }
  }
  return {
    port,
    pid: child.pid ?? 0,
    version: await info('server', 'redis_version'),
    benchmark: programs.benchmark,
    client,
    url: (namespace) => `redis://127.0.0.1:${port}?namespace=${namespace}`,
    usedBytes: async () => Number(await info('memory', 'used_memory')),
    watchCalls: async () => {
      await client.config('SET', 'slowlog-log-slower-than', longCallMicroseconds, 'slowlog-max-len', 1_000_000)
      await client.slowlog('RESET')
      return async () => {
        const calls = /** @type {[id: number, at: number, microseconds: number, words: string[]][]} */ (await client.slowlog('GET', -1))
        return (
          calls.filter(([, , , [name]]) => name === 'evalsha' || name === 'eval').reduce((longest, [, , us]) => Math.max(longest, us), 0) /
          1_000
        )
      }
    },
    stop,
  }
}

function findPrograms() {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const found = pairs.flatMap(({ server, benchmark }) =>
    folders.map((one) => ({ server: join(one, server), benchmark: join(one, benchmark) })),
  )
  const programs = found.find(({ server, benchmark }) => existsSync(server) && existsSync(benchmark))
  if (programs === undefined) {
    throw new Error(
      'Redis is not installed: redis-server and redis-benchmark are needed, or those of Valkey. Install them with "apt-get install redis-server redis-tools" or "brew install redis"',
    )
  }
  return programs
}
