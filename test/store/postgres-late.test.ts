import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findMessage, oneOfA, openFaultyNode, runs, type FaultyNode } from '../support/faulty-node.ts'
import { startService } from '../support/http.ts'
import { listen } from '../support/listen.ts'
import { until, untilWaitingForLocks, waitingForLocks } from '../support/postgres-locks.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'
import { createRandom, seed } from '../support/random.ts'
import { createSaleProducts, startSale } from '../support/sale.ts'
import { accepted } from '../support/shop.ts'
import { expectSound } from '../support/sound.ts'

let stores: PostgresStores

beforeAll(async () => {
  stores = await createPostgresStores()
})

afterAll(() => stores.remove())

describe.concurrent('a batch that is delivered after its node gave up and repeated it elsewhere', () => {
  console.log(`HOLDFAST_SEED=${seed}`)
  // Its locks are held until then, so that it still has its effect. An answer may take two seconds more than a statement.
  const options = { lockMsMax: 10_000, statementMsMax: 1_000 }

  /** A statement of the faulty node, or only what follows on those before it, is held until the node has given up and something else has happened. When that was, by the clock of the store. */
  async function deliverLate({ schema, proxy }: FaultyNode, name: string, when: () => Promise<void>, alone = false): Promise<number> {
    let caught = 0
    proxy.inspect = (piece, from) => {
      if (from === 'server' || !runs(piece, name) || caught++ > 0) return 'pass'
      return alone ? { pass: findMessage(piece, `${name}\0`).start, rest: 'hold' } : 'hold'
    }
    await until('the node to give up', () => proxy.abandoned === 1)
    await when()
    const [row] = await stores.server.sql(`select "${schema}".now_ms()::float8 as now`)
    proxy.deliver()
    return Number(row?.['now'])
  }

  it('has one effect and one answer, whatever it asks for (S2, S4, O4, I1, I2, H1)', async (context) => {
    const node = await openFaultyNode(stores, context, options)
    const { healthy } = node
    const shop = node.shopOf(node.faulty)
    const held = accepted(await shop.reserve(oneOfA('ann')))
    const [sold, kept] = [accepted(await shop.reserve(oneOfA('bob'))), accepted(await shop.reserve(oneOfA('cid')))]
    const order = accepted(await shop.confirm(sold.id))
    const delivery = deliverLate(node, 'commit', () => untilWaitingForLocks(stores.server, node.schema, 1))
    const [dan, eve, confirmed, extended, cancelled, adjusted] = await Promise.all([
      shop.reserve(oneOfA('dan')),
      shop.reserve(oneOfA('eve'), { idempotencyKey: 'k' }),
      shop.confirm(held.id, { metadata: { note: 'once' } }),
      // Without a key it would count anew from the moment of the repeat.
      shop.extend(kept.id, { ttlSeconds: 7_200 }, { idempotencyKey: 'x' }),
      shop.cancelOrder(order.id, { reason: 'damaged' }),
      shop.adjustStock('a', { delta: 5 }),
    ])
    const deliveredAt = await delivery
    for (const made of [dan, eve]) {
      const { id, createdAt, expiresAt } = accepted(made)
      expect(await healthy.reservation(id)).toMatchObject({ status: 'active', createdAt, expiresAt })
    }
    expect(await healthy.order(accepted(confirmed).id)).toEqual(accepted(confirmed))
    expect(await healthy.order(order.id)).toEqual(accepted(cancelled))
    expect((await healthy.reservation(kept.id))?.expiresAt).toBe(accepted(extended).expiresAt)
    expect(accepted(adjusted)).toMatchObject({ total: 1_005 })
    expect((await healthy.product('a'))?.stock).toMatchObject({ total: 1_005, reserved: 3, sold: 1 })

    const { data } = await healthy.events({ limit: 100, cursor: null })
    const late = data.slice(6)
    expect(late.map(({ type }) => type)).toEqual([
      'reservation.created',
      'reservation.created',
      'reservation.confirmed',
      'order.created',
      'reservation.extended',
      'order.cancelled',
      'stock.adjusted',
    ])
    const ofTheRepeat = late.filter(({ time }) => time >= deliveredAt)
    expect(ofTheRepeat, 'what was delivered late came first').toEqual([])
    const again = await shop.reserve(oneOfA('eve'), { idempotencyKey: 'k' })
    expect(again).toMatchObject({ ok: true, replayed: true, value: { id: accepted(eve).id } })
    await expectSound(healthy)
  })

  it('makes one product if its commit is late, although there is nothing to lock yet (O4, I1)', async (context) => {
    const node = await openFaultyNode(stores, context, options)
    const delivery = deliverLate(node, 'commit', () => untilWaitingForLocks(stores.server, node.schema, 1), true)
    const made = accepted(await node.shopOf(node.faulty).createProduct({ sku: 'b', name: 'B', totalStock: 7 }))
    expect(made.createdAt, 'what was delivered late came first').toBeLessThan(await delivery)
    expect(await node.healthy.product('b')).toEqual(made)
    expect((await node.healthy.events({ limit: 100, cursor: null })).data).toHaveLength(2)
    await expectSound(node.healthy)
  })

  it('makes one product if all that it writes is late, and comes when it was made long ago (O4, I1)', async (context) => {
    const node = await openFaultyNode(stores, context, options)
    const { schema, healthy } = node
    const isMade = async (): Promise<boolean> => (await healthy.product('b')) !== null
    const delivery = deliverLate(node, 'commit', () => until('the product to be there', isMade))
    const made = accepted(await node.shopOf(node.faulty).createProduct({ sku: 'b', name: 'B', totalStock: 7 }))
    await delivery
    await until('the server to have done with what was late', async () => {
      const [row] = await stores.server.sql(
        `select count(*)::int as n from pg_stat_activity where state like '%in transaction%' and query like '%"${schema}".%'`,
      )
      return row?.['n'] === 0
    })
    expect(await healthy.product('b')).toEqual(made)
    expect((await healthy.events({ limit: 100, cursor: null })).data).toHaveLength(2)
    await expectSound(healthy)
  })

  // `lock`: nothing was locked yet, and the repeat comes first.
  for (const name of ['lock', 'commit']) {
    it(`from "${name}" on, in the middle of a sale, does no harm (S1–S6, H1, O1–O4, I1)`, async (context) => {
      const node = await openFaultyNode(stores, context, options)
      const shops = [node.shopOf(node.healthy), node.shopOf(node.faulty)]
      await createSaleProducts(shops[0]!)
      const sale = startSale(shops, createRandom(seed))
      await sale.moreAnswers(100)
      await deliverLate(node, name, () => Promise.resolve())
      await sale.moreAnswers(200)
      await sale.stop()
      await sale.verify(node.healthy)
    })
  }
})

describe('a commit that comes late, after others have begun and with the lower number', () => {
  it('is skipped by nobody who follows: the feed, a stream of it, and the stream of drops (E2, E5)', async (context) => {
    const { schema, proxy, healthy, faulty, shopOf } = await openFaultyNode(stores, context, {})
    const service = await startService({ store: await stores.open(schema), app: {} })
    const events = await listen<{ subject: string }>(service.address, '/v1/events/stream?after=0')
    const drops = await listen<{ id: string }>(service.address, '/v1/drops/stream')
    context.onTestFinished(async () => {
      events.close()
      drops.close()
      await service.close()
    })
    await events.until(({ data }) => data.subject === 'a')
    const reader = shopOf(healthy)
    const followed: string[] = []
    const following = (async () => {
      for await (const { subject } of reader.follow()) if (followed.push(subject) === 3) return
    })()

    let isHeld = false
    proxy.inspect = (piece, from) => {
      if (from === 'server' || isHeld || !runs(piece, 'commit')) return 'pass'
      isHeld = true
      return { pass: findMessage(piece, 'commit\0').start, rest: 'hold' }
    }
    const late = shopOf(faulty).createProduct({ sku: 'late', name: 'L', totalStock: 1 })
    await until('its number to be taken', () => proxy.held === 1)
    let isDone = false
    const soon = reader.createProduct({ sku: 'soon', name: 'S', totalStock: 1 }).then((made) => {
      isDone = true
      return made
    })
    // Whoever would come first would be told first, and then the late one would be skipped.
    await until('the other to wait behind it', async () => isDone || (await waitingForLocks(stores.server, schema)) === 1)
    if (isDone) await events.until(({ data }) => data.subject === 'soon')
    proxy.deliver()
    accepted(await late)
    accepted(await soon)

    await expect
      .poll(() => events.heard.map(({ id, data }) => [id, data.subject]))
      .toEqual([
        ['1', 'a'],
        ['2', 'late'],
        ['3', 'soon'],
      ])
    await expect.poll(() => drops.heard.flatMap(({ event, data }) => (event === 'NEW_DROP' ? [data.id] : []))).toEqual(['late', 'soon'])
    await following
    expect(followed).toEqual(['a', 'late', 'soon'])
  })
})
