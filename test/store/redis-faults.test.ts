import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { until } from '../support/postgres-locks.ts'
import { seed } from '../support/random.ts'
import { createRedisPair } from '../support/redis-replica.ts'
import { createSaleServers, untilAnswered, type Node, type RedisShop, type SaleServers } from '../support/redis-sale.ts'
import { skipRedis } from '../support/redis-server.ts'
import { accepted, verdict } from '../support/shop.ts'

describe.skipIf(skipRedis)('Redis loses its memory in the middle of a sale', () => {
  console.log(`HOLDFAST_SEED=${seed}`)
  let servers: SaleServers

  beforeAll(async () => {
    servers = await createSaleServers()
  })

  afterAll(async () => {
    await servers.remove()
    servers.sometimes.expectAll('Redis loses its memory')
  })

  async function openNodes(): Promise<{ shop: RedisShop; nodes: readonly [Node, Node] }> {
    const shop = servers.newShop()
    onTestFinished(() => shop.close())
    return { shop, nodes: [await shop.open(), await shop.open()] }
  }

  it('restarts empty, twice (S1–S6, S9, H1–H3, O1–O4, I1)', async () => {
    const { shop, nodes } = await openNodes()
    await shop.sell(nodes, async (sale) => {
      for (let round = 0; round < 2; round++) {
        const before = await shop.generation()
        await servers.redis.kill()
        await sale.moreFaults(30)
        await servers.redis.start()
        await shop.untilLoaded(nodes[1], before)
        await sale.moreAnswers(200)
      }
    })
  })

  it('restarts with an older copy of its data (S1–S6, S9, H1–H3, O1–O4, I1)', async () => {
    const { shop, nodes } = await openNodes()
    await shop.sell(nodes, async (sale) => {
      await servers.redis.cli('SAVE')
      await sale.moreAnswers(200)
      const before = await shop.generation()
      await servers.redis.kill()
      await servers.redis.start()
      expect(Number(await servers.redis.cli('DBSIZE'))).toBeGreaterThan(0)
      await shop.untilLoaded(nodes[1], before)
    })
    await rm(join(servers.redis.folder, 'dump.rdb'))
  })

  it('is replaced by a replica that lagged (S1–S6, S9, H1–H3, O1–O4, I1)', async () => {
    const pair = await createRedisPair()
    onTestFinished(() => pair.remove())
    servers.toRedis.target = pair.primary.port
    onTestFinished(() => {
      servers.toRedis.target = servers.redis.port
    })
    const { shop, nodes } = await openNodes()
    await shop.sell(nodes, async (sale) => {
      await pair.lag()
      await sale.moreAnswers(200)
      const before = await shop.generation()
      await pair.promote()
      servers.toRedis.target = pair.replica.port
      servers.toRedis.resetAll()
      await shop.untilLoaded(nodes[1], before)
      return pair.replica
    })
  })

  it('is emptied (S1–S6, S9, H1–H3, O1–O4, I1)', async () => {
    const { shop, nodes } = await openNodes()
    await shop.sell(nodes, async (sale) => {
      for (let round = 0; round < 3; round++) {
        const before = await shop.generation()
        await servers.redis.cli('FLUSHALL')
        await shop.untilLoaded(nodes[round % 2]!, before)
        await sale.moreAnswers(100)
      }
    })
  })

  // What D is lost for would never come back, what u is lost for could be had more often than the limit allows. '' is the header. N only tells the timer when to look.
  it('loses a single key, one after another (S1–S6, S9, H1–H3, O1–O4, I1, U1)', async () => {
    const { shop, nodes } = await openNodes()
    await shop.sell(nodes, async (sale) => {
      for (const name of ['N', '', 's:few', 's:many', 'p:few', 'r', 'j', 'h', 'D:few', 'U:few', 'D:many', 'U:many', 'u:each']) {
        const before = await shop.generation()
        const held = await untilAnswered(() => nodes[0].shop.reserve({ userId: 'held', items: [{ sku: 'many', quantity: 1 }] }))
        await until(`the key "${name}" to be there and lost`, async () => {
          const key = name === '' ? shop.header : await shop.key(name)
          return (await servers.redis.cli('DEL', key)) === '1'
        })
        if (name === 'p:few') await nodes[0].store.product('few').catch(() => {})
        // Nobody else may ask for what was there before.
        if (name === 'r') expect(verdict(await untilAnswered(() => nodes[0].shop.confirm(accepted(held).id)))).toBe('reservation_lost')
        if (name !== 'N') await shop.untilLoaded(nodes[0], before)
        await sale.moreAnswers(60)
      }
    })
  })
})
