import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** The command as it is installed; `npm run build` makes it. */
const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface CliRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export type Environment = Readonly<Record<string, string>>

/** Run the command to its end, without the settings of whoever runs the tests. */
export async function runCli(args: readonly string[], environment: Environment = {}): Promise<CliRun> {
  const child = start(args, environment)
  const [stdout, stderr, [code]] = await Promise.all([textOf(child.stdout), textOf(child.stderr), once(child, 'close')])
  return { code: code as number | null, stdout, stderr }
}

function start(args: readonly string[], environment: Environment) {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:HOLDFAST_|FORCE_COLOR|NO_COLOR)/.test(name)))
  return spawn(process.execPath, [main, ...args], { env: { ...inherited, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return text
}
