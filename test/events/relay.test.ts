import { describe, expect, it, onTestFinished } from 'vitest'
import type { Event } from '../../src/domain/event.ts'
import type { Consumer, Delivery } from '../../src/events/relay/consumer.ts'
import { keyOf } from '../../src/events/relay/pending.ts'
import { createRelays, placeOf, type Relays } from '../../src/events/relay/relays.ts'
import { createHoldfast, sqliteStore, type Holdfast } from '../../src/index.ts'
import type { Notes, Store } from '../../src/store/port.ts'
import { manualTime, type ManualTime } from '../support/manual-time.ts'
import { createRandom } from '../support/random.ts'
import { accepted, openShop } from '../support/shop.ts'
import { temporaryFile } from '../support/folder.ts'

interface Told {
  readonly id: string
  readonly key: string
  readonly ok: boolean
  readonly node: string
}

interface Teller {
  readonly told: Told[]
  readonly consumer: (node?: string, more?: Partial<Consumer>) => Consumer
  /** What comes of the next attempts; throws or answers. */
  answer: (event: Event, node: string) => Delivery | Promise<Delivery>
}

const name = 'test'

function createTeller(): Teller {
  const told: Told[] = []
  const teller: Teller = {
    told,
    answer: () => ({ ok: true }),
    consumer: (node = 'one', more = {}) => ({
      name,
      wants: () => true,
      startAfter: null,
      windowMax: 8,
      send: async (event) => {
        const delivery = await teller.answer(event, node)
        told.push({ id: event.id, key: keyOf(event), ok: delivery.ok, node })
        return delivery
      },
      retryMs: (attempts) => Math.min(5_000 * 2 ** attempts, 600_000),
      ...more,
    }),
  }
  return teller
}

interface Stage {
  readonly shop: Holdfast
  readonly store: Store
  readonly time: ManualTime
  readonly relays: (options?: { readonly isShared?: boolean; readonly notes?: Notes }) => Relays
  readonly reports: unknown[]
  /** Some reservations with all kinds of ends, and some more each time. */
  readonly sell: (buyers: number) => Promise<void>
  readonly events: () => Promise<readonly Event[]>
}

async function openStage(): Promise<Stage> {
  const { shop, store } = await openShop()
  const time = manualTime()
  const reports: unknown[] = []
  let made = false
  return {
    shop,
    store,
    time,
    reports,
    relays: ({ isShared = true, notes = store.notes! } = {}) => {
      const relays = createRelays({ shop, notes, isShared, time, random: () => 0.5, report: (error) => reports.push(error) })
      onTestFinished(() => void relays.stop())
      return relays
    },
    sell: async (buyers) => {
      if (!made) accepted(await shop.createProduct({ sku: 'a', name: 'A', totalStock: 10_000 }))
      made = true
      await Promise.all(
        Array.from({ length: buyers }, async (_, buyer) => {
          const { id } = accepted(await shop.reserve({ userId: `u${buyer}`, items: [{ sku: 'a', quantity: 1 }] }))
          if (buyer % 3 === 0) accepted(await shop.cancel(id))
          if (buyer % 3 !== 1) return
          const order = accepted(await shop.confirm(id))
          accepted(await shop.cancelOrder(order.id))
        }),
      )
    },
    events: () => everyEvent(shop),
  }
}

async function everyEvent(shop: Holdfast): Promise<readonly Event[]> {
  const all: Event[] = []
  for (let cursor: string | null = null; ;) {
    const page: Awaited<ReturnType<Holdfast['events']>> = await shop.events({ cursor, limit: 200 })
    all.push(...page.data)
    if (page.data.length < 200) return all
    cursor = page.nextCursor
  }
}

/** Every event, and those of each key in the order of the feed: first told is what counts. */
function expectAllTold(told: readonly Told[], events: readonly Event[]): void {
  const first = [
    ...new Map(
      told
        .filter(({ ok }) => ok)
        .map((one) => [one.id, one] as const)
        .toReversed(),
    ).values(),
  ].toReversed()
  const byKey = (list: readonly { readonly id: string; readonly key: string }[]): Map<string, string[]> => {
    const ids = new Map<string, string[]>()
    for (const { id, key } of list) ids.set(key, [...(ids.get(key) ?? []), id])
    return ids
  }
  expect(byKey(first)).toEqual(byKey(events.map((event) => ({ id: event.id, key: keyOf(event) }))))
}

function okOf(teller: Teller): number {
  return teller.told.filter(({ ok }) => ok).length
}

describe('a consumer', () => {
  it('is told of every event once, those of a reservation in their order, several at the same time', async () => {
    const { sell, relays, time, events } = await openStage()
    const teller = createTeller()
    await sell(300)
    let atOnce = 0
    let most = 0
    teller.answer = async () => {
      most = Math.max(most, ++atOnce)
      await time.sleep(5, new AbortController().signal)
      atOnce--
      return { ok: true }
    }
    relays().add(teller.consumer())
    await time.until(() => teller.told.length > 100)
    await sell(10)
    const all = await events()
    await time.until(() => teller.told.length >= all.length, 600_000)
    await time.pass(10_000)
    expect(teller.told.map(({ id }) => id).toSorted()).toEqual(all.map(({ id }) => id).toSorted())
    expectAllTold(teller.told, all)
    expect(most).toBe(8)
  })

  it('is told only of what it wants', async () => {
    const { sell, relays, time, events } = await openStage()
    const teller = createTeller()
    await sell(30)
    const node = relays()
    node.add(teller.consumer('one', { wants: (type) => type === 'order.created' }))
    const wanted = (await events()).filter(({ type }) => type === 'order.created')
    await time.until(() => teller.told.length === wanted.length)
    expect(teller.told.map(({ id }) => id)).toEqual(wanted.map(({ id }) => id))
    await time.until(() => node.status()[0]!.lagMs === 0)
  })

  it('is not told of what it wants no more, be it on its way already', async () => {
    const { sell, relays, time } = await openStage()
    const teller = createTeller()
    let isWanted = true
    teller.answer = ({ type }) => (type === 'product.created' ? { ok: true } : { ok: false, reason: 'no' })
    const node = relays()
    node.add(teller.consumer('one', { wants: () => isWanted }))
    await sell(10)
    await time.until(() => teller.told.length > 5)
    isWanted = false
    const before = teller.told.length
    node.retry(name)
    await time.until(() => node.status()[0]!.lagMs === 0)
    expect(teller.told.length).toBe(before)
  })

  it.each([1, 2, 3])('is told of everything in order, whatever fails (%i)', async (seed) => {
    const { sell, relays, time, events } = await openStage()
    const random = createRandom(seed)
    const teller = createTeller()
    await sell(60)
    teller.answer = async () => {
      if (random.int(10) < 3) await time.sleep(1 + random.int(50), new AbortController().signal)
      if (random.int(10) < 3) return { ok: false, reason: 'not today' }
      if (random.int(10) < 1) throw new Error('broken')
      return { ok: true }
    }
    relays().add(teller.consumer())
    const all = await events()
    await time.until(() => new Set(teller.told.filter(({ ok }) => ok).map(({ id }) => id)).size === all.length, 36_000_000)
    expectAllTold(teller.told, all)
  })

  it('is not held up by an event that it never takes, which is given up in the end', async () => {
    const { sell, relays, time, events } = await openStage()
    const teller = createTeller()
    await sell(100)
    const all = await events()
    const poison = all.find(({ type }) => type === 'reservation.confirmed')!
    const behind = all.filter((event) => keyOf(event) === keyOf(poison) && Number(event.cursor) >= Number(poison.cursor))
    teller.answer = (event) => (event.id === poison.id ? { ok: false, reason: 'no' } : { ok: true })
    const givenUp: string[] = []
    const node = relays()
    node.add(
      teller.consumer('one', {
        retryMs: (attempts, triedForMs) => (triedForMs > 86_400_000 ? null : 3_600_000),
        onGivenUp: (event) => givenUp.push(event.id),
      }),
    )
    await time.until(() => okOf(teller) === all.length - behind.length)
    expect(node.status()[0]).toMatchObject({ parked: behind.length, restingForMs: null, failed: 1 })
    await time.until(() => okOf(teller) === all.length - 1, 2 * 86_400_000)
    expect(givenUp).toEqual([poison.id])
    expect(teller.told.filter(({ ok }) => !ok).length).toBeGreaterThan(20)
    expectAllTold(
      teller.told,
      all.filter((event) => event !== poison),
    )
  })

  it('takes the others as fast as ever while it refuses some, which are tried again at their times only', async () => {
    const { sell, relays, time, events } = await openStage()
    const teller = createTeller()
    teller.answer = ({ type }) => (type === 'reservation.cancelled' ? { ok: false, reason: 'no' } : { ok: true })
    const node = relays()
    node.add(teller.consumer('one', { retryMs: (attempts) => (attempts === 1 ? 5_000 : 600_000) }))
    for (let turn = 0; turn < 20; turn++) {
      await sell(turn === 0 ? 30 : 3)
      await time.pass(500)
    }
    const bad = (await events()).filter(({ type }) => type === 'reservation.cancelled').length
    await time.pass(1_000)
    expect(okOf(teller)).toBe((await events()).length - bad)
    expect(node.status()[0]!.failed).toBeLessThanOrEqual(2 * bad)
  })

  it('rests while nothing goes through, and is told of everything soon after', async () => {
    const { sell, relays, time, events, reports } = await openStage()
    const teller = createTeller()
    teller.answer = () => ({ ok: false, reason: 'away' })
    const node = relays()
    node.add(teller.consumer())
    await sell(400)
    await time.pass(3_600_000)
    // Half a second, doubled up to five minutes: some twenty attempts in an hour, and those that were on their way at first.
    expect(teller.told.length).toBeLessThan(40)
    expect(teller.told.length).toBeGreaterThan(15)
    expect(node.status()[0]!.restingForMs).toBeGreaterThan(0)
    expect(reports.length).toBeGreaterThan(0)
    teller.answer = () => ({ ok: true })
    const all = [...(await events())]
    await time.until(() => okOf(teller) === all.length, 400_000)
    teller.answer = () => ({ ok: false, reason: 'away again' })
    await sell(20)
    await time.pass(3_600_000)
    teller.answer = () => ({ ok: true })
    // Whoever mended it says so.
    node.retry(name)
    all.push(...(await events()).slice(all.length))
    await time.until(() => okOf(teller) === all.length, 2_000)
    expectAllTold(teller.told, all)
  })

  it('is told of what happens to a product, though one event of it is never taken', async () => {
    const { shop, relays, time } = await openStage()
    const teller = createTeller()
    accepted(await shop.createProduct({ sku: 'a', name: 'A', totalStock: 1 }))
    accepted(await shop.createProduct({ sku: 'b', name: 'B', totalStock: 1 }))
    for (let delta = 1; delta <= 1_100; delta++) await shop.adjustStock('a', { delta })
    accepted(await shop.adjustStock('b', { delta: 1 }))
    teller.answer = (event) => (event.id === '1' ? { ok: false, reason: 'no' } : { ok: true })
    relays().add(teller.consumer('one', { retryMs: () => 3_600_000 }))
    await time.until(() => okOf(teller) === 1_102, 60_000)
    expect(teller.told.filter(({ ok }) => !ok).length).toBe(1)
  })

  it('is not stuck behind many events that it never takes', async () => {
    const { shop, sell, relays, time, events } = await openStage()
    const teller = createTeller()
    await sell(30)
    teller.answer = (event) => (event.type.startsWith('reservation.') ? { ok: false, reason: 'no' } : { ok: true })
    relays().add(teller.consumer('one', { retryMs: () => 3_600_000 }))
    accepted(await shop.updateProduct('a', { name: 'B' }))
    const last = (await events()).at(-1)!
    await time.until(() => teller.told.some(({ id, ok }) => ok && id === last.id), 86_400_000)
  })

  it('waits as long as it asks for', async () => {
    const { sell, relays, time } = await openStage()
    const teller = createTeller()
    teller.answer = () => ({ ok: false, reason: 'later', retryAfterMs: 120_000 })
    await sell(1)
    relays().add(teller.consumer('one', { windowMax: 1, retryMs: () => 1 }))
    await time.until(() => teller.told.length === 2, 1_000)
    await time.pass(119_000)
    expect(teller.told.length).toBeLessThan(4)
  })
})

describe('a replay', () => {
  it.each(['0', 'the last', '999999999'])('passes over nothing that was not told (after %s)', async (cursor) => {
    const { sell, relays, time, events, shop } = await openStage()
    const teller = createTeller()
    teller.answer = () => ({ ok: false, reason: 'away' })
    let replay: ReturnType<NonNullable<Consumer['replay']>> = null
    const node = relays()
    node.add(teller.consumer('one', { replay: () => replay }))
    await sell(30)
    await time.until(() => teller.told.length > 10)
    replay = { tag: 'r1', after: cursor === 'the last' ? await shop.lastCursor() : cursor }
    teller.answer = () => ({ ok: true })
    node.retry(name)
    await sell(5)
    const all = await events()
    await time.until(() => new Set(teller.told.filter(({ ok }) => ok).map(({ id }) => id)).size === all.length)
    expectAllTold(teller.told, all)
  })
})

describe('a node that is alone', () => {
  it('sleeps and writes nothing while nothing happens', async () => {
    const { store, sell, relays, time } = await openStage()
    let writes = 0
    let looks = 0
    const notes: Notes = { ...store.notes!, write: async (...note) => (writes++, store.notes!.write(...note)) }
    const teller = createTeller()
    // Not in a row without a turn for anybody else, which no test would survive.
    const replay = () => (++looks < 1_000 ? null : expect.fail('it does not sleep'))
    relays({ isShared: false, notes }).add(teller.consumer('one', { replay }))
    await sell(5)
    await time.until(() => teller.told.length > 5)
    await time.pass(10_000)
    const before = writes
    looks = 0
    await time.pass(60_000)
    expect(writes).toBe(before)
    expect(looks).toBeLessThan(30)
  })
})

describe('several nodes', () => {
  it('tell each event once, and the next goes on at once when one stops', async () => {
    const { sell, relays, time, events } = await openStage()
    const teller = createTeller()
    const nodes = { one: relays(), two: relays() }
    for (const [node, of] of Object.entries(nodes)) of.add(teller.consumer(node))
    await sell(50)
    await time.until(() => teller.told.length > 20)
    const owner = teller.told[0]!.node as 'one' | 'two'
    const stopped = nodes[owner].stop()
    let isStopped = false
    void stopped.then(() => (isStopped = true))
    await time.until(() => isStopped, 1_000)
    await sell(10)
    const all = await events()
    await time.until(() => teller.told.length === all.length, 4_000)
    expect(new Set(teller.told.map(({ id }) => id)).size).toBe(all.length)
    expect(new Set(teller.told.map(({ node }) => node)).size).toBe(2)
    expectAllTold(teller.told, all)
  })

  it('lose nothing when one dies between telling and writing it down; another goes on after fifteen seconds', async () => {
    const { store, sell, relays, time, events } = await openStage()
    const teller = createTeller()
    let isDead = false
    const dying: Notes = {
      ...store.notes!,
      write: (...note) => (isDead ? new Promise(() => {}) : store.notes!.write(...note)),
    }
    relays({ notes: dying }).add(teller.consumer('one'))
    await sell(20)
    await time.until(() => teller.told.length > 40)
    await time.pass(2_000)
    const before = new Set(teller.told.map(({ id }) => id))
    isDead = true
    await sell(10)
    await time.until(() => teller.told.length > before.size + 5)
    teller.answer = (_event, node) => (node === 'one' ? new Promise(() => {}) : { ok: true })
    relays().add(teller.consumer('two'))
    await time.pass(14_000)
    expect(teller.told.filter(({ node }) => node === 'two')).toEqual([])
    const all = await events()
    await time.until(() => new Set(teller.told.map(({ id }) => id)).size === all.length, 5_000)
    expectAllTold(teller.told, all)
    // What was written down is not told again.
    expect(teller.told.filter(({ id, node }) => node === 'two' && before.has(id))).toEqual([])
  })

  it('are not two that tell: one that was away for too long stops by itself, and its position is not taken', async () => {
    const { store, sell, relays, time, events } = await openStage()
    const teller = createTeller()
    let isAway = false
    const cut: Notes = {
      ...store.notes!,
      write: (...note) => (isAway ? Promise.reject(new Error('away')) : store.notes!.write(...note)),
    }
    const one = relays({ notes: cut })
    one.add(teller.consumer('one'))
    const two = relays()
    two.add(teller.consumer('two'))
    await time.until(() => one.status()[0]!.isOwner || two.status()[0]!.isOwner)
    expect(one.status()[0]!.isOwner).toBe(true)
    isAway = true
    await time.until(() => two.status()[0]!.isOwner, 30_000)
    expect(one.status()[0]!.isOwner).toBe(false)
    await sell(20)
    isAway = false
    await time.pass(30_000)
    expect(new Set(teller.told.map(({ node }) => node))).toEqual(new Set(['two']))
    expectAllTold(teller.told, await events())
  })
})

describe('a consumer that was removed by another node', () => {
  it('is not told from the beginning again until this node hears of it', async () => {
    const { store, sell, relays, time } = await openStage()
    const teller = createTeller()
    for (const node of ['one', 'two']) relays().add(teller.consumer(node))
    await sell(20)
    await time.until(() => teller.told.length > 40)
    await time.pass(10_000)
    const before = teller.told.length
    for (let note = await store.notes!.read(placeOf(name)); note !== null; note = await store.notes!.read(placeOf(name)))
      await store.notes!.write(note.name, null, note.version)
    await time.pass(30_000)
    expect([teller.told.length, await store.notes!.read(placeOf(name))]).toEqual([before, null])
  })
})

describe('a position', () => {
  it('is where a process of one node goes on after a crash, without waiting', async () => {
    const path = await temporaryFile()
    const teller = createTeller()
    const time = manualTime()
    const open = async () => {
      const store = await sqliteStore({ path })
      const shop = createHoldfast({ store, expiry: 'manual' })
      return { shop, store, relays: createRelays({ shop, notes: store.notes!, isShared: false, time, report: () => {} }) }
    }
    const first = await open()
    for (const sku of ['a', 'b', 'c']) accepted(await first.shop.createProduct({ sku, name: sku, totalStock: 1 }))
    first.relays.add(teller.consumer())
    await time.until(() => teller.told.length === 3)
    await time.pass(2_000)
    // As if killed: nothing is written down any more.
    await first.shop.close()
    const second = await open()
    onTestFinished(() => second.shop.close())
    accepted(await second.shop.createProduct({ sku: 'd', name: 'D', totalStock: 1 }))
    second.relays.add(teller.consumer())
    await time.until(() => teller.told.length === 4, 1_000)
    expect(teller.told.at(-1)!.key).toBe('sku d')
    let isStopped = false
    void second.relays.stop().then(() => (isStopped = true))
    await time.until(() => isStopped, 2_000)
    expect(JSON.parse((await second.store.notes!.read(placeOf(name)))!.value)).toMatchObject({ node: null, parked: [] })
  })

  it.each([true, false])('is not looked at all the time while nothing happens; with other nodes: %s', async (isShared) => {
    const { shop, store, sell, time } = await openStage()
    const teller = createTeller()
    let looks = 0
    const ticks = (): number => {
      // Ends what would go on for ever.
      if (++looks > 10_000) throw new Error('a busy loop')
      return time.ticks()
    }
    const relays = createRelays({ shop, notes: store.notes!, isShared, time: { ...time, ticks }, report: () => {} })
    onTestFinished(() => void relays.stop())
    await sell(1)
    relays.add(teller.consumer())
    await time.pass(60_000)
    expect(teller.told.length).toBeGreaterThan(0)
    expect(looks).toBeLessThan(1_000)
  })

  it('begins where the consumer says, and again where a replay says, once', async () => {
    const { sell, relays, time, shop, events } = await openStage()
    await sell(5)
    const startAfter = await shop.lastCursor()
    const teller = createTeller()
    let replay: ReturnType<NonNullable<Consumer['replay']>> = null
    const node = relays()
    node.add(teller.consumer('one', { startAfter, replay: () => replay }))
    await sell(5)
    const all = await events()
    const late = all.filter(({ cursor }) => Number(cursor) > Number(startAfter))
    await time.until(() => teller.told.length === late.length)
    expectAllTold(teller.told, late)
    replay = { tag: 'r1', after: null }
    node.retry(name)
    await time.until(() => teller.told.length === late.length + all.length)
    await time.pass(20_000)
    expect(teller.told.length).toBe(late.length + all.length)
  })
})

it('a consumer that was away for longer than events are kept says so, and is told of those that are', async () => {
  const { shop, store, clock } = await openShop()
  const time = manualTime()
  const reports: unknown[] = []
  const teller = createTeller()
  const begin = (): Relays => createRelays({ shop, notes: store.notes!, isShared: false, time, report: (error) => reports.push(error) })
  const first = begin()
  first.add(teller.consumer())
  accepted(await shop.createProduct({ sku: 'told', name: 'Told', totalStock: 1 }))
  await time.until(() => teller.told.length === 1)
  let isStopped = false
  void first.stop().then(() => (isStopped = true))
  await time.until(() => isStopped)
  for (const sku of ['removed', 'removed-too']) accepted(await shop.createProduct({ sku, name: sku, totalStock: 1 }))
  clock.advance(7_200_000)
  accepted(await shop.createProduct({ sku: 'kept', name: 'Kept', totalStock: 1 }))
  while ((await store.retention!.prune({ eventsMs: 3_600_000, reservationsMs: null, answersMs: null, limit: 100 })).more);
  const second = begin()
  onTestFinished(() => void second.stop())
  second.add(teller.consumer())
  await time.until(() => teller.told.length === 2)
  expect(teller.told.map(({ key }) => key)).toEqual(['sku told', 'sku kept'])
  expect(reports.map(String)).toEqual([expect.stringMatching(/events after \d+ were removed before they were told/)])
})
