import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { schema } from './postgres-site.mjs'

/**
 * Run a script of pgbench with prepared statements, over TCP and without JIT, as the store does. Every transaction must succeed.
 *
 * @param {import('./places.mjs').PostgresPlace} place
 * @param {import('./postgres-site.mjs').PostgresSite} site
 * @param {{ script: string, clients: number, seconds?: number, transactionsEach?: number }} load for so long, or so many of each client
 */
export async function runPgbench({ server }, { database }, { script, clients, seconds, transactionsEach }) {
  const path = join(server.folder, 'pgbench.sql')
  await writeFile(path, script)
  const threads = Math.min(clients, cpus().length)
  const duration = seconds === undefined ? ['-t', String(transactionsEach)] : ['-T', String(seconds)]
  const to = ['-h', '127.0.0.1', '-p', String(server.port), '-U', 'postgres', database]
  const flags = ['-n', '-M', 'prepared', '-c', String(clients), '-j', String(threads), ...duration, '-f', path, ...to]
  const { stdout } = await promisify(execFile)(server.pgbench, flags, {
    env: { ...process.env, PGOPTIONS: `-c search_path=${schema} -c jit=off` },
  })
  const read = (/** @type {RegExp} */ pattern) => {
    const found = pattern.exec(stdout)?.[1]
    if (found === undefined) throw new Error(`pgbench said: ${stdout}`)
    return Number(found)
  }
  const failed = read(/number of failed transactions: (\d+)/)
  if (failed > 0) throw new Error(`${failed} transactions of pgbench failed`)
  return {
    transactions: read(/transactions actually processed: (\d+)/),
    perSecond: read(/tps = ([\d.]+) \(without initial connection time\)/),
  }
}
