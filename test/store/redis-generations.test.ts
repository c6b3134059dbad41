import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { runs } from '../support/faulty-node.ts'
import { until } from '../support/postgres-locks.ts'
import { createSaleServers, type Node, type RedisShop, type SaleServers } from '../support/redis-sale.ts'
import { skipRedis } from '../support/redis-server.ts'
import { accepted } from '../support/shop.ts'

const one = (sku: string) => ({ userId: 'ann', items: [{ sku, quantity: 1 }] })

describe.skipIf(skipRedis)('what an older generation answers', () => {
  let servers: SaleServers

  beforeAll(async () => {
    servers = await createSaleServers()
  })

  afterAll(() => servers.remove())

  async function open(): Promise<{ place: RedisShop; node: Node }> {
    const place = servers.newShop()
    onTestFinished(() => place.close())
    const node = await place.open({ ledgerMsMax: 5_000, answerMsMax: 5_000 })
    accepted(await node.shop.createProduct({ sku: 'a', name: 'A', totalStock: 1_000 }))
    return { place, node }
  }

  /** The answers of PostgreSQL to a connection that has sent a statement wait, once. */
  function holdAnswersTo(name: string): { readonly isHeld: () => boolean } {
    let caught: object | null = null
    servers.toPostgres.inspect = (piece, from, connection) => {
      if (from === 'client') {
        if (caught === null && runs(piece, name)) caught = connection
        return 'pass'
      }
      return connection === caught ? 'hold' : 'pass'
    }
    return { isHeld: () => servers.toPostgres.held === 1 }
  }

  it('does not count for the next: a sale is acknowledged when the ledger has it and not before (O1)', async () => {
    const { place, node } = await open()
    // The journal of the old generation is longer than that of the new.
    for (let round = 0; round < 10; round++) accepted(await node.shop.confirm(accepted(await node.shop.reserve(one('a'))).id))
    const held = accepted(await node.shop.reserve(one('a')))
    const append = holdAnswersTo('moveLedger')
    const unknown = node.shop.confirm(held.id)
    unknown.catch(() => {})
    await until('the answer of the ledger to be on its way', append.isHeld)
    const before = await place.generation()
    await servers.redis.cli('FLUSHALL')
    await until('a new generation', async () => (await place.generation()) > before)
    await until('an answer', () =>
      node.store.product('a').then(
        () => true,
        () => false,
      ),
    )
    const made = accepted(await node.shop.reserve(one('a')))
    const confirmed = node.shop.confirm(made.id)
    confirmed.catch(() => {})
    await until('the sale to be in the journal', async () => Number(await servers.redis.cli('HGET', await place.key('h'), 'head')) === 2)
    servers.toPostgres.inspect = () => 'pass'
    servers.toPostgres.deliver()
    const order = accepted(await confirmed)
    await servers.redis.cli('FLUSHALL')
    await place.untilLoaded(node, before + 1)
    expect(await node.store.order(order.id)).toEqual(order)
  })

  it('is not a journal for ever that the ledger rejects: what is in Redis cannot be right (S6, S9)', async () => {
    const { place, node } = await open()
    const before = await place.generation()
    // Somebody put more on sale than there is.
    const key = await place.key('s:a')
    const text = await servers.redis.cli('GET', key)
    await servers.redis.cli('SET', key, text.replace(/^1000 /, '9000 '))
    const made = accepted(await node.shop.reserve({ userId: 'bob', items: [{ sku: 'a', quantity: 2_000 }] }))
    await expect(node.shop.confirm(made.id)).rejects.toMatchObject({ code: 'store_unavailable' })
    await place.untilLoaded(node, before)
    expect((await node.store.product('a'))?.stock).toMatchObject({ total: 1_000, reserved: 0, sold: 0, available: 1_000 })
  })

  it('is waited for: a node that finds a generation being loaded does not begin another (H1)', async () => {
    const { place, node } = await open()
    const other = await place.open({ around: true })
    const before = await place.generation()
    servers.toRedis.inspect = (piece, from) => (from === 'client' && piece.includes('loading') ? 'hold' : 'pass')
    await servers.redis.cli('FLUSHALL')
    await expect(node.shop.reserve(one('a'))).rejects.toMatchObject({ code: 'store_unavailable' })
    await until('one to load', () => servers.toRedis.held === 1)
    await expect(other.shop.reserve(one('a'))).rejects.toMatchObject({ code: 'store_unavailable' })
    await until('the other to wait', async () => {
      const [row] = await servers.postgres.sql(`select count(*)::int as n from pg_stat_activity where query like 'select pg_try_advisory%'`)
      return row?.['n'] === 2
    })
    servers.toRedis.inspect = () => 'pass'
    servers.toRedis.deliver()
    await Promise.all([node, other].map((each) => place.untilLoaded(each, before)))
    expect(await place.generation()).toBe(before + 1)
  })
})
