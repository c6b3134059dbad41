import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import pg from 'pg'
import { freePort, userOfServer } from './postgres-server.ts'

/** A private PgBouncer in transaction mode before a PostgreSQL. The tests own it and may kill it. */
export interface PgBouncer {
  /** Of the database `postgres` behind it. */
  readonly url: string
  readonly start: () => Promise<void>
  /** At once, as after a crash: all connections through it are gone. */
  readonly kill: () => Promise<void>
  readonly remove: () => Promise<void>
}

const settingsDefault = {
  pool_mode: 'transaction',
  // Fewer than the connections of the stores, so that they share them.
  default_pool_size: '6',
  max_client_conn: '500',
}

function findPgBouncer(): string {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  const folder = folders.find((one) => existsSync(join(one, 'pgbouncer')))
  if (folder === undefined) {
    throw new Error(
      'There is no pgbouncer in PATH or /usr/sbin, and these tests need one. Install it, for example: apt-get install pgbouncer',
    )
  }
  return join(folder, 'pgbouncer')
}

/** `[1, 18]` */
export function pgBouncerVersion(): readonly [major: number, minor: number] {
  const { stdout } = spawnSync(findPgBouncer(), ['--version'], { encoding: 'utf8' })
  const found = /^PgBouncer (\d+)\.(\d+)/i.exec(stdout)
  if (found === null) throw new Error(`pgbouncer does not tell its version: ${stdout}`)
  return [Number(found[1]), Number(found[2])]
}

const startMsMax = 10_000

/** `settings` of the section [pgbouncer]. */
export async function createPgBouncer(serverPort: number, settings: Readonly<Record<string, string>> = {}): Promise<PgBouncer> {
  const program = findPgBouncer()
  // PgBouncer refuses to run as root, too.
  const user = userOfServer()
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-pgbouncer-'))
  const port = await freePort()
  const users = join(folder, 'users.txt')
  const all = {
    listen_addr: '127.0.0.1',
    listen_port: String(port),
    unix_socket_dir: '',
    auth_type: 'trust',
    auth_file: users,
    ...settingsDefault,
    ...settings,
  }
  const configuration = join(folder, 'pgbouncer.ini')
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`)
  await writeFile(configuration, ['[databases]', `* = host=127.0.0.1 port=${serverPort}`, '[pgbouncer]', ...lines, ''].join('\n'))
  await writeFile(users, '"postgres" ""\n')
  if (user !== undefined) for (const path of [folder, configuration, users]) await chown(path, user.uid, user.gid)
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  let bouncer: ChildProcess | null = null

  const kill = async (): Promise<void> => {
    const child = bouncer
    bouncer = null
    if (child === null || child.exitCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }

  return {
    url,
    kill,
    start: async () => {
      const child = spawn(program, [configuration], { ...user, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
      let said = ''
      child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4_000)))
      bouncer = child
      for (const deadline = performance.now() + startMsMax; ;) {
        const client = new pg.Client({ connectionString: url })
        client.on('error', () => {})
        try {
          await client.connect()
          await client.query('select 1')
          return
        } catch (error) {
          if (child.exitCode !== null || performance.now() > deadline)
            throw new Error(`PgBouncer does not start: ${said}`, { cause: error })
          await new Promise((resolve) => setTimeout(resolve, 20))
        } finally {
          await client.end().catch(() => {})
        }
      }
    },
    remove: async () => {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
