import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createHoldfast } from '../../src/index.ts'
import { until } from '../support/postgres-locks.ts'
import { seed } from '../support/random.ts'
import { createSaleServers, type Node, type RedisShop, type SaleServers } from '../support/redis-sale.ts'
import { skipRedis } from '../support/redis-server.ts'
import { isBatch } from '../support/redis-wire.ts'
import { accepted } from '../support/shop.ts'
import { expectSound } from '../support/sound.ts'

const oneOfA = (userId: string) => ({ userId, items: [{ sku: 'a', quantity: 1 }] })

describe.skipIf(skipRedis)('the way to Redis fails', () => {
  console.log(`HOLDFAST_SEED=${seed}`)
  let servers: SaleServers

  beforeAll(async () => {
    servers = await createSaleServers()
  })

  afterAll(async () => {
    await servers.remove()
    servers.sometimes.expectAll('the way to Redis fails', ['a reservation that was open when the memory was lost'])
  })

  /** One node behind the proxy and one that is not. */
  async function openNodes(): Promise<{ place: RedisShop; nodes: readonly [Node, Node] }> {
    const place = servers.newShop()
    onTestFinished(() => place.close())
    return { place, nodes: [await place.open({ around: true }), await place.open()] }
  }

  it('and answers are lost: unknown outcomes become one answer (O4, I1, I2, H1–H3)', async () => {
    const { place, nodes } = await openNodes()
    const before = await place.generation()
    await place.sell(nodes, async (sale) => {
      const deciding = new WeakSet<object>()
      let lost = 0
      servers.toRedis.inspect = (piece, from, connection) => {
        if (from === 'client') {
          if (isBatch(piece)) deciding.add(connection)
          return 'pass'
        }
        return deciding.delete(connection) && ++lost % 3 === 0 ? 'reset' : 'pass'
      }
      await sale.moreAnswers(500)
      servers.toRedis.heal()
      expect(lost, 'batches that went through the proxy').toBeGreaterThan(9)
    })
    expect(await place.generation(), 'nothing was lost').toBe(before)
  })

  it('and requests are lost (O4, I1, H1–H3)', async () => {
    const { place, nodes } = await openNodes()
    await place.sell(nodes, async (sale) => {
      let seen = 0
      servers.toRedis.inspect = (piece, from) => (from === 'client' && isBatch(piece) && ++seen % 3 === 0 ? 'reset' : 'pass')
      await sale.moreAnswers(500)
      servers.toRedis.heal()
      expect(seen).toBeGreaterThan(9)
    })
  })

  it('and connections fall silent for good, on one way or the other: others are made (O4, S9)', async () => {
    const { place, nodes } = await openNodes()
    await place.sell(nodes, async (sale) => {
      for (const from of ['client', 'server'] as const) {
        let isSilent = false
        servers.toRedis.inspect = (_, side) => (side === from && !isSilent && (isSilent = true) ? 'silent' : 'pass')
        await until('a connection to fall silent', () => isSilent)
        await sale.moreAnswers(50)
        await until('the node behind the proxy to answer again', () =>
          nodes[1].store.product('few').then(
            () => true,
            () => false,
          ),
        )
      }
    })
  })

  it('and batches come late, after they were repeated, in the middle of a sale (S1–S6, H1–H3, O1–O4, I1)', async () => {
    const { place, nodes } = await openNodes()
    const before = await place.generation()
    await place.sell(nodes, async (sale) => {
      for (let round = 0; round < 3; round++) {
        let isHeld = false
        servers.toRedis.inspect = (piece, from) => (from === 'client' && isBatch(piece) && !isHeld && (isHeld = true) ? 'hold' : 'pass')
        await until('the node to give up', () => servers.toRedis.abandoned === 1)
        await sale.moreAnswers(50)
        servers.toRedis.deliver()
      }
    })
    expect(await place.generation(), 'nothing was lost').toBe(before)
  })

  // Whatever comes first, the repeat or what was late.
  for (const isRepeatFirst of [true, false]) {
    it(`and a batch comes late, ${isRepeatFirst ? 'after' : 'before'} its repeat: one effect and one answer (O4, I1, I2, H1, H3)`, async () => {
      const place = servers.newShop()
      onTestFinished(() => place.close())
      const [healthy, { store }] = [await place.open({ around: true }), await place.open()]
      // It does not give up before its repeats have found another connection.
      const shop = createHoldfast({ store, expiry: 'manual', attemptsMax: 30 })
      accepted(await shop.createProduct({ sku: 'a', name: 'A', totalStock: 1_000 }))
      const [held, given, kept] = [
        accepted(await shop.reserve(oneOfA('ann'))),
        accepted(await shop.reserve(oneOfA('bob'))),
        accepted(await shop.reserve(oneOfA('cid'))),
      ]
      let pieces = 0
      servers.toRedis.inspect = (piece, from) => {
        if (from === 'server' || !isBatch(piece)) return 'pass'
        pieces++
        // The repeat waits too, behind what was late.
        return pieces === 1 || (!isRepeatFirst && servers.toRedis.held > 0) ? 'hold' : 'pass'
      }
      const answers = Promise.all([
        shop.reserve(oneOfA('dan')),
        shop.reserve(oneOfA('eve'), { idempotencyKey: 'k' }),
        shop.confirm(held.id),
        shop.cancel(given.id),
        shop.extend(kept.id, { ttlSeconds: 7_200 }, { idempotencyKey: 'x' }),
        shop.adjustStock('a', { delta: 5 }),
      ])
      await until('the node to give up', () => servers.toRedis.abandoned > 0)
      if (!isRepeatFirst) {
        await until('the repeat to wait', () => servers.toRedis.held > 1)
        servers.toRedis.deliver()
      }
      const [dan, eve, confirmed, cancelled, extended, adjusted] = await answers
      if (isRepeatFirst) servers.toRedis.deliver()
      await until('what was late to be gone', () => servers.toRedis.held === 0 && servers.toRedis.connections <= 1)
      for (const made of [dan, eve]) {
        const { id, createdAt, expiresAt } = accepted(made)
        expect(await healthy.store.reservation(id)).toMatchObject({ status: 'active', createdAt, expiresAt })
      }
      expect(await healthy.store.order(accepted(confirmed).id)).toEqual(accepted(confirmed))
      expect(await healthy.store.reservation(given.id)).toMatchObject({ status: 'cancelled', endedAt: accepted(cancelled).endedAt })
      expect((await healthy.store.reservation(kept.id))?.expiresAt).toBe(accepted(extended).expiresAt)
      expect(accepted(adjusted)).toMatchObject({ total: 1_005 })
      expect((await healthy.store.product('a'))?.stock).toMatchObject({ total: 1_005, reserved: 3, sold: 1 })
      const again = await shop.reserve(oneOfA('eve'), { idempotencyKey: 'k' })
      expect(again).toMatchObject({ ok: true, replayed: true, value: { id: accepted(eve).id } })
      await expectSound(healthy.store)
      expect(await place.generation(), 'nothing was lost').toBe(1)
    })
  }

  it('and Redis pauses, for longer than anybody waits for an answer (O4, I1)', async () => {
    const { place, nodes } = await openNodes()
    await place.sell(nodes, async (sale) => {
      await servers.redis.cli('CLIENT', 'PAUSE', '1000', 'ALL')
      await sale.moreFaults(10)
      servers.redis.pause()
      await sale.moreFaults(10)
      servers.redis.resume()
    })
  })

  it('and one node is cut off while the other goes on (S1–S6, O1, H1–H3)', async () => {
    const { place, nodes } = await openNodes()
    await place.sell(nodes, async (sale) => {
      servers.toRedis.refusing = true
      servers.toRedis.resetAll()
      await sale.moreFaults(20)
      await sale.moreAnswers(200)
      servers.toRedis.heal()
    })
  })
})
