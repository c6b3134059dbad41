import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore, postgresStore } from '../../src/index.ts'
import { createProduct, reserve } from '../../src/store/conformance/kit.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'
import { openingRefusal } from '../support/opening.ts'

let stores: PostgresStores
let url: string

beforeAll(async () => {
  stores = await createPostgresStores()
  url = stores.server.url
})

afterAll(() => stores.remove())

const refusalOf = (text: string) => openingRefusal(openStore(text, { warn: () => {} }))

describe('a PostgreSQL that cannot be used is refused with a sentence', () => {
  it.each([
    ['without a database', () => 'postgres://localhost', 'The store names no database. It should look like postgres://'],
    ['that is no URL', () => 'postgres://[', 'The store is not a URL that can be read. It should look like postgres://'],
    ['with an unusable schema', () => `${url}?schema=No-Name`, 'schema=No-Name is not a name for a schema'],
    ['with an unusable option', () => `${url}?prepared=perhaps`, 'prepared=perhaps must be on or off.'],
    ['of a database that is not there', () => url.replace(/postgres$/, 'nothing'), 'There is no database "nothing" at 127.0.0.1:'],
    ['of a role that is not there', () => url.replace('postgres@', 'nobody@'), 'does not let this role in'],
    ['where nothing answers', () => 'postgres://postgres@127.0.0.1:1/postgres', 'Nothing answers at 127.0.0.1:1. Start PostgreSQL there'],
  ])('%s', async (_what, text, sentence) => {
    const { code, message } = await refusalOf(text())
    expect(code).toBe('cannot_open')
    expect(message).toContain(sentence)
  })

  it('of a role without rights, which needs none once somebody else has made the schema', async () => {
    await stores.server.sql('create role weak login')
    const weak = (schema: string): string => `${url.replace('postgres@', 'weak@')}?schema=${schema}`
    const schema = stores.newSchema()
    const { code, message } = await refusalOf(weak(schema))
    expect(code).toBe('cannot_open')
    expect(message).toContain('Grant it CREATE on the database for the first start, or run "holdfast migrate" as its owner.')

    await (await stores.open(schema)).close()
    const grants = ['usage on schema', 'select, insert, update, delete on all tables in schema', 'usage on all sequences in schema']
    await stores.server.sql(...grants.map((grant) => `grant ${grant} ${schema} to weak`))
    const store = await postgresStore({ url: weak(schema), warn: () => {} })
    const outcomes = await store.execute([createProduct('a', 1), reserve('ann', { a: 1 })])
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, true])
    await store.close()
  })
})

describe('a PostgreSQL that can be used', () => {
  it('is warned about when a crash could lose what was acknowledged', async () => {
    const warnings: string[] = []
    const schema = stores.newSchema()
    const store = await stores.open(schema, {
      url: `${url}?schema=${schema}&options=${encodeURIComponent('-c synchronous_commit=off')}`,
      warn: (message) => void warnings.push(message),
    })
    await store.close()
    expect(warnings).toContainEqual(expect.stringContaining('synchronous_commit=off: orders that were acknowledged can be lost'))
  })
})
