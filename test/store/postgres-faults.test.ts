import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createHoldfast, type Holdfast, type PostgresOptions, type Store } from '../../src/index.ts'
import { createFaultProxy, type FaultProxy } from '../support/fault-proxy.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'
import { createRandom, seed } from '../support/random.ts'
import { createSaleProducts, startSale, type Sale } from '../support/sale.ts'

/** Short waits, because the tests make them happen. */
const options = { lockMsMax: 300, statementMsMax: 600, connectMsMax: 500 } satisfies Partial<PostgresOptions>

let stores: PostgresStores
let proxy: FaultProxy

beforeAll(async () => {
  stores = await createPostgresStores()
  proxy = await createFaultProxy(stores.server.port)
})

afterAll(async () => {
  await proxy.close()
  await stores.remove()
})

interface Drop {
  readonly sale: Sale
  readonly schema: string
}

/** A sale at two nodes, one of which has the proxy before its database; the verdict after it is over. */
async function duringASale(fault: (drop: Drop) => Promise<void>): Promise<void> {
  const schema = stores.newSchema()
  const direct = await stores.open(schema, options)
  const proxied = await stores.open(schema, { ...options, url: `postgres://postgres@127.0.0.1:${proxy.port}/postgres?schema=${schema}` })
  const shops = [direct, proxied].map((store: Store): Holdfast => createHoldfast({ store }))
  onTestFinished(async () => {
    proxy.heal()
    await Promise.all(shops.map((shop) => shop.close()))
  })
  await createSaleProducts(shops[0]!)
  const sale = startSale(shops, createRandom(seed))
  await sale.moreAnswers(200)
  await fault({ sale, schema })
  await sale.moreAnswers(300)
  await sale.stop()
  await sale.verify(direct)
}

/** How a commit looks on its way: the name of its prepared statement in the message that runs it. */
const isCommit = (piece: Buffer): boolean => piece.includes('\0commit\0')

describe('PostgreSQL fails in the middle of a sale', () => {
  console.log(`HOLDFAST_SEED=${seed}`)

  it('and is stopped at once, recovers, and is found again (S1–S6, H1, O1–O4, I1)', async () => {
    await duringASale(async ({ sale }) => {
      for (let round = 0; round < 2; round++) {
        await stores.server.stop('immediate')
        await sale.moreFaults(50)
        await stores.server.start()
        await sale.moreAnswers(100)
      }
    })
  })

  it('and ends all connections, again and again (S1–S6, H1, O1–O4, I1)', async () => {
    await duringASale(async ({ sale, schema }) => {
      for (let round = 0; round < 10; round++) {
        await stores.server.sql(
          `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'holdfast' and '${schema}' <> ''`,
        )
        await sale.moreAnswers(30)
      }
    })
  })

  it('and the answers to its commits are lost: unknown outcomes become one answer (O4, I1)', async () => {
    await duringASale(async ({ sale }) => {
      const committing = new WeakSet<object>()
      let lost = 0
      proxy.inspect = (piece, from, connection) => {
        if (from === 'client') {
          if (isCommit(piece)) committing.add(connection)
          return 'pass'
        }
        if (!committing.delete(connection) || ++lost % 3 !== 0) return 'pass'
        return 'reset'
      }
      await sale.moreAnswers(600)
      proxy.heal()
      expect(lost, 'commits that went through the proxy').toBeGreaterThan(9)
    })
  })

  it('and its commits are lost on their way (O4, I1)', async () => {
    await duringASale(async ({ sale }) => {
      let seen = 0
      proxy.inspect = (piece, from) => (from === 'client' && isCommit(piece) && ++seen % 3 === 0 ? 'reset' : 'pass')
      await sale.moreAnswers(600)
      proxy.heal()
      expect(seen).toBeGreaterThan(9)
    })
  })

  it('and a commit falls silent on its way, while its locks are held (O4, S7)', async () => {
    await duringASale(async ({ sale }) => {
      let seen = 0
      proxy.inspect = (piece, from) => (from === 'client' && isCommit(piece) && ++seen === 5 ? 'silent' : 'pass')
      await sale.moreAnswers(100)
      await sale.moreAnswers(200)
      proxy.heal()
      expect(seen).toBeGreaterThanOrEqual(5)
    })
  })

  it('and is slow (S1–S6)', async () => {
    await duringASale(async ({ sale }) => {
      proxy.delayMs = 15
      await sale.moreAnswers(200)
      proxy.heal()
    })
  })

  it('and is read-only for a while, as after a failover (S1–S6, O1)', async () => {
    await duringASale(async ({ sale }) => {
      await stores.server.sql('alter system set default_transaction_read_only = on', 'select pg_reload_conf()')
      await sale.moreFaults(50)
      const writable = 'set default_transaction_read_only = off'
      await stores.server.sql(writable, 'alter system reset default_transaction_read_only', 'select pg_reload_conf()')
    })
  })

  it('and cannot be reached by one node, while the other goes on (S1–S6, O1)', async () => {
    await duringASale(async ({ sale }) => {
      proxy.refusing = true
      proxy.resetAll()
      await sale.moreFaults(50)
      await sale.moreAnswers(100)
      proxy.heal()
    })
  })
})

describe('a database that is away', () => {
  it('is a fault within the bound, and nothing needs a restart', async () => {
    const schema = stores.newSchema()
    const store = await stores.open(schema, { ...options, url: `postgres://postgres@127.0.0.1:${proxy.port}/postgres?schema=${schema}` })
    onTestFinished(() => store.close())
    expect(await store.nextDueInMs()).toBeNull()
    proxy.refusing = true
    proxy.resetAll()
    const startedAt = performance.now()
    await expect(store.product('a')).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(performance.now() - startedAt).toBeLessThan(options.connectMsMax + 1_000)
    proxy.heal()
    expect(await store.product('a')).toBeNull()

    proxy.inspect = () => 'silent'
    const silentAt = performance.now()
    await expect(store.product('a')).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(performance.now() - silentAt).toBeLessThan(options.statementMsMax + 4_000)
    proxy.heal()
    expect(await store.product('a')).toBeNull()
  })
})
