import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createHoldfast, redisStore, type RedisOptions, type Store } from '../../src/index.ts'
import { confirm, createProduct, reserve, valueOf } from '../../src/store/conformance/kit.ts'
import type { Ledger } from '../../src/store/ledger.ts'
import { postgresLedger } from '../../src/store/postgres/ledger.ts'
import { sqliteLedger } from '../../src/store/sqlite/ledger.ts'
import { openingRefusal } from '../support/opening.ts'
import { until } from '../support/postgres-locks.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'
import { createRedisServer, skipRedis, type RedisServer } from '../support/redis-server.ts'

describe.skipIf(skipRedis)('a ledger belongs to one namespace', () => {
  let redis: RedisServer
  let postgres: PostgresStores
  let namespaces = 0

  beforeAll(async () => {
    redis = await createRedisServer()
    ;[postgres] = await Promise.all([createPostgresStores(), redis.start()])
  })

  afterAll(() => Promise.all([redis.remove(), postgres.remove()]))

  const kinds: readonly [name: string, open: () => Promise<Ledger>][] = [
    ['SQLite', () => sqliteLedger({ path: ':memory:' })],
    [
      'PostgreSQL',
      () => postgresLedger({ url: `${postgres.server.url}?schema=${postgres.newSchema()}`, connectionsMax: 4, warn: () => {} }),
    ],
  ]

  interface Shop {
    readonly ledger: Ledger
    readonly name: string
    /** A node, closed with the test. `place`: what follows the address of the Redis. */
    readonly open: (place: string, options?: Partial<RedisOptions>) => Promise<Store>
    /** One that has sold a unit and has another reserved. */
    readonly node: Store
    readonly held: ReturnType<typeof reserve>
  }

  async function openShop(openLedger: () => Promise<Ledger>): Promise<Shop> {
    const ledger = await openLedger()
    onTestFinished(() => ledger.close())
    const name = `n${++namespaces}`
    const open: Shop['open'] = async (place, options = {}) => {
      const shared = { ...ledger, close: async () => {} }
      const store = await redisStore({ url: redis.url + place, ledger: shared, warn: () => {}, ...options })
      onTestFinished(() => store.close())
      return store
    }
    const node = await open(`?namespace=${name}`)
    const [sold, held] = [reserve('ann', { a: 1 }), reserve('ann', { a: 1 })]
    await node.execute([createProduct('a', 10), sold, held, confirm(sold.id)])
    return { ledger, name, open, node, held }
  }

  it('opens while the sales of another node reach it, which does not make it an older copy', async () => {
    const { ledger, name, open, node, held } = await openShop(() => sqliteLedger({ path: ':memory:' }))
    const state = async (): ReturnType<Ledger['state']> => {
      const before = await ledger.state()
      const sold = reserve('bob', { a: 1 })
      valueOf((await node.execute([sold, confirm(sold.id)]))[1]!)
      return before
    }
    const late = await open(`?namespace=${name}`, { ledger: { ...ledger, state, close: async () => {} } })
    expect(await late.reservation(held.id)).toMatchObject({ status: 'active' })
  })

  it.each(kinds)('in %s, and a wrong one is refused, as long as nobody moves it there', async (_, openLedger) => {
    const { ledger, name, open, node, held } = await openShop(openLedger)
    const refusal = await openingRefusal(open(`?namespace=typo${name}`))
    expect(refusal).toMatchObject({
      code: 'cannot_open',
      message: `The ledger belongs to the namespace "${name}", not to "typo${name}". Name that one in the URL: ?namespace=${name}. To move the ledger here for good, which ends open reservations, start once with ?namespace=typo${name}&from=${name}.`,
    })
    expect((await openingRefusal(open(`?namespace=typo${name}&from=another`))).message).toContain(`belongs to the namespace "${name}"`)
    expect(await ledger.state()).toMatchObject({ generation: 1, namespace: name })
    const [confirmed] = await node.execute([confirm(held.id)])
    valueOf(confirmed!)

    const moved = await open(`?namespace=new${name}&from=${name}`)
    expect(await moved.product('a')).toMatchObject({ stock: { total: 10, reserved: 0, sold: 2 } })
    expect((await openingRefusal(open(`?namespace=${name}`))).message).toContain(`belongs to the namespace "new${name}"`)
    // Whoever still runs in the old one is shut out.
    await until('it to be noticed', () => isUnavailable(node))
    expect(await ledger.state()).toMatchObject({ generation: 2, namespace: `new${name}` })
    const again = await open(`?namespace=new${name}&from=${name}`)
    expect(await again.product('a')).toMatchObject({ stock: { sold: 2 } })
    expect(await ledger.state()).toMatchObject({ generation: 2 })
  })

  it('in another Redis as well, which may have taken the place of the first', async () => {
    const { ledger, name, open, held } = await openShop(kinds[0]![1])
    const warnings: string[] = []
    const store = await open(`/1?namespace=${name}`, { warn: (message) => void warnings.push(message) })
    expect(warnings).toEqual([
      expect.stringMatching(/^The Redis at .* is not what the ledger last loaded, for generation 1: .* loaded anew; reservations/),
    ])
    expect(await store.product('a')).toMatchObject({ stock: { reserved: 0, sold: 1 } })
    expect(await store.reservation(held.id)).toMatchObject({ status: 'lost' })
    expect(await ledger.state()).toMatchObject({ generation: 2, namespace: name })
  })

  it('and is not taken over by whoever only looks', async () => {
    const { ledger, name, open, node, held } = await openShop(kinds[0]![1])
    const looker = await open(`?namespace=${name}`, { takesOver: false })
    expect(await looker.product('a')).toMatchObject({ stock: { reserved: 1, sold: 1 } })
    const elsewhere = await openingRefusal(open(`/1?namespace=${name}`, { takesOver: false }))
    expect(elsewhere).toMatchObject({
      code: 'cannot_open',
      message: `The Redis at 127.0.0.1:${redis.port} is not what the ledger last loaded, for generation 1: it restarted, was emptied, or is another. Nothing was taken over. Start the service, which loads Redis anew, and then try again.`,
    })
    expect((await openingRefusal(open('?namespace=typo', { takesOver: false }))).message).toContain(`belongs to the namespace "${name}"`)
    expect(await ledger.state()).toMatchObject({ generation: 1, namespace: name })
    expect(await node.reservation(held.id)).toMatchObject({ status: 'active' })

    const unused = await sqliteLedger({ path: ':memory:' })
    const first = openingRefusal(redisStore({ url: `${redis.url}?namespace=unused`, ledger: unused, takesOver: false }))
    expect((await first).message).toMatch(/^The ledger was never used with a Redis\. Nothing was taken over\. Start the service/)
    expect(await unused.state()).toMatchObject({ generation: 0, namespace: null })
    await unused.close()

    await node.close()
    await redis.cli('DEL', `{holdfast:${name}}`)
    expect(await isUnavailable(looker)).toBe(true)
    expect(await ledger.state()).toMatchObject({ generation: 1 })
    await using shop = createHoldfast({ store: await open(`?namespace=${name}`) })
    await until('it to see what another loaded', async () => !(await isUnavailable(looker)))
    expect(await looker.product('a')).toEqual(await shop.product('a'))
  })

  it('from when on it is told which', async () => {
    const { ledger, name, open, node, held } = await openShop(async () => withoutNamespace(await sqliteLedger({ path: ':memory:' })))
    await node.close()
    const store = await open(`?namespace=${name}`)
    expect(await store.reservation(held.id)).toMatchObject({ status: 'active' })
    expect(await ledger.state()).toMatchObject({ generation: 1, namespace: name })
  })
})

/** As it was before ledgers had one, until it is asked for the second time. */
function withoutNamespace(ledger: Ledger): Ledger {
  let claims = 0
  return { ...ledger, claim: (...given) => (claims++ === 0 ? ledger.state() : ledger.claim(...given)) }
}

async function isUnavailable(store: Store): Promise<boolean> {
  try {
    await store.product('a')
    return false
  } catch (error) {
    expect(error).toMatchObject({ code: 'store_unavailable' })
    return true
  }
}
