import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
const main = resolve(root, 'dist/cli/main.js')

export interface ServiceProcess {
  readonly address: string
  /** The line that says where. */
  readonly line: string
  /** From the start of the process to the line that says where it answers. */
  readonly startedInMs: number
  /** What it has said to stderr so far. */
  readonly errors: () => string
  /** SIGKILL: no chance to finish anything. Resolves when the process is gone. */
  kill(): Promise<void>
  /** SIGSTOP: nothing moves, as on a machine that is frozen; its connections stay open. */
  pause(): void
  resume(): void
  /** SIGTERM. Resolves with the exit code. */
  stop(): Promise<number | null>
}

/** The service as its users start it, on a free port. */
export async function startService(
  storeUrl: string,
  ledgerUrl?: string,
  more: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<ServiceProcess> {
  if (!existsSync(main)) throw new Error('dist/ is missing; run npm run build first')
  const startedAt = performance.now()
  const ledger = ledgerUrl === undefined ? [] : ['--ledger', ledgerUrl]
  const child = spawn(process.execPath, [main, 'serve', '--port', '0', '--store', storeUrl, ...ledger, ...more], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = new Promise<number | null>((done) => child.once('exit', done))
  let errors = ''
  child.stderr.on('data', (chunk) => (errors += chunk))
  const [address, line] = await new Promise<[string, string]>((found, failed) => {
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
      const [match] = /http:\/\/[^\s/]+/.exec(output) ?? []
      if (match !== undefined && output.includes('\n')) found([match, output.slice(0, output.indexOf('\n'))])
    })
    void exited.then((code) => failed(new Error(`the service ended with ${code} before it answered: ${errors}`)))
  })
  const end = (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal)
    return exited
  }
  return {
    address,
    line,
    startedInMs: performance.now() - startedAt,
    errors: () => errors,
    kill: async () => void (await end('SIGKILL')),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    stop: () => end('SIGTERM'),
  }
}
