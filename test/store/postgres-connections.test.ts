import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createHoldfast, openStore, postgresStore, type PostgresOptions, type Store } from '../../src/index.ts'
import { createProduct, reserve } from '../../src/store/conformance/kit.ts'
import { createFaultProxy } from '../support/fault-proxy.ts'
import { openingRefusal } from '../support/opening.ts'
import { holdStock, until, untilWaitingForLocks, waitingForLocks } from '../support/postgres-locks.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'
import { accepted } from '../support/shop.ts'
import { expectSound } from '../support/sound.ts'

/** Of the server, besides those that it keeps for its owner. */
const connectionsMax = 12
const reserved = 3

let stores: PostgresStores

beforeAll(async () => {
  stores = await createPostgresStores({
    max_connections: String(connectionsMax + reserved),
    superuser_reserved_connections: String(reserved),
    // They would take places of their own.
    max_wal_senders: '0',
  })
  await stores.server.sql('create role shop login', 'grant create on database postgres to shop')
})

afterAll(() => stores.remove())

async function openFilled(schema: string, options: Partial<PostgresOptions> = {}): Promise<Store> {
  const store = await stores.open(schema, { connectMsMax: 400, lockMsMax: 10_000, ...options })
  onTestFinished(() => store.close())
  await store.execute([createProduct('a', 100), createProduct('b', 100)])
  return store
}

/** How long it takes until a call is the fault `store_unavailable`. */
async function msUntilUnavailable(call: Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await expect(call).rejects.toMatchObject({ code: 'store_unavailable' })
  return performance.now() - startedAt
}

describe('a store whose connections are all busy', () => {
  it('answers with a fault within the bound, and goes on by itself when one is free', async () => {
    const schema = stores.newSchema()
    const store = await openFilled(schema, { connectionsMax: 2 })
    const letGo = await holdStock(stores.server, schema, 'a')
    const waiting = [store.execute([reserve('ann', { a: 1 })]), store.execute([reserve('bob', { a: 1 })])]
    await untilWaitingForLocks(stores.server, schema, 2)

    const calls = [
      store.product('b'),
      store.events({ limit: 10, cursor: null }),
      store.nextDueInMs(),
      store.execute([reserve('eve', { b: 1 })]),
    ]
    for (const ms of await Promise.all(calls.map(msUntilUnavailable))) expect(ms).toBeLessThan(400 + 1_500)
    expect(await waitingForLocks(stores.server, schema), 'connections that are still busy').toBe(2)

    await letGo()
    for (const outcomes of await Promise.all(waiting)) expect(outcomes).toMatchObject([{ ok: true }])
    expect(await store.execute([reserve('eve', { b: 1 })])).toMatchObject([{ ok: true }])
    expect((await store.product('a'))?.stock.reserved).toBe(2)
    expect((await store.product('b'))?.stock.reserved, 'nothing was done behind a fault').toBe(1)
    await expectSound(store)
  })

  it('lets buyers of a shop go on without a restart', async () => {
    const schema = stores.newSchema()
    const store = await openFilled(schema, { connectionsMax: 1 })
    const shop = createHoldfast({ store })
    onTestFinished(() => shop.close())
    const letGo = await holdStock(stores.server, schema, 'a')
    const reserving = shop.reserve({ userId: 'ann', items: [{ sku: 'a', quantity: 1 }] })
    await untilWaitingForLocks(stores.server, schema, 1)
    expect(await msUntilUnavailable(shop.product('a'))).toBeLessThan(400 + 1_500)
    await letGo()
    const { id } = accepted(await reserving)
    expect(await shop.reservation(id)).toMatchObject({ status: 'active' })
    accepted(await shop.confirm(id))
  })

  it('reads while a batch waits for a lock', async () => {
    const schema = stores.newSchema()
    const store = await openFilled(schema, { connectionsMax: 2 })
    const [made] = await store.execute([reserve('ann', { a: 1 })])
    const letGo = await holdStock(stores.server, schema, 'a')
    const waiting = store.execute([reserve('bob', { a: 1 })])
    await untilWaitingForLocks(stores.server, schema, 1)
    const { id } = (made as unknown as { value: { id: string } }).value
    expect((await store.product('a'))?.stock.reserved).toBe(1)
    expect(await store.reservation(id)).toMatchObject({ id, status: 'active' })
    expect((await store.reservations({ userId: null, sku: 'a', status: null }, { limit: 10, cursor: null })).data).toHaveLength(1)
    expect((await store.events({ limit: 10, cursor: null })).data).toHaveLength(3)
    expect(await store.nextDueInMs()).toBeGreaterThan(0)
    expect(await waitingForLocks(stores.server, schema), 'batches that still wait').toBe(1)
    await letGo()
    expect(await waiting).toMatchObject([{ ok: true }])
  })
})

/** Take every connection that the server has, those of stores too; they are given back by the call. */
async function takeAllConnections(url: string): Promise<() => Promise<void>> {
  const taken: pg.Client[] = []
  const takeOne = async (): Promise<boolean> => {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => {})
    try {
      await client.connect()
    } catch (error) {
      expect((error as { code?: unknown }).code).toBe('53300')
      return false
    }
    taken.push(client)
    return true
  }
  const endStores = async (): Promise<number> =>
    (await stores.server.sql(`select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'holdfast'`)).length
  const giveBack = async (): Promise<void> => void (await Promise.all(taken.splice(0).map((client) => client.end())))
  onTestFinished(giveBack)
  do {
    while (await takeOne());
  } while ((await endStores()) > 0)
  return async () => {
    await giveBack()
    // The server is a moment later than the client.
    await until('the connections to end', async () => {
      const [row] = await stores.server.sql(
        `select count(*)::int as n from pg_stat_activity where application_name = '' and usename = 'shop'`,
      )
      return row?.['n'] === 0
    })
  }
}

describe('a server without a free connection', () => {
  const asShop = (): string => stores.server.url.replace('postgres@', 'shop@')

  it('is a fault at once, and is used again when it has one', async () => {
    const url = `${asShop()}?schema=${stores.newSchema()}`
    const shop = createHoldfast({ store: await postgresStore({ url, connectMsMax: 400, warn: () => {} }), expiry: 'manual' })
    onTestFinished(() => shop.close())
    accepted(await shop.createProduct({ sku: 'a', name: 'A', totalStock: 10 }))
    const giveBack = await takeAllConnections(asShop())

    const startedAt = performance.now()
    await expect(shop.product('a')).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringContaining('it has no free connection') as unknown,
    })
    const reserving = shop.reserve({ userId: 'ann', items: [{ sku: 'a', quantity: 1 }] }, { idempotencyKey: 'k' })
    await expect(reserving).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(performance.now() - startedAt).toBeLessThan(3_000)

    await giveBack()
    const { id } = accepted(await shop.reserve({ userId: 'ann', items: [{ sku: 'a', quantity: 1 }] }, { idempotencyKey: 'k' }))
    expect(await shop.reservation(id)).toMatchObject({ status: 'active' })
    expect((await shop.product('a'))?.stock.reserved).toBe(1)
  })

  it('is refused at opening with a sentence that says what to do', async () => {
    const giveBack = await takeAllConnections(asShop())
    const { code, message } = await openingRefusal(openStore(`${asShop()}?schema=${stores.newSchema()}`))
    await giveBack()
    expect(code).toBe('cannot_open')
    expect(message).toContain('has no free connection')
    expect(message).toContain('max_connections')
  })
})

describe('a server that falls silent', () => {
  it('does not keep a store from closing', async () => {
    const proxy = await createFaultProxy(stores.server.port)
    onTestFinished(() => proxy.close())
    const schema = stores.newSchema()
    const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres?schema=${schema}`
    const store = await stores.open(schema, { url })
    store.onOthers?.(() => {})
    expect(await store.product('a')).toBeNull()
    await until('the connection that listens', async () => {
      const [row] = await stores.server.sql(`select count(*)::int as n from pg_stat_activity where query = 'listen "holdfast_${schema}"'`)
      return row?.['n'] === 1
    })
    proxy.inspect = () => 'silent'
    const startedAt = performance.now()
    await store.close()
    expect(performance.now() - startedAt).toBeLessThan(3_000)
  })

  it('does not keep a store from saying at its opening that it cannot open', async () => {
    const proxy = await createFaultProxy(stores.server.port)
    onTestFinished(() => proxy.close())
    let asked = 0
    proxy.inspect = (piece, from) => (from === 'client' && piece.includes('holdfast_probe') && asked++ >= 0 ? 'silent' : 'pass')
    const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres?schema=${stores.newSchema()}`
    const startedAt = performance.now()
    const { code } = await openingRefusal(postgresStore({ url, statementMsMax: 100, warn: () => {} }))
    expect(code).toBe('cannot_open')
    expect(performance.now() - startedAt).toBeLessThan(2_100 + 3_000)
    expect(asked).toBe(1)
  })
})
