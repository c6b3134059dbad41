import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Inspect } from '../support/fault-proxy.ts'
import { runs } from '../support/faulty-node.ts'
import { until } from '../support/postgres-locks.ts'
import { createSaleServers, type Node, type RedisShop, type SaleServers } from '../support/redis-sale.ts'
import { skipRedis } from '../support/redis-server.ts'
import { isBatch } from '../support/redis-wire.ts'
import { startService, type ServiceProcess } from '../support/service.ts'
import { accepted, verdict } from '../support/shop.ts'
import { expectSound } from '../support/sound.ts'

const ttlMs = 1_000

/** Where a confirm is when its node stops. Each returns what looks at Redis and what looks at PostgreSQL. */
const steps: Record<string, (stop: () => void) => { readonly redis?: Inspect; readonly postgres?: Inspect }> = {
  'before the script': (stop) => ({ redis: (piece, from) => (from === 'client' && isBatch(piece) ? (stop(), 'hold') : 'pass') }),
  'after the script and before the append': (stop) => {
    let asked: object | null = null
    return {
      redis: (piece, from, connection) => {
        if (from === 'client' && isBatch(piece)) asked = connection
        if (from === 'server' && connection === asked) stop()
        return 'pass'
      },
    }
  },
  'after the append and before the trim': (stop) => {
    let asked: object | null = null
    return {
      postgres: (piece, from, connection) => {
        if (from === 'client' && runs(piece, 'moveLedger')) asked = connection
        if (from === 'server' && connection === asked) stop()
        return 'pass'
      },
    }
  },
}

describe.skipIf(skipRedis)('several nodes on one Redis', () => {
  let servers: SaleServers

  beforeAll(async () => {
    servers = await createSaleServers()
  })

  afterAll(() => servers.remove())

  /** A node in this process, and a process that reaches its servers by way of the proxies. */
  async function open(): Promise<{ place: RedisShop; node: Node; service: ServiceProcess; post: (path: string) => Promise<Response> }> {
    const place = servers.newShop()
    const node = await place.open({ around: true, ledgerMsMax: 5_000, answerMsMax: 5_000 })
    const service = await startService(place.redisUrl(servers.toRedis.port), place.ledgerUrl(servers.toPostgres.port))
    onTestFinished(async () => {
      await service.kill()
      await place.close()
    })
    accepted(await node.shop.createProduct({ sku: 'a', name: 'A', totalStock: 1 }))
    const post = (path: string): Promise<Response> =>
      fetch(`${service.address}/v1/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': path },
        body: '{}',
      })
    return { place, node, service, post }
  }

  it.each(Object.entries(steps))(
    'sell once what a node confirms that stops %s, beyond the end of the reservation (H1, H3–H5, O1–O4, S6)',
    async (_, step) => {
      const { place, node, service, post } = await open()
      const { shop, store } = node
      const made = accepted(await shop.reserve({ userId: 'ann', items: [{ sku: 'a', quantity: 1 }], ttlSeconds: ttlMs / 1_000 }))
      let isStopped = false
      const { redis = () => 'pass', postgres = () => 'pass' } = step(() => {
        if (!isStopped) service.pause()
        isStopped = true
      })
      servers.toRedis.inspect = redis
      servers.toPostgres.inspect = postgres
      const answer = post(`reservations/${made.id}/confirm`)
      await until('the node to stop', () => isStopped)
      await delay(ttlMs + 100)
      const rival = await shop.reserve({ userId: 'bob', items: [{ sku: 'a', quantity: 1 }] })
      const seen = await store.reservation(made.id)
      servers.toRedis.inspect = () => 'pass'
      servers.toPostgres.inspect = () => 'pass'
      servers.toRedis.deliver()
      service.resume()

      const { status } = await answer
      const again = await shop.confirm(made.id)
      if (verdict(rival) === 'ok') {
        expect(seen).toMatchObject({ status: 'expired', orderId: null })
        expect({ status, again: verdict(again) }).toEqual({ status: 410, again: 'reservation_expired' })
        accepted(await shop.confirm(accepted(rival).id))
      } else {
        expect(seen).toMatchObject({ status: 'confirmed' })
        expect(status).toBe(201)
        expect(accepted(again).id).toBe(seen?.orderId)
        expect(await store.order(accepted(again).id)).toEqual(accepted(again))
      }
      expect((await store.product('a'))?.stock).toMatchObject({ total: 1, sold: 1, reserved: 0 })
      await expectSound(store)
      expect(await place.generation(), 'nothing was lost').toBe(1)
    },
  )

  it('take over from one that dies while it loads a Redis that lost its memory (O1, S6, S9)', async () => {
    const { place, node, service } = await open()
    const sold = accepted(
      await node.shop.confirm(accepted(await node.shop.reserve({ userId: 'ann', items: [{ sku: 'a', quantity: 1 }] })).id),
    )
    const before = await place.generation()
    await node.shop.close()
    servers.toRedis.inspect = (piece, from) => (from === 'client' && piece.includes('loading') ? 'hold' : 'pass')
    await servers.redis.cli('FLUSHALL')
    await until('the process to load', () => servers.toRedis.held === 1)
    await service.kill()
    servers.toRedis.heal()
    const other = await place.open()
    expect(await place.generation()).toBe(before + 2)
    expect(await other.store.order(sold.id)).toEqual(sold)
    expect(verdict(await other.shop.reserve({ userId: 'bob', items: [{ sku: 'a', quantity: 1 }] }))).toBe('insufficient_stock')
    accepted(await other.shop.adjustStock('a', { delta: 1 }))
    accepted(await other.shop.reserve({ userId: 'bob', items: [{ sku: 'a', quantity: 1 }] }))
    await expectSound(other.store)
  })
})
