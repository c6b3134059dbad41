import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createHoldfast, sqliteStore, type Event, type Holdfast, type Page } from '../../src/index.ts'
import { postgresLedger } from '../../src/store/postgres/ledger.ts'
import { schemaVersion } from '../../src/store/postgres/migrate.ts'
import { sqliteLedger } from '../../src/store/sqlite/ledger.ts'
import { temporaryFile } from '../support/folder.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'
import { accepted, verdict } from '../support/shop.ts'
import { expectSound } from '../support/sound.ts'
import { runCli } from './cli.ts'

let stores: PostgresStores

beforeAll(async () => {
  stores = await createPostgresStores()
})

afterAll(() => stores.remove())

async function eventsOf({ events }: Pick<Holdfast, 'events'>): Promise<readonly Event[]> {
  const all: Event[] = []
  for (let cursor: string | null = null; ;) {
    const page: Page<Event> = await events({ limit: 200, cursor })
    if (page.data.length === 0) return all
    all.push(...page.data)
    cursor = page.nextCursor
  }
}

/** Some of its events are removed; how many. */
async function prune(path: string): Promise<number> {
  const store = await sqliteStore({ path, clock: () => Date.now() + 2 * 3_600_000 })
  const { events } = await store.retention!.prune({ eventsMs: 0, reservationsMs: null, answersMs: null, limit: 320 })
  await store.close()
  return events
}

/** A shop with one of everything; what it would say. */
async function fill(path: string) {
  await using shop = createHoldfast({ store: await sqliteStore({ path }), expiry: 'manual', activePerUserMax: 2_502 })
  const price = { amount: 1_999, currency: 'EUR' }
  accepted(
    await shop.createProduct({ sku: 'a', name: 'Quote " backslash \\ { } ✓ line\nend', totalStock: 5_000, price, maxPerUser: 3_000 }),
  )
  accepted(await shop.createProduct({ sku: 'b', name: 'B', totalStock: 10 }))
  const made = await Promise.all(
    Array.from({ length: 2_500 }, async (_, index) =>
      accepted(await shop.reserve({ userId: 'ann', items: [{ sku: 'a', quantity: 1 }], metadata: { index: `${index}` } })),
    ),
  )
  const order = accepted(await shop.confirm(made[0]!.id, { metadata: { note: 'NULL' } }, { idempotencyKey: 'once' }))
  accepted(await shop.cancel(made[1]!.id))
  const cancelled = accepted(await shop.confirm(made[2]!.id))
  accepted(await shop.cancelOrder(cancelled.id, { reason: 'damaged' }))
  return { order, made, product: await shop.product('a'), events: await eventsOf(shop) }
}

describe('holdfast copy', () => {
  it('moves everything, and the shop goes on where it was (O1, I1, E4, S1–S4)', async () => {
    const file = await temporaryFile()
    const { order, made, product, events: all } = await fill(file)
    const removed = await prune(file)
    const events = all.slice(removed)
    const schema = stores.newSchema()
    const url = `${stores.server.url}?schema=${schema}`
    const copied = await runCli(['copy', '--from', `sqlite:${file}`, '--to', url, '--json'])
    expect(copied.code, copied.stderr).toBe(0)
    expect((JSON.parse(copied.stdout) as { rows: object }).rows).toMatchObject({
      products: 2,
      reservations: 2_500,
      orders: 2,
      events: events.length,
    })

    const store = await stores.open(schema)
    const shop = createHoldfast({ store, expiry: 'manual', activePerUserMax: 2_500 })
    expect(await shop.product('a')).toEqual(product)
    expect(await shop.order(order.id)).toEqual(order)
    expect(removed).toBeGreaterThan(100)
    expect(await eventsOf(shop)).toEqual(events)
    await expect(shop.events({ cursor: '1' })).rejects.toMatchObject({ code: 'cursor_expired', oldestCursor: `${removed}` })
    const again = await shop.confirm(made[0]!.id, { metadata: { note: 'NULL' } }, { idempotencyKey: 'once' })
    expect(again).toMatchObject({ ok: true, replayed: true, value: order })
    // Numbers and limits go on.
    accepted(await shop.confirm(made[3]!.id))
    const tooMany = await shop.reserve({ userId: 'ann', items: [{ sku: 'a', quantity: 503 }] })
    expect(tooMany).toMatchObject({ ok: false, refusal: { code: 'user_limit_exceeded', remaining: 502 } })
    for (const expected of ['ok', 'ok', 'ok', 'ok', 'reservation_limit_exceeded']) {
      expect(verdict(await shop.reserve({ userId: 'ann', items: [{ sku: 'b', quantity: 1 }] }))).toBe(expected)
    }
    accepted(await shop.reserve({ userId: 'bob', items: [{ sku: 'b', quantity: 6 }] }))
    await expectSound(store)
    await shop.close()

    const twice = await runCli(['copy', '--from', `sqlite:${file}`, '--to', url])
    expect(twice.code).toBe(1)
    expect(twice.stderr).toContain('The target is not empty: "products" has 2 rows already.')
  })

  it('moves a ledger as the ledger that it is', async () => {
    const file = await temporaryFile()
    await fill(file)
    const ledger = await sqliteLedger({ path: file })
    await ledger.claim('shop', null)
    await ledger.takeOver(0, async () => {})
    const state = await ledger.append(1, 0, 1, [], 'first')
    expect(state).toMatchObject({ generation: 1, position: 1, mark: 'first', namespace: 'shop' })
    await ledger.close()
    const url = `${stores.server.url}?schema=${stores.newSchema()}`
    const copied = await runCli(['copy', '--from', `sqlite:${file}`, '--to', url])
    expect(copied.code, copied.stderr).toBe(0)
    const moved = await postgresLedger({ url, warn: () => {} })
    expect(await moved.state()).toEqual(state)
    await moved.close()
  })

  it('copies what is in Redis with its ledger, and says so', async () => {
    const into = await runCli(['copy', '--from', `sqlite:${await temporaryFile()}`, '--to', 'redis://:secret@h'])
    expect(into.stderr).toMatch(/^There is no file /)
    const file = await temporaryFile()
    await (await sqliteStore({ path: file })).close()
    const to = await runCli(['copy', '--from', `sqlite:${file}`, '--to', 'redis://:secret@h'])
    expect(to).toMatchObject({ code: 1, stdout: '' })
    expect(to.stderr).toContain('Copy into the database of the ledger before the first start, --to postgres://…')
    const from = await runCli(['copy', '--from', 'rediss://:secret@h', '--to', stores.server.url])
    expect(from).toMatchObject({ code: 1, stdout: '' })
    expect(from.stderr).toContain('what was sold is in its ledger. Stop the service and copy that, --from sqlite:PATH --to postgres://…')
    expect(to.stderr + from.stderr).not.toContain('secret')
  })

  it('says what it cannot do', async () => {
    const missing = await runCli(['copy', '--from', 'sqlite:./nowhere.db', '--to', stores.server.url])
    expect(missing).toMatchObject({ code: 1, stderr: 'There is no file ./nowhere.db; nothing was copied.\n' })
    const backwards = await runCli(['copy', '--from', 'postgres://u:secret@h/d', '--to', 'sqlite:x.db'])
    expect(backwards.code).toBe(1)
    expect(backwards.stderr).toContain('Holdfast copies from sqlite:PATH to postgres://…, not from postgres://u:***@h/d to sqlite:x.db.')
  })
})

describe('holdfast migrate', () => {
  it('makes the schema once, and says so', async () => {
    const url = `${stores.server.url}?schema=${stores.newSchema()}`
    expect(JSON.parse((await runCli(['migrate', '--store', url, '--json'])).stdout)).toMatchObject({
      migrationsRun: schemaVersion,
      version: schemaVersion,
    })
    expect((await runCli(['migrate', '--store', url])).stdout).toBe(`The schema is up to date (version ${schemaVersion}).\n`)
    expect((await runCli(['migrate', '--store', 'sqlite:x.db'])).stderr).toContain('needs no migrate')
    const redis = await runCli(['migrate', '--store', 'redis://:secret@h'])
    expect(redis).toMatchObject({ code: 1, stdout: '' })
    expect(redis.stderr).toBe(
      'A store in Redis has no schema, but its ledger may: name that, as in holdfast migrate --store postgres://…\n',
    )
  })
})
