import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from './postgres-server.ts'
import { findRedis, redisIsMissing } from './redis-program.mjs'

/** For `describe.skipIf`: without a Redis its tests are skipped, except in CI, where they fail because no server can be made. */
export const skipRedis = findRedis() === undefined && (process.env['CI'] ?? '') === ''
if (skipRedis) console.warn(`Skipped: ${redisIsMissing}`)

/** A private Redis on a free port in a temporary folder. The tests own it and may kill it. */
export interface RedisServer {
  readonly port: number
  readonly url: string
  /** Where it keeps its data: dump.rdb, appendonlydir/, nodes.conf. Stays when it stops. */
  readonly folder: string
  readonly start: () => Promise<void>
  /** As for a shutdown (SIGTERM): it saves if `save` says so. Paused, it resumes first. */
  readonly stop: () => Promise<void>
  /** As after a crash (SIGKILL). */
  readonly kill: () => Promise<void>
  /** It is there, and does not answer (SIGSTOP). The kernel still accepts connections and takes what they send. */
  readonly pause: () => void
  readonly resume: () => void
  /** One command on a connection of its own, and its answer as redis-cli prints it: elements of a list in lines, nothing for nil. Errors are thrown. */
  readonly cli: (...args: readonly string[]) => Promise<string>
  /** Kill, and remove what it left behind. */
  readonly remove: () => Promise<void>
}

/** For a start, and for one answer. */
const waitMsMax = 30_000

function printed(answer: unknown): string {
  if (Array.isArray(answer)) return answer.map(printed).join('\n')
  return typeof answer === 'string' || typeof answer === 'number' ? String(answer) : ''
}

/** `settings` of redis.conf, more of them or others. It does not run yet. Empty after a restart unless they say otherwise. */
export async function createRedisServer(settings: Readonly<Record<string, string>> = {}): Promise<RedisServer> {
  const program = findRedis()
  if (program === undefined) throw new Error(redisIsMissing)
  const root = await mkdtemp(join(tmpdir(), 'holdfast-redis-'))
  const folder = join(root, 'data')
  await mkdir(folder)
  const port = await freePort()
  const all = { bind: '127.0.0.1', port: String(port), dir: folder, save: '', appendonly: 'no', ...settings }
  const configuration = join(root, 'redis.conf')
  const lines = Object.entries(all).map(([name, value]) => `${name} ${value === '' ? '""' : value}\n`)
  await writeFile(configuration, lines.join(''))
  const password = settings['requirepass']
  const url = `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`
  let server: ChildProcess | null = null

  const cli: RedisServer['cli'] = async (...args) => {
    const [command = '', ...rest] = args
    const client = new Redis(url, {
      lazyConnect: true,
      retryStrategy: () => null,
      enableReadyCheck: false,
      commandTimeout: waitMsMax,
    })
    client.on('error', () => {})
    try {
      await client.connect()
      return printed(await client.call(command, ...rest))
    } finally {
      client.disconnect()
    }
  }

  const start: RedisServer['start'] = async () => {
    if (server !== null) throw new Error('this Redis runs already')
    const child = spawn(program, [configuration], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4_000)))
    }
    server = child
    for (const deadline = performance.now() + waitMsMax; ;) {
      try {
        await cli('PING')
        // Somebody else may have taken the port meanwhile.
        if (!(await cli('INFO', 'server')).includes(`process_id:${child.pid}\r`)) throw new Error(`another server answers on port ${port}`)
        return
      } catch (error) {
        if (hasEnded(child) || performance.now() > deadline) {
          await end('SIGKILL')
          throw new Error(`Redis does not start: ${said}`, { cause: error })
        }
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
  }

  const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    const child = server
    server = null
    if (child === null || hasEnded(child)) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    child.kill('SIGCONT')
    await ended
  }

  return {
    port,
    url,
    folder,
    start,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    pause: () => server?.kill('SIGSTOP'),
    resume: () => server?.kill('SIGCONT'),
    cli,
    remove: async () => {
      await end('SIGKILL')
      await rm(root, { recursive: true, force: true })
    },
  }
}
