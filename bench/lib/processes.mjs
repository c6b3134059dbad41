import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'

/** A service that is not up by then will not come up. */
const startMsMax = 20_000

/** Of /proc/PID/stat: clock ticks are hundredths of a second on every Linux. */
const microsecondsPerTick = 10_000

/** @typedef {{ address: string, pid: number, headers: Readonly<Record<string, string>>, stop: () => Promise<void> }} Service `headers` go with every request */

/**
 * Start a Node script that says at which address it answers.
 *
 * @param {string} script
 * @param {readonly string[]} parameters
 * @param {{ environment?: Readonly<Record<string, string>>, headers?: Readonly<Record<string, string>> }} [more]
 * @returns {Promise<Service>}
 */
export async function startService(script, parameters, { environment = {}, headers = {} } = {}) {
  const env = { ...process.env, ...environment }
  const child = spawn(process.execPath, [script, ...parameters], { stdio: ['ignore', 'pipe', 'pipe'], env })
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  /** @type {Promise<number | null>} */
  const ended = new Promise((resolve) => child.on('close', resolve))
  let output = ''
  /** @type {string} */
  const address = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`${script} did not start: ${output}`))
    }, startMsMax)
    const read = (/** @type {Buffer} */ chunk) => {
      output += chunk
      const found = /http:\/\/[\d.:]+/.exec(output)
      if (found === null) return
      clearTimeout(timer)
      resolve(found[0])
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.on('error', reject)
    void ended.then(() => reject(new Error(`${script} ended: ${output}`)))
  })
  return {
    address,
    pid: child.pid ?? 0,
    headers,
    stop: async () => {
      child.kill('SIGTERM')
      const code = await ended
      process.off('exit', kill)
      if (code !== 0 && code !== null) throw new Error(`${script} ended with ${code}: ${output}`)
    },
  }
}

/**
 * CPU time of all threads of a process so far; null where there is no /proc.
 *
 * @param {number} pid
 */
export function cpuMicroseconds(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold spaces; utime and stime are the 12th and 13th fields after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * microsecondsPerTick
  } catch {
    return null
  }
}

/**
 * The same of a process, of its children, and of those of its children that have ended; NaN where there is no /proc.
 *
 * @param {number} pid
 * @returns {number}
 */
export function cpuOfTree(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // cutime and cstime follow utime and stime.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
    const ended = (Number(fields[13]) + Number(fields[14])) * microsecondsPerTick
    return [pid, ...children.map(Number)].reduce((sum, one) => sum + (cpuMicroseconds(one) ?? 0), ended)
  } catch {
    return NaN
  }
}

/** A port that nobody listens on. */
export async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(null)))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}
