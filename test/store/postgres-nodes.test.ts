import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createHoldfast, type EngineOptions, type Event, type Holdfast } from '../../src/index.ts'
import { createProduct, extend, reserve } from '../../src/store/conformance/kit.ts'
import { manualClock } from '../support/clock.ts'
import { holdFeed, untilWaitingForLocks } from '../support/postgres-locks.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'
import { createRandom, seed } from '../support/random.ts'
import { accepted, verdict } from '../support/shop.ts'
import { expectSound } from '../support/sound.ts'

let stores: PostgresStores

beforeAll(async () => {
  stores = await createPostgresStores()
})

afterAll(() => stores.remove())

async function openNodes(count: number, options: Partial<EngineOptions> = {}): Promise<readonly Holdfast[]> {
  const schema = stores.newSchema()
  const nodes: Holdfast[] = []
  for (let made = 0; made < count; made++) nodes.push(createHoldfast({ store: await stores.open(schema), ...options }))
  onTestFinished(async () => {
    await Promise.all(nodes.map((node) => node.close()))
    await expectSoundSchema(schema)
  })
  return nodes
}

async function expectSoundSchema(schema: string): Promise<void> {
  const store = await stores.open(schema)
  try {
    await expectSound(store)
  } finally {
    await store.close()
  }
}

describe('several nodes on one database', () => {
  console.log(`HOLDFAST_SEED=${seed}`)

  it('sell the last units to exactly as many of 300 buyers (S1, S6, S9)', async () => {
    const nodes = await openNodes(3)
    for (let round = 0; round < 5; round++) {
      const sku = `last-${round}`
      accepted(await nodes[0]!.createProduct({ sku, name: sku, totalStock: 7 }))
      const outcomes = await Promise.all(
        Array.from({ length: 300 }, (_, index) => nodes[index % 3]!.reserve({ userId: `u${index}`, items: [{ sku, quantity: 1 }] })),
      )
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(7)
      expect((await nodes[1]!.product(sku))?.stock).toMatchObject({ reserved: 7, available: 0, version: 8 })
    }
  })

  it('give duplicates of one key one effect and equal answers (I4)', async () => {
    const nodes = await openNodes(3)
    accepted(await nodes[0]!.createProduct({ sku: 'a', name: 'A', totalStock: 1_000 }))
    for (let round = 0; round < 20; round++) {
      const input = { userId: 'u', items: [{ sku: 'a', quantity: 1 }] }
      const outcomes = await Promise.all(nodes.flatMap((node) => [1, 2, 3].map(() => node.reserve(input, { idempotencyKey: `k${round}` }))))
      expect(new Set(outcomes.map((outcome) => accepted(outcome).id)).size).toBe(1)
      expect(outcomes.filter((outcome) => outcome.ok && !outcome.replayed)).toHaveLength(1)
      const creations = await Promise.all(
        nodes.map((node) => node.createProduct({ sku: `p${round}`, name: 'P', totalStock: 1 }, { idempotencyKey: `p${round}` })),
      )
      for (const creation of creations) expect(accepted(creation).createdAt).toBe(accepted(creations[0]!).createdAt)
      const rivals = await Promise.all(nodes.map((node) => node.createProduct({ sku: `q${round}`, name: 'Q', totalStock: 1 })))
      expect(rivals.map(verdict).toSorted()).toEqual(['ok', 'product_exists', 'product_exists'])
    }
    expect((await nodes[2]!.product('a'))?.stock.reserved).toBe(20)
  })

  it('refuse one of two different requests of one key, whatever they touch (I3, I4)', async () => {
    const nodes = await openNodes(3)
    for (const sku of ['a', 'b', 'c']) accepted(await nodes[0]!.createProduct({ sku, name: sku, totalStock: 1_000 }))
    for (let round = 0; round < 20; round++) {
      const outcomes = await Promise.all(
        ['a', 'b', 'c'].map((sku, index) =>
          nodes[index]!.reserve({ userId: 'u', items: [{ sku, quantity: 1 }] }, { idempotencyKey: `k${round}` }),
        ),
      )
      expect(outcomes.map(verdict).toSorted()).toEqual(['idempotency_key_reused', 'idempotency_key_reused', 'ok'])
    }
  })

  it('take carts that cross without a deadlock, all lines or none (S5)', async () => {
    const nodes = await openNodes(3)
    const random = createRandom(seed)
    const skus = Array.from({ length: 12 }, (_, index) => `s${index}`)
    for (const sku of skus) accepted(await nodes[0]!.createProduct({ sku, name: sku, totalStock: 100 }))
    const before = await deadlocks()
    let held = 0
    // Many small batches: each takes the locks of several skus while those of the other nodes do.
    for (let round = 0; round < 40; round++) {
      const outcomes = await Promise.all(
        Array.from({ length: 9 }, (_, index) => {
          const chosen = random.shuffle(skus).slice(0, 4)
          return nodes[index % 3]!.reserve({ userId: `u${index}`, items: chosen.map((sku) => ({ sku, quantity: 1 })) })
        }),
      )
      held += outcomes.filter(({ ok }) => ok).length
    }
    expect(held).toBeGreaterThan(0)
    const stocks = await Promise.all(skus.map(async (sku) => (await nodes[0]!.product(sku))!.stock))
    expect(stocks.reduce((sum, { reserved }) => sum + reserved, 0)).toBe(held * 4)
    expect(await deadlocks()).toBe(before)
  })

  it('hold one limit per user together (U1)', async () => {
    const nodes = await openNodes(3)
    accepted(await nodes[0]!.createProduct({ sku: 'each', name: 'Each', totalStock: 1_000, maxPerUser: 4 }))
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, index) => nodes[index % 3]!.reserve({ userId: 'one', items: [{ sku: 'each', quantity: 1 }] })),
    )
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(4)
    // A limit that one node changes holds at the others at once.
    accepted(await nodes[0]!.updateProduct('each', { maxPerUser: 7 }))
    const more = await Promise.all(nodes.map((node) => node.reserve({ userId: 'one', items: [{ sku: 'each', quantity: 1 }] })))
    expect(more.map(verdict)).toEqual(['ok', 'ok', 'ok'])
    expect(verdict(await nodes[1]!.reserve({ userId: 'one', items: [{ sku: 'each', quantity: 1 }] }))).toBe('user_limit_exceeded')
  })

  it('hold one limit of active reservations together, whatever these are of', async () => {
    const nodes = await openNodes(3, { activePerUserMax: 4 })
    const skus = Array.from({ length: 6 }, (_, index) => `s${index}`)
    for (const sku of skus) accepted(await nodes[0]!.createProduct({ sku, name: sku, totalStock: 100 }))
    const reserveAll = () =>
      Promise.all(skus.map((sku, index) => nodes[index % 3]!.reserve({ userId: 'one', items: [{ sku, quantity: 1 }] })))
    const before = await deadlocks()
    for (let round = 0; round < 8; round++) {
      const outcomes = await reserveAll()
      expect(outcomes.map(verdict).toSorted()).toEqual([
        ...Array<string>(4).fill('ok'),
        ...Array<string>(2).fill('reservation_limit_exceeded'),
      ])
      const held = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.value.id] : []))
      await Promise.all(held.map((id, index) => nodes[index % 3]!.cancel(id)))
    }
    expect(await deadlocks()).toBe(before)
  })

  it('do not let a reservation keep a slot that another has taken when it was due (H5)', async () => {
    const schema = stores.newSchema()
    const clock = manualClock()
    const [first, second] = [await stores.openAt(schema, clock), await stores.openAt(schema, clock)]
    onTestFinished(async () => {
      await Promise.all([first.close(), second.close()])
      await expectSoundSchema(schema)
    })
    const one = { slots: [{ name: 'one', max: 1 }] }
    const held = reserve('ann', { a: 1 }, { ...one, ttlMs: 1_000 })
    await first.execute([createProduct('a', 9), createProduct('b', 9), held])
    // Whoever appends events waits here, after the decision and before the commit.
    const release = await holdFeed(stores.server, schema)
    const extending = first.execute([extend(held.id, 5_000)])
    await untilWaitingForLocks(stores.server, schema, 1)
    clock.advance(1_000)
    const reserving = second.execute([reserve('ann', { b: 1 }, one)])
    await untilWaitingForLocks(stores.server, schema, 2)
    await release()
    expect([...(await extending), ...(await reserving)].map(verdict)).toEqual(['ok', 'reservation_limit_exceeded'])
  })

  it('show a reader at any of them every event once and in order, as it comes (E2, E5)', async () => {
    const nodes = await openNodes(3)
    const skus = ['a', 'b', 'c']
    for (const sku of skus) accepted(await nodes[0]!.createProduct({ sku, name: sku, totalStock: 10_000 }))
    const total = 900
    const stop = new AbortController()
    const seen: Event[] = []
    const reading = (async () => {
      for await (const event of nodes[2]!.follow({ signal: stop.signal })) {
        seen.push(event)
        if (seen.length === skus.length + total) stop.abort()
      }
    })()
    const random = createRandom(seed)
    for (let sent = 0; sent < total;) {
      const size = 1 + random.int(30)
      const batch = Array.from({ length: Math.min(size, total - sent) }, (_, index) =>
        nodes[index % 2]!.reserve({ userId: 'u', items: [{ sku: random.pick(skus), quantity: 1 }] }),
      )
      await Promise.all(batch)
      sent += batch.length
    }
    await reading
    expect(seen.map(({ cursor }) => Number(cursor))).toEqual(Array.from({ length: skus.length + total }, (_, index) => index + 1))
    for (const sku of skus) {
      const versions = seen.flatMap(({ stock }) => stock.filter((change) => change.sku === sku).map(({ version }) => version))
      expect(versions).toEqual(versions.map((_, index) => index + 1))
    }
  })

  it('give back what a node that is gone has left behind (H3, H6)', async () => {
    const [first, second] = (await openNodes(2)) as [Holdfast, Holdfast]
    accepted(await first.createProduct({ sku: 'a', name: 'A', totalStock: 1 }))
    const made = accepted(await first.reserve({ userId: 'u', items: [{ sku: 'a', quantity: 1 }], ttlSeconds: 1 }))
    await first.close()
    for await (const event of second.follow()) {
      if (event.type !== 'reservation.expired') continue
      expect(event.subject).toBe(made.id)
      break
    }
    accepted(await second.reserve({ userId: 'v', items: [{ sku: 'a', quantity: 1 }] }))
  })
})

async function deadlocks(): Promise<unknown> {
  const [row] = await stores.server.sql('select sum(deadlocks)::int as n from pg_stat_database')
  return row?.['n']
}
