import { afterAll, beforeAll, describe, expect, it, onTestFinished, test } from 'vitest'
import { createHoldfast, openStore, type Holdfast } from '../../src/index.ts'
import { describeStore, type Harness } from '../../src/store/conformance/index.ts'
import { createProduct, reserve } from '../../src/store/conformance/kit.ts'
import { openingRefusal } from '../support/opening.ts'
import { createPgBouncer, pgBouncerVersion, type PgBouncer } from '../support/pgbouncer.ts'
import { holdStock, untilWaitingForLocks } from '../support/postgres-locks.ts'
import { onOneNode, onTwoNodes } from '../support/postgres-harness.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'
import { createRandom, seed } from '../support/random.ts'
import { createSaleProducts, startSale } from '../support/sale.ts'
import { accepted } from '../support/shop.ts'

/** Since then it knows the prepared statements of its clients. */
const keepsPrepared = 1_021
const [major, minor] = pgBouncerVersion()
const version = major * 1_000 + minor

let stores: PostgresStores
let bouncer: PgBouncer

const keepNone = version >= keepsPrepared ? { max_prepared_statements: '0' } : {}

beforeAll(async () => {
  stores = await createPostgresStores()
  bouncer = await createPgBouncer(stores.server.port, keepNone)
  await bouncer.start()
})

afterAll(async () => {
  await bouncer?.remove()
  await stores?.remove()
})

const throughBouncer = (schema: string): string => `${bouncer.url}?schema=${schema}&prepared=off`

const inPgBouncer: Harness[] = [
  onOneNode('PostgreSQL behind PgBouncer, prepared=off', () => stores, throughBouncer),
  onTwoNodes('PostgreSQL behind PgBouncer, prepared=off, two nodes in turns', () => stores, throughBouncer),
]
for (const harness of inPgBouncer) describeStore(harness, { describe, test })

async function openShop(schema: string): Promise<Holdfast> {
  const shop = createHoldfast({ store: await stores.open(schema, { url: throughBouncer(schema) }) })
  onTestFinished(() => shop.close())
  return shop
}

describe('a store behind PgBouncer in transaction mode', () => {
  console.log(`HOLDFAST_SEED=${seed}`)

  it('is refused if it would lose its prepared statements', async () => {
    const { code, message } = await openingRefusal(openStore(`${bouncer.url}?schema=${stores.newSchema()}`))
    expect(code).toBe('cannot_open')
    expect(message).toContain('Add prepared=off to the URL, or use PgBouncer 1.21 or newer')
  })

  it('answers with a fault within the bound while all connections of the pooler are busy, and goes on by itself', async () => {
    const narrow = await createPgBouncer(stores.server.port, { ...keepNone, default_pool_size: '1' })
    onTestFinished(() => narrow.remove())
    await narrow.start()
    const schema = stores.newSchema()
    const url = `${narrow.url}?schema=${schema}&prepared=off`
    const writer = await stores.open(schema, { url, lockMsMax: 20_000, statementMsMax: 20_000 })
    onTestFinished(() => writer.close())
    const reader = await stores.open(schema, { url, statementMsMax: 100 })
    onTestFinished(() => reader.close())
    await writer.execute([createProduct('a', 10)])
    const letGo = await holdStock(stores.server, schema, 'a')
    const waiting = writer.execute([reserve('ann', { a: 1 })])
    await untilWaitingForLocks(stores.server, schema, 1)
    const startedAt = performance.now()
    await expect(reader.product('a')).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(performance.now() - startedAt).toBeLessThan(2_100 + 1_500)
    await letGo()
    expect(await waiting).toMatchObject([{ ok: true }])
    expect((await reader.product('a'))?.stock.reserved).toBe(1)

    // One connection cannot show that it loses what was prepared; but the next who comes finds what somebody else prepared.
    await (await stores.open(schema, { url: `${narrow.url}?schema=${schema}` })).close()
    expect((await openingRefusal(openStore(`${narrow.url}?schema=${schema}`))).code).toBe('cannot_open')
  })

  it('hears of the events of other nodes, without being told of them (E2)', async () => {
    const schema = stores.newSchema()
    const [first, second] = [await openShop(schema), await openShop(schema)]
    const seen: string[] = []
    const stop = new AbortController()
    const reading = (async () => {
      for await (const event of second.follow({ signal: stop.signal })) {
        seen.push(event.subject)
        if (seen.length === 3) stop.abort()
        else accepted(await first.createProduct({ sku: `p${seen.length}`, name: 'P', totalStock: 1 }))
      }
    })()
    accepted(await first.createProduct({ sku: 'p0', name: 'P', totalStock: 1 }))
    await reading
    expect(seen).toEqual(['p0', 'p1', 'p2'])
  })

  it('sells while it is killed and started again (S1–S6, H1, O1–O4, I1)', async () => {
    const schema = stores.newSchema()
    const shops = [await openShop(schema), await openShop(schema)]
    await createSaleProducts(shops[0]!)
    const sale = startSale(shops, createRandom(seed))
    await sale.moreAnswers(200)
    for (let round = 0; round < 2; round++) {
      await bouncer.kill()
      await sale.moreFaults(50)
      await bouncer.start()
      await sale.moreAnswers(200)
    }
    await sale.stop()
    const direct = await stores.open(schema)
    await sale.verify(direct)
    await direct.close()
  })
})

if (version >= keepsPrepared) {
  let keeping: PgBouncer
  beforeAll(async () => {
    keeping = await createPgBouncer(stores.server.port, { max_prepared_statements: '200' })
    await keeping.start()
  })
  afterAll(() => keeping?.remove())
  const keptBy = (schema: string): string => `${keeping.url}?schema=${schema}`
  describeStore(
    onTwoNodes('PostgreSQL behind PgBouncer that keeps prepared statements, two nodes in turns', () => stores, keptBy),
    { describe, test },
  )
} else {
  console.log(`PgBouncer ${major}.${minor} keeps no prepared statements; the suite with them needs 1.21 or newer.`)
}
