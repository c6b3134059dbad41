import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { temporaryFile } from '../support/folder.ts'
import { runCli } from './cli.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }

describe('holdfast', () => {
  it('tells its version', async () => {
    expect(await runCli(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  })

  it('shows its commands when asked for help, and exits with 2 when asked for nothing', async () => {
    const help = await runCli(['--help'])
    expect(help.code).toBe(0)
    for (const command of ['serve', 'seed', 'audit', 'simulate']) expect(help.stdout).toContain(command)
    expect((await runCli([])).code).toBe(2)
  })

  it.each([
    [['bogus'], /unknown command 'bogus'/i],
    [['seed', '--bogus'], /unknown option '--bogus'/i],
    [['audit', '--store'], /argument missing/i],
    [['serve', '--port', '65536'], /--port must be a whole number from 0 to 65535, not "65536"/],
    [['serve', '--port', '80x'], /--port must be/],
    [['seed', '--store', 'sqlite:x.db', '--url', 'http://127.0.0.1:1'], /not both/],
    [['seed', '--url', 'ftp://somewhere'], /--url must be the address of a service/],
    [['simulate', '--buyers', '0'], /--buyers must be a whole number from 1/],
    [['simulate', '--confirm', '1.5'], /--confirm must be a share from 0 to 1/],
    [['simulate', '--confirm', '0.8', '--abandon', '0.3'], /together they must not exceed 1/],
    [['simulate', '--stock', '2', '--skus', '3'], /--stock must be at least --skus/],
    [['simulate', '--url', 'nowhere'], /--url must be the address of a service/],
    [['audit', '--store', 'sqlite::memory:'], /--store must name a file/],
    [['audit', '--store', 'redis://127.0.0.1:1', '--ledger', 'sqlite::memory:'], /--ledger must name a file/],
    [['audit', '--store', 'redis://127.0.0.1:1', '--ledger', ''], /--ledger must name a ledger/],
    [['simulate', '--ledger', 'sqlite:x.db'], /--ledger goes with a store in Redis; name that with --store/],
  ])('refuses %j with one sentence and exit code 2', async (args, sentence) => {
    const { code, stdout, stderr } = await runCli(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(sentence)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  })
})

describe('holdfast serve', () => {
  it('refuses keys that it cannot read, without showing them', async () => {
    const { code, stderr } = await runCli(['serve', '--port', '0'], { HOLDFAST_API_KEYS: 'shop:secret' })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^HOLDFAST_API_KEYS must be name:scope:secret/)
    expect(stderr).not.toContain('shop:secret')
  })

  it('refuses an address that others can reach', async () => {
    const file = await temporaryFile()
    const { code, stderr } = await runCli(['serve', '--port', '0', '--host', '0.0.0.0', '--store', `sqlite:${file}`])
    expect(code).toBe(1)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    expect(stderr).toContain('loopback')
  })
})
