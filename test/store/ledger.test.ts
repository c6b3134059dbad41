import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Transition } from '../../src/domain/replay.ts'
import type { ReservationRow } from '../../src/domain/reservation.ts'
import type { Store } from '../../src/index.ts'
import {
  cancel,
  cancelOrder,
  confirm,
  createProduct,
  details,
  extend,
  key,
  readEvents,
  reserve,
  updateProduct,
  type Cart,
} from '../../src/store/conformance/kit.ts'
import type { Bought, Ledger, LedgerContents, OnSale } from '../../src/store/ledger.ts'
import { manualClock, someInstant as at, type ManualClock } from '../support/clock.ts'
import { ledgerKinds, openForAudit, type LedgerPlace } from '../support/ledgers.ts'
import { openingRefusal } from '../support/opening.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'
import { expectSound } from '../support/sound.ts'

let stores: PostgresStores

beforeAll(async () => {
  stores = await createPostgresStores()
})

afterAll(() => stores.remove())

const kinds = ledgerKinds(() => stores)

const none = { userId: null, sku: null, status: null } as const

interface LoadedContents {
  readonly products: OnSale[]
  readonly bought: Bought[]
}

async function readContents(contents: LedgerContents): Promise<LoadedContents> {
  const read: LoadedContents = { products: [], bought: [] }
  for await (const page of contents.products()) read.products.push(...page)
  for await (const page of contents.bought()) read.bought.push(...page)
  return read
}

const made = (sku: string, totalStock: number, maxPerUser: number | null = null): Transition => ({
  type: 'productCreated',
  product: { sku, ...details, maxPerUser, createdAt: at, updatedAt: at },
  totalStock,
  time: at,
})

function reserved(id: string, cart: Readonly<Record<string, number>>, more: Partial<ReservationRow> = {}): Transition {
  const items = Object.entries(cart).map(([sku, quantity]) => ({ sku, quantity, unitPrice: null }))
  const row: ReservationRow = {
    id,
    userId: 'ann',
    status: 'active',
    items,
    metadata: {},
    createdAt: at,
    expiresAt: at + 60_000,
    endedAt: null,
    orderId: null,
    slots: [],
    ...more,
  }
  return { type: 'reserved', row, time: at }
}

const confirmed = (id: string): Transition => ({ type: 'confirmed', id, orderId: `order-of-${id}`, metadata: {}, time: at + 1 })

describe.each(kinds)('a ledger on %s', (kind, openPlace) => {
  async function open(clock = manualClock()): Promise<{ place: LedgerPlace; ledger: Ledger; clock: ManualClock }> {
    const place = await openPlace(clock)
    return { place, ledger: await place.open(), clock }
  }

  it('takes each batch once and in order, from one generation', async () => {
    const { place, ledger } = await open()
    const id = (await ledger.state()).id
    const first = [made('a', 5), reserved('r', { a: 2 })]
    expect(await ledger.append(0, 0, 2, first)).toEqual({ id, generation: 0, position: 2 })
    for (const [generation, from] of [
      [0, 0],
      [0, 1],
      [0, 3],
      [1, 2],
    ] as const) {
      expect(await ledger.append(generation, from, 9, [confirmed('r')])).toEqual({ id, generation: 0, position: 2 })
    }
    const states = await Promise.all([1, 2, 3].map(() => ledger.append(0, 2, 3, [confirmed('r')])))
    expect(states.map(({ position }) => position)).toEqual([3, 3, 3])
    expect(await ledger.append(0, 3, 7, [])).toEqual({ id, generation: 0, position: 7 })
    const events = (await ledger.events({ limit: 9, cursor: null })).data
    expect(events.map(({ type, time }) => `${type} ${time - at}`)).toEqual([
      'product.created 0',
      'reservation.created 0',
      'reservation.confirmed 1',
      'order.created 1',
    ])
    const again = await place.open()
    expect(await again.state()).toEqual({ id, generation: 0, position: 7 })
    await again.close()
    await expect(again.state()).rejects.toMatchObject({ code: 'closed' })
  })

  it('takes a batch once that several bring at once, round after round', async () => {
    const { ledger } = await open()
    await ledger.append(0, 0, 1, [made('a', 99)])
    for (let position = 1; position < 20; position++) {
      const states = await Promise.all([1, 2, 3].map(() => ledger.append(0, position, position + 1, [reserved(`r${position}`, { a: 1 })])))
      expect(states.map((state) => state.position)).toEqual([position + 1, position + 1, position + 1])
    }
    expect((await ledger.reservations(none, { limit: 99, cursor: null }, at)).data).toHaveLength(19)
  })

  it('rejects what cannot be, and is as it was before', async () => {
    const { place, ledger } = await open()
    await ledger.append(0, 0, 1, [made('a', 5), reserved('r', { a: 2 }), reserved('s', { a: 1 }), confirmed('r')])
    const before = await readAll()
    const wrong: [string, Transition[]][] = [
      ['would be reserved', [reserved('t', { a: 1 }), reserved('u', { a: 2 })]],
      ['missing fact: stock of b', [reserved('t', { b: 1 })]],
      ['is confirmed and cannot be cancelled', [{ type: 'cancelled', id: 'r', time: at }]],
      // What only the keys of the tables know.
      ['', [reserved('r', { a: 1 })]],
      ['', [{ ...confirmed('s'), orderId: 'order-of-r' } as Transition]],
    ]
    for (const [message, transitions] of wrong) {
      await expect(ledger.append(0, 1, 2, [reserved('before', { a: 1 }), ...transitions])).rejects.toMatchObject({
        code: 'journal_rejected',
        message: expect.stringContaining(message),
      })
    }
    expect(await readAll()).toEqual(before)
    expect(await ledger.append(0, 1, 2, [reserved('before', { a: 1 })])).toMatchObject({ position: 2 })
    await expectSound(await openForAudit(place))

    async function readAll() {
      return [
        await ledger.state(),
        await ledger.events({ limit: 99, cursor: null }),
        await ledger.reservations(none, { limit: 99, cursor: null }, at),
      ]
    }
  })

  it('answers commands by what has ended and by the answers of the journal, the latest first', async () => {
    const { ledger } = await open()
    const idempotency = key('k')
    await ledger.append(0, 0, 1, [
      made('a', 9),
      reserved('r', { a: 2 }),
      { ...confirmed('r'), idempotency },
      reserved('s', { a: 1 }),
      { ...reserved('first', { a: 1 }), idempotency: key('twice') },
      { type: 'lost', id: 'first', time: at },
    ])
    await ledger.append(0, 1, 2, [{ ...reserved('second', { a: 1 }), idempotency: key('twice') }])
    const commands = [
      confirm('r', { idempotency }),
      confirm('r'),
      cancel('s'),
      extend('none', 5),
      confirm('first'),
      reserve('ann', { a: 1 }, { idempotency: key('twice') }),
      reserve('ann', { a: 1 }, { idempotency: key('k', { fingerprint: 'another' }) }),
      reserve('ann', { a: 1 }, { idempotency: key('unknown') }),
    ]
    const answers = await ledger.peek(commands, at + 2)
    expect(answers).toMatchObject(
      [
        { ok: true, value: { id: 'order-of-r' }, created: true, replayed: true },
        { ok: true, value: { id: 'order-of-r' }, created: false, replayed: false },
        {},
        { ok: false, refusal: { code: 'reservation_not_found' } },
        { ok: false, refusal: { code: 'reservation_lost' } },
        { ok: true, value: { id: 'second' }, created: true, replayed: true },
        { ok: false, refusal: { code: 'idempotency_key_reused' } },
        {},
      ].map((answer) => (Object.keys(answer).length === 0 ? null : answer)),
    )
    // A day later only the rows are left.
    const [old] = await ledger.peek([confirm('r', { idempotency })], at + 25 * 60 * 60 * 1000)
    expect(old).toMatchObject({ ok: true, created: false, replayed: false })
    expect(await ledger.orderRow('order-of-r')).toMatchObject({ reservationId: 'r', status: 'placed' })
    expect(await ledger.orderRow('none')).toBeNull()
    expect((await ledger.reservation('s', at))?.status).toBe('active')
    expect((await ledger.reservation('s', at + 60_000))?.status).toBe('expired')
    expect(await ledger.reservation('none', at)).toBeNull()
  })

  it('lists lost reservations only to those who ask for them', async () => {
    const { ledger } = await open()
    await ledger.append(0, 0, 1, [made('a', 9), reserved('r', { a: 2 }), reserved('s', { a: 1 }), { type: 'lost', id: 'r', time: at }])
    const idsOf = async (filter: Parameters<Ledger['reservations']>[0]) =>
      (await ledger.reservations(filter, { limit: 9, cursor: null }, at)).data.map(({ id }) => id)
    for (const filter of [none, { ...none, userId: 'ann' }, { ...none, sku: 'a' }]) {
      expect(await idsOf(filter)).toEqual(['s'])
      expect(await idsOf({ ...filter, status: 'lost' })).toEqual(['r'])
      expect(await idsOf({ ...filter, status: 'expired' })).toEqual([])
    }
  })

  it('is taken over: nobody of the old generation writes, what was active is lost, and what was sold is loaded (H1, H3, U1)', async () => {
    const clock = manualClock()
    const place = await openPlace(clock)
    const store = await place.openStore()
    await store.execute([
      createProduct('a', 9_000),
      createProduct('b', 90),
      createProduct('late', 90),
      createProduct('each', 90, { maxPerUser: 9 }),
    ])
    const buy = async (id: string, userId: string, cart: Cart) => {
      await store.execute([reserve(userId, cart, { id }), confirm(id, { orderId: `order-of-${id}` })])
    }
    await buy('1', 'ann', { late: 2, b: 1 })
    await buy('2', 'bob', { late: 3 })
    await buy('3', 'bob', { late: 4, each: 1 })
    await store.execute([cancelOrder('order-of-3'), updateProduct('late', { maxPerUser: 8 })])
    await buy('4', 'ann', { late: 1, each: 2 })
    await buy('5', 'cid', { late: 1, each: 3 })
    await buy('6', 'ann', { each: 4 })
    await store.execute([reserve('ann', { each: 1 }, { id: 'held' }), reserve('ann', { b: 1 }, { ttlMs: 1_000 })])
    const many = Array.from({ length: 3_000 }, (__, index) => reserve(`u${index}`, { a: 1 }))
    await store.execute(many)
    clock.advance(1_000)
    // Also tells a database the time.
    expect(await store.nextDueInMs()).toBe(0)

    const ledger = await place.open()
    expect(await ledger.openReservations()).toBe(3_001)
    const users: { userId: string; units: number }[] = []
    for await (const page of ledger.usersOf('each')) users.push(...page)
    expect(users.toSorted((one, other) => one.userId.localeCompare(other.userId))).toEqual([
      { userId: 'ann', units: 7 },
      { userId: 'cid', units: 3 },
    ])
    // Due when it is taken over, so it ends as everybody has read it.
    const due = reserved('due', { a: 1 }, { createdAt: clock() - 2, expiresAt: clock() })
    await ledger.append(0, 0, 0, [due])
    const loads: LoadedContents[] = []
    const load = async (contents: LedgerContents): Promise<void> => void loads.push(await readContents(contents))
    const { id } = await ledger.state()
    expect(await ledger.takeOver(1, load)).toEqual({ id, generation: 0, position: 0 })
    expect(await ledger.takeOver(0, load)).toEqual({ id, generation: 1, position: 0 })
    expect(loads).toHaveLength(1)
    const [{ products, bought }] = loads as [LoadedContents]
    expect(products.map(({ product, stock }) => [product.sku, product.maxPerUser, stock.reserved, stock.sold])).toEqual([
      ['a', null, 0, 0],
      ['b', null, 0, 1],
      ['each', 9, 0, 9],
      ['late', 8, 0, 7],
    ])
    expect(bought.map(({ sku, userId, units }) => `${sku} ${userId} ${units}`).toSorted()).toEqual([
      'each ann 6',
      'each cid 3',
      'late ann 3',
      'late bob 3',
      'late cid 1',
    ])

    expect(await ledger.append(0, 0, 1, [reserved('x', { a: 1 })])).toEqual({ id, generation: 1, position: 0 })
    expect(await ledger.append(1, 0, 1, [reserved('x', { a: 1 })])).toEqual({ id, generation: 1, position: 1 })
    expect(await ledger.reservation('held', clock())).toMatchObject({ status: 'lost', endedAt: clock(), expiresInMs: 0 })
    expect(await ledger.reservation(many[2_999]!.id, clock())).toMatchObject({ status: 'lost' })
    expect(await ledger.reservation('due', clock())).toMatchObject({ status: 'expired', endedAt: clock() })
    expect((await ledger.reservation('6', clock()))?.status).toBe('confirmed')
    const target = await openForAudit(place)
    await expectSound(target)
    const types = (await readEvents(target)).map(({ type }) => type)
    expect(types.filter((type) => type === 'reservation.lost')).toHaveLength(3_001)
    await target.close()
  })

  it('is taken over by one of those who try at once', async () => {
    const { place, ledger } = await open()
    await ledger.append(0, 0, 1, [made('a', 9), reserved('r', { a: 2 })])
    const nodes = kind === 'SQLite' ? [ledger, ledger, ledger] : [ledger, await place.open(), await place.open()]
    let loading = 0
    let loads = 0
    const states = await Promise.all(
      nodes.map(async (node) => {
        const state = await node.takeOver(0, async (contents) => {
          expect(++loading).toBe(1)
          await readContents(contents)
          await new Promise((resolve) => setTimeout(resolve, 50))
          loading--
          loads++
        })
        expect(loads, 'whoever comes second waits for the first').toBe(1)
        return state
      }),
    )
    expect(states.map(({ generation }) => generation)).toEqual([1, 1, 1])
    expect((await readEvents({ events: ledger.events } as Store)).filter(({ type }) => type === 'reservation.lost')).toHaveLength(1)
  })

  it('is taken over by the next, when one died half way', async () => {
    const clock = manualClock()
    const place = await openPlace(clock)
    const store = await place.openStore()
    await store.execute([createProduct('a', 9_000), ...Array.from({ length: 5_000 }, () => reserve('ann', { a: 1 }))])
    const first = await place.open()
    const dying = first.takeOver(0, async () => expect.fail('it died before'))
    const died = expect(dying).rejects.toMatchObject({ code: expect.stringMatching(/^(closed|store_unavailable)$/) })
    while ((await readLost(first)) === 0);
    await first.close()
    await died

    const second = await place.open()
    expect(await second.state()).toMatchObject({ generation: 1 })
    const lost = await readLost(second)
    expect(lost).toBeGreaterThan(0)
    expect(lost).toBeLessThan(5_000)
    const failing = second.takeOver(1, async () => {
      throw new Error('Redis is away')
    })
    await expect(failing).rejects.toThrow('Redis is away')
    expect(await second.state()).toMatchObject({ generation: 2 })
    let contents: LoadedContents | null = null
    expect(await second.takeOver(2, async (found) => void (contents = await readContents(found)))).toMatchObject({ generation: 3 })
    expect(contents).toMatchObject({ products: [{ stock: { total: 9_000, reserved: 0, sold: 0 } }], bought: [] })
    const target = await openForAudit(place)
    await expectSound(target)
    await target.close()

    async function readLost(ledger: Ledger): Promise<number> {
      return (await ledger.reservations({ ...none, status: 'lost' }, { limit: 5_000, cursor: null }, at)).data.length
    }
  })

  it('is refused as a plain store once it was taken over', async () => {
    const { place, ledger } = await open()
    await ledger.takeOver(0, async () => {})
    await ledger.close()
    const { code, message } = await openingRefusal(place.openStore())
    expect(code).toBe('cannot_open')
    expect(message).toContain('is the ledger of a Redis store. Open it as such: --store redis://HOST:PORT --ledger ')
    const again = await place.open()
    expect(await again.state()).toMatchObject({ generation: 1 })
  })
})
