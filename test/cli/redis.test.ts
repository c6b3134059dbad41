import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { SimulationResult } from '../../src/cli/simulate/simulation.ts'
import { createHoldfast, openStore } from '../../src/index.ts'
import { temporaryFile } from '../support/folder.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'
import { createRedisServer, skipRedis, type RedisServer } from '../support/redis-server.ts'
import { accepted } from '../support/shop.ts'
import { startService, type ServiceProcess } from '../support/service.ts'
import { runCli } from './cli.ts'

describe.skipIf(skipRedis)('a store in Redis with a ledger', () => {
  let redis: RedisServer
  let postgres: PostgresStores

  beforeAll(async () => {
    redis = await createRedisServer({ requirepass: 'secret' })
    ;[postgres] = await Promise.all([createPostgresStores(), redis.start()])
  })

  afterAll(() => Promise.all([redis.remove(), postgres.remove()]))

  let namespaces = 0
  const newUrl = (): string => `${redis.url}?namespace=n${++namespaces}`

  async function serve(store: string, ledger: string): Promise<ServiceProcess> {
    const service = await startService(store, ledger)
    onTestFinished(() => service.kill())
    return service
  }

  async function post(service: ServiceProcess, path: string, body: object, key: string): Promise<{ status: number; body: { id: string } }> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key }
    const answer = await fetch(`${service.address}/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    return { status: answer.status, body: (await answer.json()) as { id: string } }
  }

  const read = async (service: ServiceProcess, path: string): Promise<unknown> => (await fetch(`${service.address}/v1${path}`)).json()

  it('is served, and goes on where it was after a restart of the service (O1, I1)', async () => {
    const [store, ledger] = [newUrl(), `sqlite:${await temporaryFile('ledger.db')}`]
    const first = await serve(store, ledger)
    expect(first.line).toBe(`Holdfast answers at ${first.address} (store ${store.replace('secret', '***')}, ledger ${ledger})`)
    expect((await post(first, '/products', { sku: 'a', name: 'A', totalStock: 3 }, 'p')).status).toBe(201)
    const cart = { userId: 'ann', items: [{ sku: 'a', quantity: 1 }] }
    const [bought, held] = [await post(first, '/reservations', cart, 'r1'), await post(first, '/reservations', cart, 'r2')]
    const order = await post(first, `/reservations/${bought.body.id}/confirm`, {}, 'c1')
    expect([bought.status, held.status, order.status]).toEqual([201, 201, 201])
    expect(await first.stop()).toBe(0)

    const second = await serve(store, ledger)
    expect(await read(second, '/products/a/stock')).toMatchObject({ total: 3, reserved: 1, sold: 1 })
    expect(await read(second, `/orders/${order.body.id}`)).toEqual(order.body)
    expect(await post(second, `/reservations/${bought.body.id}/confirm`, {}, 'c1')).toMatchObject({ body: order.body })
    expect(await read(second, `/reservations/${held.body.id}`)).toMatchObject({ status: 'active' })
    expect((await post(second, `/reservations/${held.body.id}/confirm`, {}, 'c2')).status).toBe(201)

    const locked = await runCli(['audit', '--store', store, '--ledger', ledger])
    expect(locked.code).toBe(1)
    expect(locked.stderr).toMatch(/^The ledger cannot be opened\. .*ledger\.db is in use by another process/)
    expect(await second.stop()).toBe(0)

    const audited = await runCli(['audit', '--json'], { HOLDFAST_STORE: store, HOLDFAST_LEDGER: ledger })
    expect(audited).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(audited.stdout)).toMatchObject({ ok: true, store: store.replace('secret', '***'), ledger, products: 1, orders: 2 })

    const alone = await runCli(['serve', '--port', '0', '--store', ledger])
    expect(alone.code).toBe(1)
    expect(alone.stderr).toMatch(/is the ledger of a Redis store\. Open it as such: --store redis:\/\/HOST:PORT --ledger sqlite:/)
  })

  it('is seeded, sold out and audited, by two services on one ledger in PostgreSQL (S1–S6)', async () => {
    const [store, ledger] = [newUrl(), `${postgres.server.url}?schema=${postgres.newSchema()}`]
    const place = ['--store', store, '--ledger', ledger]
    expect(JSON.parse((await runCli(['seed', ...place, '--json'])).stdout)).toMatchObject({ existed: [] })
    expect((await runCli(['seed', ...place])).stdout).toContain('0 products created, 6 existed already.')
    const [one, other] = await Promise.all([serve(store, ledger), serve(store, ledger)])
    const sales = await Promise.all(
      [one, other].map(({ address }) =>
        // Its environment means others.
        runCli(['simulate', '--buyers', '100', '--stock', '20', '--ttl', '1', '--url', address, '--json'], { HOLDFAST_LEDGER: 'nonsense' }),
      ),
    )
    expect(sales.map(({ code }) => code)).toEqual([0, 0])
    const audited = await runCli(['audit', ...place])
    expect(audited.stdout).toContain('Every unit is accounted for')
    expect(audited.code).toBe(0)
    expect([await one.stop(), await other.stop()]).toEqual([0, 0])
    for (const { stdout, stderr } of [...sales, audited]) expect(stdout + stderr).not.toContain('secret')
  })

  it('is kept when a sale is simulated in it', async () => {
    const place = ['--store', newUrl(), '--ledger', `sqlite:${await temporaryFile('ledger.db')}`]
    const { code, stdout } = await runCli(['simulate', '--buyers', '300', '--stock', '40', '--ttl', '1', ...place, '--json'])
    const result = JSON.parse(stdout) as SimulationResult
    expect(result).toMatchObject({ ok: true, units: { onSale: 40, sold: 40, oversold: 0 }, audit: { ok: true } })
    expect(code).toBe(0)
    expect((await runCli(['audit', ...place])).code).toBe(0)
  })

  it('moves its ledger from SQLite to PostgreSQL, and keeps its open reservations (O1)', async () => {
    const [store, file] = [newUrl(), `sqlite:${await temporaryFile('ledger.db')}`]
    const before = createHoldfast({ store: await openStore(store, { ledger: file }) })
    accepted(await before.createProduct({ sku: 'a', name: 'A', totalStock: 3 }))
    const reserve = async () => accepted(await before.reserve({ userId: 'ann', items: [{ sku: 'a', quantity: 1 }] }))
    const order = accepted(await before.confirm((await reserve()).id))
    const held = await reserve()
    await before.close()
    const ledger = `${postgres.server.url}?schema=${postgres.newSchema()}`
    expect(await runCli(['copy', '--from', file, '--to', ledger, '--json'])).toMatchObject({ code: 0, stderr: '' })
    await using after = createHoldfast({ store: await openStore(store, { ledger }) })
    expect(await after.order(order.id)).toEqual(order)
    accepted(await after.confirm(held.id))
    expect(await after.product('a')).toMatchObject({ stock: { reserved: 0, sold: 2 } })
  })

  it.each([
    [['audit', '--store', 'redis://127.0.0.1:1'], /^A store in Redis needs a ledger, in which sales are kept\. Add --ledger postgres:/],
    [
      ['serve', '--port', '0', '--store', 'redis://:secret@127.0.0.1:1', '--ledger', 'sqlite::memory:'],
      /^The Redis at 127\.0\.0\.1:1 cannot be reached/,
    ],
    [['seed', '--store', 'sqlite::memory:', '--ledger', 'sqlite:x.db'], /^Only a store in Redis has a ledger/],
    [['simulate', '--store', 'redis://127.0.0.1:1', '--ledger', 'redis://127.0.0.1:1'], /so it cannot be in Redis/],
  ])('is refused with one sentence and exit code 1: %j', async (args, sentence) => {
    const { code, stdout, stderr } = await runCli(args)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(sentence)
    expect(stderr).not.toContain('secret')
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  })

  it('is audited as it is: a Redis that holds nothing of the ledger is not loaded by whoever looks (O1)', async () => {
    const [store, ledger] = [newUrl(), `sqlite:${await temporaryFile('ledger.db')}`]
    const before = createHoldfast({ store: await openStore(store, { ledger }) })
    accepted(await before.createProduct({ sku: 'a', name: 'A', totalStock: 3 }))
    const held = accepted(await before.reserve({ userId: 'ann', items: [{ sku: 'a', quantity: 1 }] }))
    await before.close()
    const empty = await runCli(['audit', '--store', store.replace('?', '/1?'), '--ledger', ledger])
    expect(empty).toMatchObject({ code: 1, stdout: '' })
    expect(empty.stderr).toMatch(/is not what the ledger last loaded, for generation 1: .*\. Nothing was taken over\. Start the service/)
    const typo = await runCli(['audit', '--store', `${store}typo`, '--ledger', ledger])
    expect(typo).toMatchObject({ code: 1, stdout: '' })
    expect(typo.stderr).toMatch(/^The ledger belongs to the namespace "n\d+", not to "n\d+typo"\. Name that one in the URL/)
    expect(await runCli(['audit', '--store', store, '--ledger', ledger])).toMatchObject({ code: 0, stderr: '' })
    await using after = createHoldfast({ store: await openStore(store, { ledger }) })
    accepted(await after.confirm(held.id))
  })

  it('is not audited, and no ledger made, where there is none', async () => {
    const file = await temporaryFile('ledger.db')
    const { code, stderr } = await runCli(['audit', '--store', newUrl(), '--ledger', `sqlite:${file}`])
    expect({ code, stderr }).toEqual({ code: 1, stderr: `There is no file ${file}; nothing was audited.\n` })
    expect(existsSync(file)).toBe(false)
  })

  it('may be tried out without a file', async () => {
    const store = await openStore(newUrl(), { ledger: 'sqlite::memory:' })
    expect(await store.products({ limit: 1, cursor: null })).toEqual({ data: [], nextCursor: null })
    await store.close()
  })
})
