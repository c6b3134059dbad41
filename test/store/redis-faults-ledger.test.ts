import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { RedisOptions } from '../../src/index.ts'
import { until } from '../support/postgres-locks.ts'
import { seed } from '../support/random.ts'
import { createSaleServers, untilAnswered, type Node, type RedisShop, type SaleServers } from '../support/redis-sale.ts'
import { skipRedis } from '../support/redis-server.ts'
import { accepted, verdict } from '../support/shop.ts'
import { expectSound } from '../support/sound.ts'

const ledgerMsMax = 500
const oneOfA = (userId: string) => ({ userId, items: [{ sku: 'a', quantity: 1 }] })
const nobodyKnows = '019abcde-0000-7000-8000-000000000000'

const away: [string, (servers: SaleServers) => Promise<void>, (servers: SaleServers) => Promise<void>][] = [
  ['is stopped at once', ({ postgres }) => postgres.stop('immediate'), ({ postgres }) => postgres.start()],
  [
    'hangs',
    async ({ toPostgres }) => {
      toPostgres.inspect = () => 'silent'
    },
    async ({ toPostgres }) => toPostgres.heal(),
  ],
]

describe.skipIf(skipRedis)('a ledger or a Redis that takes nothing for a while', () => {
  console.log(`HOLDFAST_SEED=${seed}`)
  let servers: SaleServers

  beforeAll(async () => {
    servers = await createSaleServers()
  })

  afterAll(async () => {
    await servers.remove()
    servers.sometimes.expectAll('the ledger is away', ['a reservation that was open when the memory was lost'])
  })

  async function open(options: Partial<RedisOptions> = {}): Promise<{ place: RedisShop; node: Node }> {
    const place = servers.newShop()
    onTestFinished(() => place.close())
    const node = await place.open({ ledgerMsMax, ...options })
    return { place, node }
  }

  describe.each(away)('the ledger %s', (_, go, returnToWork) => {
    let isAway = false
    const leave = async (of: SaleServers): Promise<void> => {
      isAway = true
      await go(of)
    }
    const comeBack = async (of: SaleServers): Promise<void> => {
      if (isAway) await returnToWork(of)
      isAway = false
    }

    afterEach(() => comeBack(servers))

    it('in the middle of a sale (S1–S6, S9, H1–H3, O1–O4, I1)', async () => {
      const { place, node } = await open()
      const before = await place.generation()
      await place.sell([node, await place.open({ ledgerMsMax })], async (sale) => {
        await leave(servers)
        await sale.moreFaults(20)
        await comeBack(servers)
        await sale.moreAnswers(200)
      })
      expect(await place.generation(), 'nothing was lost').toBe(before)
    })

    it('and reservations, extensions and cancellations go on, whatever else is asked for beside them (O1, O4, I1)', async () => {
      const { place, node } = await open()
      const { shop } = node
      accepted(await shop.createProduct({ sku: 'a', name: 'A', totalStock: 1_000 }))
      const made = []
      for (let count = 0; count < 4; count++) made.push(accepted(await shop.reserve(oneOfA('ann'))))
      const [sold, given, kept, bought] = made as [(typeof made)[0], (typeof made)[0], (typeof made)[0], (typeof made)[0]]
      const order = accepted(await shop.confirm(sold.id))
      await leave(servers)
      const startedAt = performance.now()
      const needLedger = [
        shop.confirm(bought.id, {}, { idempotencyKey: 'c' }),
        shop.cancelOrder(order.id, {}, { idempotencyKey: 'o' }),
        shop.adjustStock('a', { delta: 5 }, { idempotencyKey: 'd' }),
        shop.confirm(nobodyKnows),
      ]
      const settled = Promise.allSettled(needLedger)
      // In one batch with those.
      const others = await Promise.all([shop.reserve(oneOfA('bob')), shop.extend(kept.id, { ttlSeconds: 7_200 }), shop.cancel(given.id)])
      expect(others.map(verdict)).toEqual(['ok', 'ok', 'ok'])
      for (const answer of await settled) expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } })
      // Two wait for it one after the other, and a database that hangs has bounds of its own.
      expect(performance.now() - startedAt, 'milliseconds').toBeLessThan(10 * ledgerMsMax)
      await comeBack(servers)

      const answered = await untilAnswered(() => shop.confirm(bought.id, {}, { idempotencyKey: 'c' }))
      const again = accepted(await shop.confirm(bought.id, {}, { idempotencyKey: 'c' }))
      expect(again).toEqual(accepted(answered))
      expect(await node.store.order(again.id)).toEqual(again)
      expect(verdict(await untilAnswered(() => shop.confirm(nobodyKnows)))).toBe('reservation_not_found')
      accepted(await untilAnswered(() => shop.cancelOrder(order.id, {}, { idempotencyKey: 'o' })))
      accepted(await untilAnswered(() => shop.adjustStock('a', { delta: 5 }, { idempotencyKey: 'd' })))
      expect((await node.store.product('a'))?.stock).toMatchObject({ total: 1_005, reserved: 2, sold: 1 })
      await expectSound(node.store)
      expect(await place.generation(), 'nothing was lost').toBe(1)
    })
  })

  it('lets in no more reservations than may wait for the ledger, and what ends goes on (S9)', async () => {
    const { node } = await open({ pendingMax: 50 })
    const { shop } = node
    accepted(await shop.createProduct({ sku: 'a', name: 'A', totalStock: 1_000 }))
    servers.toPostgres.inspect = () => 'silent'
    const ids: string[] = []
    await until('the journal to be full', async () => {
      try {
        ids.push(accepted(await shop.reserve(oneOfA('ann'))).id)
        return false
      } catch (error) {
        expect(error).toMatchObject({ code: 'store_unavailable' })
        return true
      }
    })
    expect(ids).toHaveLength(50)
    const [refused, ended] = await Promise.allSettled([shop.reserve(oneOfA('bob')), shop.cancel(ids[0]!)])
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } })
    expect(ended).toMatchObject({ status: 'fulfilled', value: { ok: true } })
    servers.toPostgres.heal()
    accepted(await untilAnswered(() => shop.reserve(oneOfA('bob'))))
    await untilAnswered(() => expectSound(node.store))
    expect((await node.store.product('a'))?.stock).toMatchObject({ reserved: 50 })
  })

  it('answers in place of Redis, and what it answered to a key stays the answer (I2, I3)', async () => {
    const { node } = await open()
    const { shop } = node
    accepted(await shop.createProduct({ sku: 'a', name: 'A', totalStock: 1_000 }))
    const { id } = accepted(await shop.reserve(oneOfA('ann')))
    const order = accepted(await shop.confirm(id))
    // From here on only the ledger knows it.
    await node.store.orders({ userId: null }, { limit: 1, cursor: null })
    expect(await shop.confirm(id, {}, { idempotencyKey: 'k' })).toEqual({ ok: true, value: order, created: false, replayed: false })
    accepted(await shop.cancelOrder(order.id))
    expect(await shop.confirm(id, {}, { idempotencyKey: 'k' })).toEqual({ ok: true, value: order, created: false, replayed: true })
    expect(verdict(await shop.confirm(id, { metadata: { note: 'other' } }, { idempotencyKey: 'k' }))).toBe('idempotency_key_reused')
    expect(verdict(await shop.confirm(id))).toBe('order_cancelled')
  })

  describe('Redis has no memory left', () => {
    it('in the middle of a sale (S1–S6, S9, H1–H3, O1–O4, I1)', async () => {
      const { place, node } = await open()
      await place.sell([node, await place.open()], async (sale) => {
        await servers.redis.cli('CONFIG', 'SET', 'maxmemory', '1')
        await sale.moreFaults(20)
        await servers.redis.cli('CONFIG', 'SET', 'maxmemory', '0')
      })
    })

    it('and what sells, ends or is given back goes on, beside reservations that do not (S9)', async () => {
      const { node } = await open()
      const { shop } = node
      accepted(await shop.createProduct({ sku: 'a', name: 'A', totalStock: 1_000 }))
      const [sold, given] = [accepted(await shop.reserve(oneOfA('ann'))), accepted(await shop.reserve(oneOfA('bob')))]
      await servers.redis.cli('CONFIG', 'SET', 'maxmemory', '1')
      onTestFinished(async () => void (await servers.redis.cli('CONFIG', 'SET', 'maxmemory', '0')))
      const [refused, ...ended] = await Promise.allSettled([shop.reserve(oneOfA('cid')), shop.confirm(sold.id), shop.cancel(given.id)])
      expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } })
      for (const answer of ended) expect(answer).toMatchObject({ status: 'fulfilled', value: { ok: true } })
      await expectSound(node.store)
      await servers.redis.cli('CONFIG', 'SET', 'maxmemory', '0')
      accepted(await shop.reserve(oneOfA('cid')))
    })

    it('and evicts keys, because somebody told it to (S1–S6, O1–O4, I1)', async () => {
      const { place, node } = await open()
      await place.sell([node, await place.open()], async (sale) => {
        const used = /used_memory:(\d+)/.exec(await servers.redis.cli('INFO', 'memory'))?.[1]
        await servers.redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random', 'maxmemory', String(Number(used) - 50_000))
        await sale.moreFaults(20)
        await servers.redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction', 'maxmemory', '0')
      })
    })
  })
})
