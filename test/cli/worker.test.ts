import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { createHoldfast, sqliteStore } from '../../src/index.ts'
import { temporaryFile } from '../support/folder.ts'
import { startService } from '../support/service.ts'
import { accepted } from '../support/shop.ts'
import { runCli } from './cli.ts'

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

it('holdfast worker gives back what is due, which serve --no-worker leaves to it', async () => {
  const path = await temporaryFile()
  const open = async () => createHoldfast({ store: await sqliteStore({ path }), expiry: 'manual' })
  const before = await open()
  accepted(await before.createProduct({ sku: 'a', name: 'A', totalStock: 1 }))
  const { id } = accepted(await before.reserve({ userId: 'ann', items: [{ sku: 'a', quantity: 1 }], ttlSeconds: 1 }))
  await before.close()

  const service = await startService(`sqlite:${path}`, undefined, ['--no-worker'])
  const ask = async (of: string) => (await (await fetch(`${service.address}${of}`)).json()) as { status: string; data: { type: string }[] }
  while ((await ask(`/v1/reservations/${id}`)).status !== 'expired') await delay(50)
  await delay(50)
  expect((await ask('/v1/events')).data.map(({ type }) => type)).not.toContain('reservation.expired')
  expect(await service.stop()).toBe(0)

  const worker = spawn(process.execPath, [main, 'worker', '--store', `sqlite:${path}`, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const exited = once(worker, 'exit')
  const line = String((await once(worker.stdout, 'data'))[0])
  expect(line).toMatch(/^Holdfast works on sqlite:.*, and says how it is at http:\/\/127\.0\.0\.1:\d+\n$/)
  const address = /http:\S+/.exec(line)![0]
  expect(await (await fetch(`${address}/readyz`)).json()).toMatchObject({ status: 'ready', parts: { store: 'ready' } })
  expect(await (await fetch(`${address}/metrics`)).text()).toMatch(/^holdfast_expired_\w+ 1$/m)
  expect((await fetch(`${address}/v1/products`)).status, 'it sells nothing').toBe(404)
  const second = await runCli(['worker', '--store', `sqlite:${path}`])
  expect(second).toMatchObject({ code: 1, stdout: '' })
  expect(second.stderr).toMatch(/in use by another process/)
  worker.kill('SIGTERM')
  expect(await exited).toEqual([0, null])

  const after = await open()
  expect((await after.events()).data.map(({ type }) => type)).toContain('reservation.expired')
  await after.close()
})
