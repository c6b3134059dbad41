import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createHoldfast, openStore, postgresStore, type Store } from '../../src/index.ts'
import { createProduct, expire, readEvents, reserve } from '../../src/store/conformance/kit.ts'
import { runCli } from '../cli/cli.ts'
import { openingRefusal } from '../support/opening.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'
import { accepted, verdict } from '../support/shop.ts'
import { expectSound } from '../support/sound.ts'

const folder = new URL('../../src/store/postgres/migrations/', import.meta.url)
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.sql'))
  .toSorted()
const readSql = (name: string, from: URL): string => readFileSync(new URL(name, from), 'utf8')
const leftByVersion1 = readSql('./older/postgres-1.sql', new URL(import.meta.url))

let stores: PostgresStores

beforeAll(async () => {
  stores = await createPostgresStores()
})

afterAll(() => stores.remove())

const urlOf = (schema: string, role = 'postgres'): string => `${stores.server.url.replace('postgres@', `${role}@`)}?schema=${schema}`

/** A schema as a Holdfast that knew so many migrations left it; 0: an empty one. */
async function makeOlder(version: number): Promise<string> {
  const schema = stores.newSchema()
  const steps = files.slice(0, version).flatMap((name, index) => [
    readSql(name, folder),
    `insert into migrations (version, name) values (${index + 1}, '${name}')`,
    // What was there at the first version has gone through all others.
    ...(index === 0 ? [leftByVersion1] : []),
  ])
  const table = 'create table migrations (version integer primary key, name text not null, run_at timestamptz not null default now())'
  await stores.server.sql(`create schema ${schema}`, `set search_path = ${schema}`, ...(version === 0 ? [] : [table]), ...steps)
  return schema
}

async function expectUpToDate(schema: string): Promise<void> {
  const rows = await stores.server.sql(`select version, name from ${schema}.migrations order by version`)
  expect(rows).toEqual(files.map((name, index) => ({ version: index + 1, name })))
}

const ids = {
  held: '01a1fef6-5c2f-7000-a32f-4a5c3d9ef70d',
  due: '01a1fef6-5c3c-7000-9c1c-a2910a1497c9',
  sold: '01a1fef6-5c45-7000-ac1b-53f99d3abb73',
  order: '01a1fef6-5c4c-7000-b35b-63487b54dce0',
}

/** What version 1 left behind is there, and the shop goes on with it. */
async function expectToGoOn(store: Store): Promise<void> {
  const before = await readEvents(store)
  expect(before.map(({ id, time }) => [Number(id), time >= 1_735_689_600_727])).toEqual(before.map((_, index) => [index + 1, true]))
  expect(before.map(({ type }) => type).slice(0, 15)).toEqual([
    'product.created',
    'product.created',
    'reservation.created',
    'reservation.created',
    'reservation.created',
    'reservation.confirmed',
    'order.created',
    'reservation.created',
    'reservation.cancelled',
    'reservation.created',
    'reservation.confirmed',
    'order.created',
    'order.cancelled',
    'stock.adjusted',
    'product.updated',
  ])
  expect(before[3]).toMatchObject({ subject: ids.due, stock: [{ sku: 'a', version: 3, reserved: 5 }] })
  expect(before[13]).toMatchObject({ subject: 'a', reason: 'more', data: { total: 25 } })
  expect(await store.reservation(ids.held)).toMatchObject({ status: 'active', userId: 'ann', expiresAt: 4_102_444_800_000 })
  expect(await store.reservation(ids.due)).toMatchObject({ status: 'expired' })
  expect(await store.order(ids.order)).toMatchObject({ status: 'placed', userId: 'cid', metadata: { note: 'old' } })
  expect((await store.reservations({ userId: 'dan', sku: null, status: null }, { limit: 9, cursor: null })).data).toHaveLength(1)

  const shop = createHoldfast({ store, expiry: 'manual' })
  onTestFinished(() => shop.close())
  const again = await shop.confirm(ids.sold, { metadata: { note: 'old' } }, { idempotencyKey: 'old' })
  expect(again).toMatchObject({ ok: true, replayed: true, value: { id: ids.order } })
  // Of the 25 one is sold and two are held; the three of bob come back for whoever wants them (H6).
  expect(verdict(await shop.reserve({ userId: 'fay', items: [{ sku: 'a', quantity: 23 }] }))).toBe('insufficient_stock')
  const fays = accepted(await shop.reserve({ userId: 'fay', items: [{ sku: 'a', quantity: 22 }] }))
  expect((await shop.reservation(ids.due))?.endedAt).not.toBeNull()
  // What was held and bought before counts against the limit of three (U1).
  expect(verdict(await shop.reserve({ userId: 'ann', items: [{ sku: 'each', quantity: 3 }] }))).toBe('user_limit_exceeded')
  expect(verdict(await shop.reserve({ userId: 'cid', items: [{ sku: 'each', quantity: 2 }] }))).toBe('user_limit_exceeded')
  accepted(await shop.reserve({ userId: 'ann', items: [{ sku: 'each', quantity: 2 }] }))
  accepted(await shop.confirm(ids.held))
  accepted(await shop.cancel(fays.id))
  accepted(await shop.cancelOrder(ids.order))
  expect((await shop.product('a'))?.stock).toMatchObject({ total: 25, reserved: 0, sold: 2 })
  await expectSound(store)
}

describe.each(files.map((_, version) => version))('a schema at version %i', (version) => {
  it('is brought up to date by opening it, and nothing is lost (S1–S4, O1, I1, U1, E4)', async () => {
    const schema = await makeOlder(version)
    const store = await stores.open(schema)
    onTestFinished(() => store.close())
    await expectUpToDate(schema)
    if (version > 0) await expectToGoOn(store)
    await store.execute([createProduct('new', 1), expire(), reserve('ann', { new: 1 })])
    expect((await store.product('new'))?.stock.reserved).toBe(1)
    await expectSound(store)
  })

  it('is brought up to date once by ten nodes that start at the same moment', async () => {
    const schema = await makeOlder(version)
    const nodes = await Promise.all(Array.from({ length: 10 }, () => stores.open(schema, { connectionsMax: 1 })))
    onTestFinished(async () => void (await Promise.all(nodes.map((node) => node.close()))))
    await expectUpToDate(schema)
    if (version > 0) await expectToGoOn(nodes[7]!)
  })

  it('is brought up to date by holdfast migrate', async () => {
    const schema = await makeOlder(version)
    const { code, stdout, stderr } = await runCli(['migrate', '--store', urlOf(schema)])
    expect(code, stderr).toBe(0)
    expect(stdout).toBe(`Ran ${files.length - version}; the schema is at version ${files.length}.\n`)
    await expectUpToDate(schema)
    const again = await runCli(['migrate', '--store', urlOf(schema), '--json'])
    expect(JSON.parse(again.stdout)).toMatchObject({ migrationsRun: 0, version: files.length })
    const store = await stores.open(schema)
    onTestFinished(() => store.close())
    if (version > 0) await expectToGoOn(store)
  })

  it('of another role is refused until its owner has run the migrations, and keeps the rights that it gave', async () => {
    const schema = await makeOlder(version)
    const role = `service_${schema}`
    const grants = ['usage on schema', 'select, insert, update, delete on all tables in schema', 'usage on all sequences in schema']
    const grantAll = grants.map((grant) => `grant ${grant} ${schema} to ${role}`)
    await stores.server.sql(`create role ${role} login`, ...grantAll)
    const { code, message } = await openingRefusal(openStore(urlOf(schema, role), { warn: () => {} }))
    expect(code).toBe('cannot_open')
    expect(message).toContain('run "holdfast migrate" as its owner')

    await (await stores.open(schema)).close()
    if (version === 0) await stores.server.sql(...grantAll)
    const store = await postgresStore({ url: urlOf(schema, role), warn: () => {} })
    onTestFinished(() => store.close())
    if (version > 0) await expectToGoOn(store)
    else await store.execute([createProduct('a', 1), reserve('ann', { a: 1 })])
  })
})

describe('a schema that is newer', () => {
  it('leaves a node that was open before it with a fault, and nothing half done', async () => {
    const schema = stores.newSchema()
    const store = await stores.open(schema)
    onTestFinished(() => store.close())
    await store.execute([createProduct('a', 5), reserve('ann', { a: 1 })])
    await stores.server.sql(`alter table ${schema}.open_lines rename column units to quantity`)
    await expect(store.execute([reserve('ann', { a: 1 })])).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringContaining('its schema was changed by a newer Holdfast; replace this one by it'),
    })
    await stores.server.sql(`alter table ${schema}.open_lines rename column quantity to units`)
    expect(await store.execute([reserve('ann', { a: 1 })])).toMatchObject([{ ok: true }])
    expect((await store.product('a'))?.stock).toMatchObject({ reserved: 2, version: 3 })
    await expectSound(store)
  })

  it('is refused by opening and by holdfast migrate, and left as it is', async () => {
    const schema = stores.newSchema()
    await (await stores.open(schema)).close()
    await stores.server.sql(`insert into ${schema}.migrations (version, name) values (${files.length + 1}, 'future')`)
    const sentence = `was made by a newer Holdfast (version ${files.length + 1} of the schema; this one knows ${files.length}). Start that version, or a newer one.`
    const { code, message } = await openingRefusal(stores.open(schema))
    expect(code).toBe('cannot_open')
    expect(message).toContain(sentence)
    const migrating = await runCli(['migrate', '--store', urlOf(schema)])
    expect(migrating.code).toBe(1)
    expect(migrating.stderr).toContain(sentence)
    expect(await stores.server.sql(`select count(*)::int as n from ${schema}.migrations`)).toEqual([{ n: files.length + 1 }])
  })
})
