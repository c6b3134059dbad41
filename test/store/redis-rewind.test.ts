import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createHoldfast, type Holdfast, type Outcome, type Store } from '../../src/index.ts'
import { confirm, createProduct, reserve, updateProduct, valueOf } from '../../src/store/conformance/kit.ts'
import type { Ledger } from '../../src/store/ledger.ts'
import { sqliteLedger } from '../../src/store/sqlite/ledger.ts'
import { holdable } from '../support/held-ledger.ts'
import { until } from '../support/postgres-locks.ts'
import { sqlitePlace, type LedgerPlace } from '../support/redis-harness.ts'
import { skipRedis } from '../support/redis-server.ts'
import { createRedisStores, type RedisStores } from '../support/redis-stores.ts'
import { expectSound } from '../support/sound.ts'

const total = 10

describe.skipIf(skipRedis)('a Redis that holds older data, in the same process and with the same header', () => {
  let stores: RedisStores
  let client: Redis
  let place: LedgerPlace

  beforeAll(async () => {
    stores = await createRedisStores()
    client = new Redis(stores.server.url)
    place = await sqlitePlace()
  })

  afterAll(async () => {
    client.disconnect()
    await stores.remove()
    await place.remove()
  })

  /** What is there now; the function that is returned brings it back. */
  const keep = async (): Promise<() => Promise<void>> => {
    const kept = new Map<string, Buffer>()
    for (const key of await client.keys('*')) kept.set(key, await client.dumpBuffer(key))
    return async () => {
      await client.flushall()
      for (const [key, dump] of kept) await client.restore(key, 0, dump)
    }
  }

  /** A ledger that several nodes share. */
  const openLedger = async (): Promise<{ ledger: Ledger; namespace: string; close: () => Promise<void> }> => {
    const ledger = await sqliteLedger({ path: ':memory:' })
    return { ledger: { ...ledger, close: async () => {} }, namespace: stores.newNamespace(), close: ledger.close }
  }

  /** Sell units one by one until they run out, through whatever happens; the ids of the orders that were acknowledged. */
  const sell = async (shop: Holdfast, units: number): Promise<string[]> => {
    const orders: string[] = []
    for (const giveUp = performance.now() + 20_000; orders.length < units && performance.now() < giveUp;) {
      try {
        const reserved = await shop.reserve({ userId: 'ann', items: [{ sku: 'a', quantity: 1 }] })
        if (!reserved.ok) return orders
        const order = await shop.confirm(reserved.value.id)
        if (order.ok) orders.push(order.value.id)
      } catch (error) {
        expect(error).toMatchObject({ code: 'store_unavailable' })
      }
    }
    return orders
  }

  it('is loaded anew, whether a node runs meanwhile or not: nothing is sold twice and no order is missing (S6, O1, S9)', async () => {
    const namespace = stores.newNamespace()
    let shop = createHoldfast({ store: await stores.open(namespace, await place.open()) })
    await shop.createProduct({ sku: 'a', name: 'a', totalStock: total })
    const orders = await sell(shop, 2)
    const bringBack = await keep()
    orders.push(...(await sell(shop, 3)))
    await bringBack()
    orders.push(...(await sell(shop, 2)))
    expect(orders).toHaveLength(7)

    const bringBackAgain = await keep()
    orders.push(...(await sell(shop, 1)))
    await shop.close()
    await bringBackAgain()
    const store = await stores.open(namespace, await place.open())
    shop = createHoldfast({ store })
    orders.push(...(await sell(shop, total)))
    expect(orders).toHaveLength(total)
    for (const id of orders) expect(await shop.order(id), `order ${id} was acknowledged`).toMatchObject({ status: 'placed' })
    await expectSound(store)
    await shop.close()
  })

  it('is noticed by a node that knows what it wrote, however far another has gone since: no sale is acknowledged that is gone (O1)', async () => {
    const { ledger, namespace, close } = await openLedger()
    const held = holdable(ledger)
    const slow = await stores.open(namespace, held.ledger)
    await slow.execute([createProduct('b', total)])
    const bringBack = await keep()
    held.hold()
    const made = reserve('ann', { b: 1 })
    await slow.execute([made])
    const sold = slow.execute([confirm(made.id)])
    await until('it to be sold', async () => (await slow.product('b'))?.stock.sold === 1)
    await bringBack()
    const other = await stores.open(namespace, ledger)
    for (let sales = 0; sales < 3; sales++) {
      const next = reserve('bob', { b: 1 })
      await other.execute([next])
      valueOf((await other.execute([confirm(next.id)]))[0]!)
    }
    held.release()
    await expect(sold).rejects.toMatchObject({ code: 'store_unavailable' })
    await until('it to be loaded again', async () => (await slow.product('b').catch(() => null))?.stock.sold === 3)
    await expectSound(slow)
    await Promise.all([slow.close(), other.close()])
    await close()
  })

  it.each([
    ['the ledger, when nobody is left who wrote what is gone', false],
    ['a node that had seen more', true],
  ])('is noticed by %s (O1, S6)', async (_, hasSeen) => {
    const { ledger, namespace, close } = await openLedger()
    const gone = createHoldfast({ store: await stores.open(namespace, ledger) })
    await gone.createProduct({ sku: 'a', name: 'a', totalStock: total })
    const store = await stores.open(namespace, ledger)
    const shop = createHoldfast({ store })
    const bringBack = await keep()
    const orders = await sell(gone, 1)
    await gone.close()
    if (hasSeen) expect((await shop.orders()).data).toHaveLength(1)
    await bringBack()
    orders.push(...(await sell(shop, total)))
    expect(orders).toHaveLength(total)
    for (const id of orders) expect(await shop.order(id), `order ${id} was acknowledged`).toMatchObject({ status: 'placed' })
    await expectSound(store)
    await shop.close()
    await close()
  })
})

describe.skipIf(skipRedis)('limits set', () => {
  let stores: RedisStores
  let place: LedgerPlace

  beforeAll(async () => {
    stores = await createRedisStores()
    place = await sqlitePlace()
  })

  afterAll(async () => {
    await stores.remove()
    await place.remove()
  })

  it('while other nodes sell the product count what users have (U1)', async () => {
    const ledger = { ...(await sqliteLedger({ path: ':memory:' })), close: async () => {} }
    const namespace = stores.newNamespace()
    const [node, ...others] = await Promise.all([1, 2, 3].map(() => stores.open(namespace, ledger)))
    await node!.execute([createProduct('a', 1_000_000)])
    let units = 0
    /** Until the limit says no. */
    const sell = async (store: Store, userId: string): Promise<Outcome> => {
      for (;;) {
        const [outcome] = await store.execute([reserve(userId, { a: 1 })])
        if (outcome?.ok !== true) return outcome!
        units++
      }
    }
    const sales = others.flatMap((store, nth) => [`ann ${nth}`, `bob ${nth}`].map((userId) => sell(store, userId)))
    await until('the sale to be under way', async () => units > 100)
    const [changed] = await node!.execute([updateProduct('a', { maxPerUser: 5 })])
    expect(changed).toMatchObject({ ok: true, value: { maxPerUser: 5 } })
    for (const outcome of await Promise.all(sales)) {
      expect(outcome).toMatchObject({ ok: false, refusal: { code: 'user_limit_exceeded', limit: 5, remaining: 0 } })
    }
    expect(await node!.product('a')).toMatchObject({ stock: { reserved: units } })
    await expectSound(node!)
    await Promise.all([node!, ...others].map((store) => store.close()))
  })

  it('for two products at once each count what their own buyers have (U1)', async () => {
    const store = await stores.open(stores.newNamespace(), await place.open())
    const shop = createHoldfast({ store })
    const skus = Array.from({ length: 20 }, (_, index) => `s${index}`)
    for (const sku of skus) await shop.createProduct({ sku, name: sku, totalStock: 9 })
    for (const sku of skus) await shop.reserve({ userId: `buyer of ${sku}`, items: [{ sku, quantity: 2 }] })
    const changed = await Promise.all(
      skus.map(async (sku, index) => {
        // Not in one batch.
        for (let turn = 0; turn < index * 3; turn++) await new Promise(setImmediate)
        return shop.updateProduct(sku, { maxPerUser: 2 })
      }),
    )
    expect(changed.every(({ ok }) => ok)).toBe(true)
    for (const sku of skus) {
      const more = await shop.reserve({ userId: `buyer of ${sku}`, items: [{ sku, quantity: 1 }] })
      expect(more).toMatchObject({ ok: false, refusal: { code: 'user_limit_exceeded', remaining: 0 } })
      expect((await shop.reserve({ userId: 'somebody', items: [{ sku, quantity: 2 }] })).ok).toBe(true)
    }
    expect(await stores.server.cli('keys', '*:count:*'), 'counts that nobody needs any more').toBe('')
    await expectSound(store)
    await shop.close()
  })
})
