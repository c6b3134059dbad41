import { afterAll, beforeAll, describe, test } from 'vitest'
import { postgresStore } from '../../src/index.ts'
import { describeStore } from '../../src/store/conformance/index.ts'
import type { Harness } from '../../src/store/conformance/index.ts'
import { stopDatabaseClock } from '../support/postgres-clock.ts'
import { createPostgresServer, type PostgresServer } from '../support/postgres-server.ts'

let server: PostgresServer
let schemas = 0

beforeAll(async () => {
  server = await createPostgresServer()
  await server.start()
})

afterAll(() => server.remove())

const postgres: Harness = {
  name: 'PostgreSQL',
  durable: true,
  open: async () => {
    const schema = `t${++schemas}`
    const options = { url: `${server.url}?schema=${schema}`, connectionsMax: 3, warn: () => {} }
    let store = await postgresStore(options)
    const clock = await stopDatabaseClock(server, schema)
    return {
      store,
      advance: clock.advance,
      reopen: async () => {
        await store.close()
        store = await postgresStore(options)
        return store
      },
      close: () => store.close(),
    }
  },
}

describeStore(postgres, { describe, test })
