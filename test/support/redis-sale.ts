import { expect } from 'vitest'
import { createHoldfast, redisStore, type Holdfast, type RedisOptions, type Store } from '../../src/index.ts'
import { postgresLedger } from '../../src/store/postgres/ledger.ts'
import { createFaultProxy, type FaultProxy } from './fault-proxy.ts'
import { until } from './postgres-locks.ts'
import { createPostgresServer, type PostgresServer } from './postgres-server.ts'
import { createRandom, seed } from './random.ts'
import { createRedisServer, type RedisServer } from './redis-server.ts'
import { createSaleProducts, saleCases, saleTotals, startSale, type Sale } from './sale.ts'
import { accepted } from './shop.ts'
import { createSometimes, type Sometimes } from './sometimes.ts'

/** Short waits, because the tests make them happen. */
const patience = { answerMsMax: 400, connectMsMax: 400, ledgerMsMax: 1_000 } satisfies Partial<RedisOptions>
const ledgerPatience = { lockMsMax: 300, statementMsMax: 600, connectMsMax: 500, connectionsMax: 4 }

/** A Redis and a PostgreSQL that the tests own, each behind a proxy. */
export interface SaleServers {
  readonly redis: RedisServer
  readonly postgres: PostgresServer
  /** The way of every node but those that go `around`. */
  readonly toRedis: FaultProxy
  readonly toPostgres: FaultProxy
  /** What happened in all sales together. */
  readonly sometimes: Sometimes<(typeof saleCases)[number]>
  readonly newShop: () => RedisShop
  readonly remove: () => Promise<void>
}

/** One namespace with its ledger, at which nodes may be opened. */
export interface RedisShop {
  /** The header of the namespace. */
  readonly header: string
  readonly redisUrl: (port: number) => string
  readonly ledgerUrl: (port: number) => string
  /** `around`: not by way of the proxies. */
  readonly open: (options?: Partial<RedisOptions> & { readonly around?: boolean }) => Promise<Node>
  /** The name of a key of the generation that is there now. */
  readonly key: (name: string) => Promise<string>
  /** Of the ledger. */
  readonly generation: () => Promise<number>
  /** Resolves when a later generation than this has been loaded, and a node on it answers. */
  readonly untilLoaded: (node: Node, after: number) => Promise<void>
  /**
   * A sale at some nodes, and the fault in its middle; then the verdict: the audit, every promise to a buyer, and nothing that is stuck (S9). The fault returns the Redis that is
   * there after it, if that is another.
   */
  readonly sell: (nodes: readonly Node[], fault: (sale: Sale) => Promise<RedisServer | void>) => Promise<void>
  readonly close: () => Promise<void>
}

export interface Node {
  readonly store: Store
  readonly shop: Holdfast
}

export async function createSaleServers(): Promise<SaleServers> {
  const [redis, postgres] = await Promise.all([createRedisServer(), createPostgresServer()])
  await Promise.all([redis.start(), postgres.start()])
  const [toRedis, toPostgres] = await Promise.all([createFaultProxy(redis.port), createFaultProxy(postgres.port)])
  const sometimes = createSometimes(saleCases)
  let shops = 0

  const newShop = (): RedisShop => {
    const name = `s${++shops}`
    const header = `{holdfast:${name}}`
    const nodes: Node[] = []
    const redisUrl = (port: number): string => `redis://127.0.0.1:${port}?namespace=${name}`
    const ledgerUrl = (port: number): string => `postgres://postgres@127.0.0.1:${port}/postgres?schema=${name}`

    const generation = async (): Promise<number> => {
      const [row] = await postgres.sql(`select generation::int as n from "${name}".ledger`)
      return Number(row?.['n'])
    }

    const open: RedisShop['open'] = async ({ around = false, ...options } = {}) => {
      const [first, second] = around ? [redis.port, postgres.port] : [toRedis.port, toPostgres.port]
      const ledger = await postgresLedger({ url: ledgerUrl(second), warn: () => {}, ...ledgerPatience })
      const store = await redisStore({ url: redisUrl(first), ledger, warn: () => {}, ...patience, ...options })
      const node = { store, shop: createHoldfast({ store }) }
      nodes.push(node)
      return node
    }

    const untilLoaded: RedisShop['untilLoaded'] = (node, after) =>
      until(`a generation after ${after}`, async () => {
        if ((await generation()) <= after) return false
        return isAnswering(node)
      })

    return {
      header,
      redisUrl,
      ledgerUrl,
      open,
      key: async (key) => `${header}:${await redis.cli('HGET', header, 'generation')}:${key}`,
      generation,
      untilLoaded,
      sell: async (sellers, fault) => {
        await createSaleProducts(sellers[0]!.shop)
        const shopsOfSale = sellers.map(({ shop }) => shop)
        const sale = startSale(shopsOfSale, createRandom(seed), { isForgetful: true, sometimes })
        let after = redis
        try {
          await sale.moreAnswers(300)
          after = (await fault(sale)) ?? redis
          await sale.moreAnswers(300)
        } finally {
          await sale.stop()
        }
        await until('an answer', () => isAnswering(sellers[0]!))
        await sale.verify(sellers[0]!.store)
        await sellTheRest(after, header, sellers[0]!)
      },
      close: async () => {
        toRedis.heal()
        toPostgres.heal()
        await Promise.all(nodes.map(({ shop }) => shop.close()))
      },
    }
  }

  return {
    redis,
    postgres,
    toRedis,
    toPostgres,
    sometimes,
    newShop,
    remove: async () => {
      await Promise.all([toRedis.close(), toPostgres.close()])
      await Promise.all([redis.remove(), postgres.remove()])
    },
  }
}

async function isAnswering({ store }: Node): Promise<boolean> {
  try {
    // Of Redis and the ledger.
    await store.reservations({ userId: null, sku: null, status: null }, { limit: 1, cursor: null })
    return true
  } catch {
    return false
  }
}

/** S9: the day after, nothing is reserved and every unit that was not sold can be. */
async function sellTheRest(redis: RedisServer, header: string, { shop }: Node): Promise<void> {
  const seconds = Number((await redis.cli('TIME')).split('\n')[0])
  await redis.cli('HSET', header, 'clock', String((seconds + 86_400) * 1_000))
  await until('everything due to be given back', async () => {
    await shop.sweep().catch(() => {})
    const stocks = await Promise.all([...saleTotals.keys()].map((sku) => shop.product(sku).catch(() => null)))
    return stocks.every((product) => product?.stock.reserved === 0)
  })
  for (const sku of ['few', 'many']) {
    const { available } = (await shop.product(sku))!.stock
    if (available > 0) {
      const last = accepted(await shop.reserve({ userId: 'last', items: [{ sku, quantity: available }] }))
      accepted(await shop.confirm(last.id))
    }
    const total = saleTotals.get(sku)
    expect((await shop.product(sku))!.stock, `S9 of ${sku}`).toMatchObject({ total, sold: total, reserved: 0 })
  }
}

/** The same again and again, until it is no fault. */
export async function untilAnswered<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  const answers: Answer[] = []
  await until('an answer', async () => {
    try {
      return answers.push(await ask()) > 0
    } catch (error) {
      if ((error as { code?: unknown }).code === 'store_unavailable') return false
      throw error
    }
  })
  return answers[0]!
}
