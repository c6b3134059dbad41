import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { freePort } from './processes.mjs'

/** Where Debian and Ubuntu keep the programs of each version, outside of PATH. */
const debianFolder = '/usr/lib/postgresql'
const programs = ['initdb', 'postgres', 'pgbench']
const startMsMax = 30_000
const pollMs = 20

/**
 * @typedef {object} PostgresServer
 * @property {number} port
 * @property {number} pid
 * @property {string} version
 * @property {string} pgbench the program
 * @property {string} folder for files of whoever talks to it
 * @property {(database: string) => string} url
 * @property {(database: string, sql: string) => Promise<Readonly<Record<string, unknown>>[]>} query over a connection of its own
 * @property {() => Promise<void>} stop
 */

/**
 * A private PostgreSQL on a free port, with the settings it has by default: fsync, full_page_writes, synchronous_commit and autovacuum are on. Its data is in
 * the folder, and whoever removes the folder removes everything.
 *
 * @param {string} folder
 * @returns {Promise<PostgresServer>}
 */
export async function startPostgres(folder) {
  const binaries = findBinaries()
  const user = userOfServer()
  const home = join(folder, 'postgres')
  mkdirSync(home)
  if (user !== undefined) {
    chownSync(home, user.uid, user.gid)
    // The server must reach its own folder inside.
    chmodSync(folder, 0o711)
  }
  const data = join(home, 'data')
  const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale']
  const made = spawnSync(join(binaries, 'initdb'), initdb, { ...user, cwd: home, encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`)

  const port = await freePort()
  const flags = ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${home}`]
  const child = spawn(join(binaries, 'postgres'), flags, { ...user, cwd: home, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (said = (said + text).slice(-4_000)))
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const kill = () => void child.kill('SIGQUIT')
  // Before the folder is removed.
  process.prependOnceListener('exit', kill)

  const url = (/** @type {string} */ database) => `postgres://postgres@127.0.0.1:${port}/${database}`
  /** @type {PostgresServer['query']} */
  const query = async (database, sql) => {
    const client = new pg.Client({ connectionString: url(database) })
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }
  const stop = async () => {
    child.kill('SIGINT')
    await ended
    process.off('exit', kill)
  }

  for (const deadline = performance.now() + startMsMax; ;) {
    try {
      const [row] = await query('postgres', 'show server_version')
      const version = String(row?.['server_version']).split(' ')[0] ?? ''
      return { port, pid: child.pid ?? 0, version, pgbench: join(binaries, 'pgbench'), folder, url, query, stop }
    } catch (error) {
      if (child.exitCode !== null || performance.now() > deadline) {
        await stop()
        throw new Error(`PostgreSQL does not start: ${said}`, { cause: error })
      }
      await delay(pollMs)
    }
  }
}

function findBinaries() {
  const versions = existsSync(debianFolder) ? readdirSync(debianFolder).toSorted((a, b) => Number(b) - Number(a)) : []
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...versions.map((version) => join(debianFolder, version, 'bin'))]
  const folder = folders.find((one) => programs.every((program) => existsSync(join(one, program))))
  if (folder === undefined) {
    throw new Error(
      `PostgreSQL is not installed: ${programs.join(', ')} are needed. Install it with "apt-get install postgresql" or "brew install postgresql"`,
    )
  }
  return folder
}

/** PostgreSQL refuses to run as root, so root runs it as the user that its package made. */
function userOfServer() {
  if (process.getuid?.() !== 0) return undefined
  const [uid, gid] = ['-u', '-g'].map((flag) => {
    const { status, stdout } = spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' })
    if (status !== 0) throw new Error('root cannot run PostgreSQL, and there is no user "postgres"')
    return Number(stdout)
  })
  return { uid: uid ?? 0, gid: gid ?? 0 }
}
