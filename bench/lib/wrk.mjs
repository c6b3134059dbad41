import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { root } from './options.mjs'
import { cpuMicroseconds } from './processes.mjs'

export const connections = 256
/** Not a package of npm: see `missing`. */
const generator = 'wrk'
const differentRequests = 2_000
const pollMs = 50

/**
 * @typedef {object} WrkResult
 * @property {number} requests
 * @property {number} seconds
 * @property {number} status answers that are not 2xx or 3xx
 * @property {number} broken connections that failed and answers that never came
 * @property {number} p50 milliseconds
 * @property {number} p99 milliseconds
 * @property {number} cpuShare of one core, that the load generator used itself
 */

/**
 * Reserve one unit after the other for so many seconds.
 *
 * @param {string} address
 * @param {{ sku: string, seconds: number, headers: Readonly<Record<string, string>> }} load
 * @returns {Promise<WrkResult>}
 */
export async function runWrk(address, { sku, seconds, headers }) {
  const script = join(root, 'bench/lib/reserve.lua')
  const flags = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const parameters = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', ...flags, '-s', script, address]
  const child = spawn(generator, [...parameters, '--', sku, String(differentRequests)], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (output += chunk))
  let used = 0
  const poll = setInterval(() => (used = cpuMicroseconds(child.pid ?? 0) ?? used), pollMs)
  /** @type {number | null} */
  const code = await new Promise((resolve, reject) => {
    child.on('close', resolve)
    child.on('error', (error) => reject('code' in error && error.code === 'ENOENT' ? new Error(missing) : error))
  }).finally(() => clearInterval(poll))
  const line = /^\{.*\}$/m.exec(output)
  if (code !== 0 || line === null) throw new Error(`wrk ended with ${code}: ${output}`)
  const result = JSON.parse(line[0])
  return { ...result, cpuShare: used / (result.seconds * 1e6) }
}

const missing = 'wrk is not installed. Install it with "apt-get install wrk" or "brew install wrk"; its home is https://github.com/wg/wrk'
