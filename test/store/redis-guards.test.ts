import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { Fault, faultCode } from '../../src/domain/faults.ts'
import type { Order, Store } from '../../src/index.ts'
import {
  cancel,
  cancelOrder,
  confirm,
  createProduct,
  key as named,
  reserve,
  updateProduct,
  valueOf,
} from '../../src/store/conformance/kit.ts'
import type { Ledger } from '../../src/store/ledger.ts'
import { sqliteLedger } from '../../src/store/sqlite/ledger.ts'
import { manualClock } from '../support/clock.ts'
import { holdable, type Holdable } from '../support/held-ledger.ts'
import { until } from '../support/postgres-locks.ts'
import { skipRedis } from '../support/redis-server.ts'
import { createRedisStores, type RedisStores } from '../support/redis-stores.ts'

/** Each of these guards stands in one line of a script, or of what calls it. */
describe.skipIf(skipRedis)('the store in Redis', () => {
  let stores: RedisStores
  let client: Redis

  beforeAll(async () => {
    stores = await createRedisStores()
    client = new Redis(stores.server.url)
  })

  afterAll(async () => {
    client.disconnect()
    await stores.remove()
  })

  interface Opened extends Holdable {
    readonly store: Store
    /** Another node of the same shop, for whoever closes it. */
    readonly inNode: () => Promise<Store>
    readonly key: (name: string) => string
  }

  /** With one product, of ten units. `failing`: so many calls of `append` fail first. */
  async function open({ failing = 0 } = {}): Promise<Opened> {
    const inner = await sqliteLedger({ path: ':memory:' })
    let failures = 0
    const append: Ledger['append'] = async (generation, from, ...batch) => {
      if (from > 0 && failures++ < failing) throw new Fault('store_unavailable', 'The ledger is away.')
      return inner.append(generation, from, ...batch)
    }
    const held = holdable({ ...inner, append })
    const namespace = stores.newNamespace()
    const store = await stores.open(namespace, held.ledger)
    onTestFinished(async () => {
      held.release()
      await store.close()
    })
    await store.execute([createProduct('a', 10)])
    const inNode = (): Promise<Store> => stores.open(namespace, { ...held.ledger, close: async () => {} })
    return { ...held, store, inNode, key: (name) => `{holdfast:${namespace}}:1:${name}` }
  }

  /** The requests with which one of our scripts was run meanwhile, of `words` only. */
  async function requestsOf(word: string, work: () => Promise<unknown>): Promise<readonly string[][]> {
    const monitor = await new Redis(stores.server.url).monitor()
    const heard: string[][] = []
    monitor.on('monitor', (_, request: string[]) => heard.push(request))
    await work()
    await client.echo('the end')
    await until('the end', async () => heard.some(([name]) => name?.toLowerCase() === 'echo'))
    monitor.disconnect()
    return heard.filter(([name, ...rest]) => name?.toLowerCase().startsWith('eval') && rest.includes(word))
  }

  /** null: there is no answer now. */
  async function stockOf(store: Store): Promise<unknown> {
    try {
      return (await store.product('a'))?.stock
    } catch (error) {
      if (faultCode(error) === 'store_unavailable') return null
      throw error
    }
  }

  it('does not execute a request that comes after its repeat (I1, H3)', async () => {
    const { store, hold } = await open()
    const made = reserve('ann', { a: 1 })
    // What the ledger has was executed, and will not come again.
    hold()
    const [late] = await requestsOf(made.id, () => store.execute([made]))
    await store.execute([made], { repeat: true })
    await store.execute([cancel(made.id)])
    const [name, ...args] = late as [string, ...string[]]
    await expect(client.call(name, ...args)).rejects.toThrow('HOLDFAST late')
    expect((await store.product('a'))?.stock).toMatchObject({ reserved: 0, available: 10 })
  })

  it('is not sold out where the books of a product are missing (S1)', async () => {
    const { store, key } = await open()
    await client.del(key('s:a'))
    await expect(store.execute([reserve('ann', { a: 1 })])).rejects.toMatchObject({ code: 'store_unavailable' })
    await until('it to be loaded again', async () => (await stockOf(store)) !== null)
    expect((await store.execute([reserve('ann', { a: 1 })]))[0]?.ok).toBe(true)
  })

  it.each(['decided', 'listed'])('does not take a slot that is missing for a free one, when it is %s', async (how) => {
    const { store, key } = await open()
    const one = { slots: [{ name: 'one', max: 1 }] }
    const inSlot = () => store.reservations({ userId: null, sku: null, status: null, slot: 'one' }, { limit: 9, cursor: null })
    await store.execute([reserve('ann', { a: 1 }, one)])
    await client.del(key('l'))
    const asked = how === 'listed' ? inSlot() : store.execute([reserve('ann', { a: 1 }, one)])
    await expect(asked).rejects.toMatchObject({ code: 'store_unavailable' })
    await until('it to be loaded again', async () => (await stockOf(store)) !== null)
    expect((await inSlot()).data).toEqual([])
  })

  it('acknowledges a sale when the ledger has it and not before (O1)', async () => {
    const { store, hold, release } = await open()
    const made = reserve('ann', { a: 1 })
    await store.execute([made])
    hold()
    let isAcknowledged = false
    const sold = store.execute([confirm(made.id)]).finally(() => {
      isAcknowledged = true
    })
    await until('it to be sold', async () => (await store.product('a'))?.stock.sold === 1)
    expect(isAcknowledged).toBe(false)
    release()
    const order = valueOf((await sold)[0]!)
    expect(await store.order('id' in order ? order.id : '')).toEqual(order)
  })

  it('keeps in its journal what the ledger did not take (O1)', async () => {
    const { store } = await open({ failing: 2 })
    const made = reserve('ann', { a: 1 })
    const [, sold] = await store.execute([made, confirm(made.id)])
    const order = valueOf(sold!)
    expect(await store.order('id' in order ? order.id : '')).toEqual(order)
  })

  it('forgets a part of its journal once, although several nodes may bring it to the ledger (O1)', async () => {
    const { store, hold, release, key } = await open()
    const first = reserve('ann', { a: 1 })
    await store.execute([first])
    const trims = await requestsOf(first.id, () => store.execute([confirm(first.id)]))
    const trim = trims.at(-1) as [string, ...string[]]
    hold()
    const second = reserve('bob', { a: 1 })
    await store.execute([second])
    const [name, ...args] = trim
    await client.call(name, ...args)
    expect(await client.llen(key('j'))).toBe(1)
    release()
    expect((await store.reservations({ userId: 'bob', sku: null, status: 'active' }, { limit: 9, cursor: null })).data).toHaveLength(1)
  })

  it('does not confirm an order again that it cancelled a moment ago, and that only the ledger knows (O5)', async () => {
    const { store, hold, release } = await open()
    const made = reserve('ann', { a: 1 })
    await store.execute([made])
    const [sold] = await store.execute([confirm(made.id)])
    hold()
    const commands = [cancelOrder((valueOf(sold!) as Order).id), confirm(made.id), updateProduct('a', { name: 'changed' })]
    const answers = store.execute(commands)
    await until('all to be decided', async () => (await store.product('a'))?.name === 'changed')
    release()
    expect((await answers).map((answer) => (answer.ok ? 'ok' : answer.refusal.code))).toEqual(['ok', 'order_cancelled', 'ok'])
  })

  it('answers the first of two requests with one key, also where only the ledger knows the answer (I3)', async () => {
    const { store } = await open()
    const [first, second] = [reserve('ann', { a: 1 }), reserve('ann', { a: 1 })]
    await store.execute([first, second, confirm(first.id)])
    const [one, other] = [named('k'), named('k', { fingerprint: 'another request' })]
    const batch = [
      confirm(first.id, { idempotency: one }),
      confirm(second.id, { idempotency: other }),
      confirm(first.id, { userId: 'bob', idempotency: other }),
      confirm(first.id, { idempotency: one }),
      confirm(first.id, { userId: 'bob', idempotency: named('free', { fingerprint: 'another request' }) }),
      confirm(second.id, { idempotency: named('free') }),
    ]
    for (const repeat of [false, true]) {
      const answers = await store.execute(batch, { repeat })
      expect(answers.map((answer) => (answer.ok ? `${answer.created} ${answer.replayed}` : answer.refusal.code))).toEqual([
        repeat ? 'false true' : 'false false',
        'idempotency_key_reused',
        'idempotency_key_reused',
        'false true',
        repeat ? 'idempotency_key_reused' : 'not_owner',
        repeat ? 'true true' : 'true false',
      ])
    }
    expect((await store.product('a'))?.stock).toMatchObject({ reserved: 0, sold: 2 })
  })

  it('decides a repeated batch in its order, also where something of it has ended and left Redis (I2)', async () => {
    const clock = manualClock()
    const store = await stores.openAt(stores.newNamespace(), await sqliteLedger({ path: ':memory:', clock }), clock)
    onTestFinished(() => store.close())
    await store.execute([createProduct('a', 10)])
    const idempotency = named('k')
    const batch = [reserve('ann', { unknown: 1 }, { idempotency }), reserve('ann', { a: 1 }, { idempotency })]
    const first = await store.execute(batch)
    await store.execute([cancel(batch[1]!.id)])
    await store.orders({ userId: null }, { limit: 1, cursor: null })
    // Nobody knows the key any more.
    clock.advance(24 * 60 * 60 * 1_000)
    const again = await store.execute(batch, { repeat: true })
    expect(again[0]).toEqual({ ok: false, refusal: { code: 'product_not_found', sku: 'unknown' } })
    expect(again).toEqual(first)
  })

  it('does not go on with what a Redis had saved before it restarted, nor tells of it, whoever wrote last (S6)', async () => {
    const { store, inNode } = await open()
    const made = reserve('ann', { a: 1 })
    await store.execute([made])
    await client.save()
    // What the first node wrote is in what was saved; only the second could miss something.
    const second = await inNode()
    await second.execute([cancel(made.id), reserve('bob', { a: 2 })])
    await second.orders({ userId: null }, { limit: 1, cursor: null })
    await second.close()
    await stores.server.kill()
    await stores.server.start()
    let stock: unknown
    await until('an answer', async () => {
      stock = await stockOf(store)
      return stock !== null
    })
    expect(stock).toMatchObject({ reserved: 0, available: 10 })
    expect((await store.reservation(made.id))?.status).toBe('cancelled')
  })
})
