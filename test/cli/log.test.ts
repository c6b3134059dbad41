import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** Start the service, and stop it once it answers. */
async function runService(environment: Readonly<Record<string, string>>): Promise<{ stdout: string; stderr: string; code: unknown }> {
  const child = spawn(process.execPath, [main, 'serve', '--port', '0', '--store', 'sqlite::memory:'], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const text = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk) => (text[name] += String(chunk)))
  child.stdout.once('data', () => child.kill('SIGTERM'))
  const [code] = (await once(child, 'close')) as [unknown]
  return { ...text, code }
}

describe('what serve logs', () => {
  it('is a line of JSON for each thing that happens to it, on stderr; on stdout it says where it answers, and no more', async () => {
    const { stdout, stderr, code } = await runService({})
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Holdfast answers at http:\S+ \(store sqlite::memory:\)\n$/)
    const lines = stderr.trimEnd().split('\n')
    const seen = lines.map((line) => JSON.parse(line) as { level: string; message: string })
    expect(seen.map(({ level, message }) => `${level} ${message.split(':')[0]}`)).toEqual([
      'warn No API keys are configured',
      'info ready',
      'info stopping',
      'info stopped',
    ])
  })

  it('is less, and for people, where it is told so', async () => {
    const { stderr } = await runService({ HOLDFAST_LOG: 'warn', HOLDFAST_LOG_FORMAT: 'text' })
    expect(stderr).toMatch(/^\d\d:\d\d:\d\d\.\d{3} WARN {2}No API keys are configured: [^\n]+\n$/)
  })

  it('may be read by nobody any more', async () => {
    const child = spawn(process.execPath, [main, 'serve', '--port', '0', '--store', 'sqlite::memory:'], {
      env: { PATH: process.env['PATH'], HOLDFAST_LOG: 'debug' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const exited = once(child, 'exit')
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    child.stderr.destroy()
    const [address] = /http:\S+/.exec(String(line))!
    for (let request = 0; request < 3; request++) expect((await fetch(`${address}/livez`)).status).toBe(200)
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
  })
})
