import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { temporaryFile } from '../support/folder.ts'
import { startService as serviceHere } from '../support/http.ts'
import { identity } from '../support/identities.ts'
import { startService } from '../support/service.ts'
import { runCli } from './cli.ts'

interface Seeded {
  readonly created: readonly string[]
  readonly existed: readonly string[]
}

/** Nobody listens on it. */
async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((closed) => server.close(closed))
  return port
}

describe('holdfast seed', () => {
  it('puts demo products into a store, and the second time says that they exist', async () => {
    const store = `sqlite:${await temporaryFile()}`
    const first = await runCli(['seed', '--store', store])
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(first.stdout).toContain('sneaker-aurora-42')
    expect(first.stdout).toContain('6 products created, 0 existed already.')

    const second = await runCli(['seed', '--json'], { HOLDFAST_STORE: store })
    expect(second).toMatchObject({ code: 0, stderr: '' })
    const { created, existed } = JSON.parse(second.stdout) as Seeded
    expect(created).toEqual([])
    expect(existed).toHaveLength(6)
  })

  it('gives them to a running service, whose store nobody else may open', async () => {
    const file = await temporaryFile()
    const service = await startService(`sqlite:${file}`)
    onTestFinished(() => service.kill())
    const seeded = await runCli(['seed', '--url', service.address, '--json'])
    expect(seeded).toMatchObject({ code: 0, stderr: '' })
    expect((JSON.parse(seeded.stdout) as Seeded).created).toHaveLength(6)
    expect((JSON.parse((await runCli(['seed', '--url', service.address, '--json'])).stdout) as Seeded).existed).toHaveLength(6)

    const preorder = await fetch(`${service.address}/v1/products/synth-mk2-preorder`)
    const { saleStartsAt, saleEndsAt } = (await preorder.json()) as { saleStartsAt: string; saleEndsAt: string }
    expect(Date.parse(saleEndsAt) - Date.parse(saleStartsAt)).toBe(24 * 60 * 60 * 1000)

    for (const command of ['seed', 'audit']) {
      const locked = await runCli([command, '--store', `sqlite:${file}`])
      expect(locked.code).toBe(1)
      expect(locked.stderr).toMatch(/is in use by another process/)
      expect(locked.stderr.trimEnd().split('\n')).toHaveLength(1)
    }
    expect(await service.stop()).toBe(0)
  })

  it('shows a service that has API keys the one in HOLDFAST_KEY, and so does a simulation', async () => {
    const service = await serviceHere({ identity })
    onTestFinished(() => service.close())
    const { secret } = identity.keys.find(({ scope }) => scope === 'admin')!
    const without = await runCli(['seed', '--url', service.address])
    expect(without.code).toBe(1)
    expect(without.stderr).toMatch(/API key/)
    expect(await runCli(['seed', '--url', service.address], { HOLDFAST_KEY: secret })).toMatchObject({ code: 0, stderr: '' })
    const sale = ['simulate', '--url', service.address, '--buyers', '50', '--stock', '10', '--json']
    expect((await runCli(sale, { HOLDFAST_KEY: secret })).code).toBe(0)
  })

  it('says so when no service answers', async () => {
    const address = `http://127.0.0.1:${await unusedPort()}`
    const { code, stderr } = await runCli(['seed', '--url', address])
    expect(code).toBe(1)
    expect(stderr).toBe(`${address} does not answer (ECONNREFUSED). Given up after 4 attempts.\n`)
  })
})
