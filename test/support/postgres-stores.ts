import pg from 'pg'
import { postgresStore, type PostgresOptions, type Store } from '../../src/index.ts'
import type { ManualClock } from './clock.ts'
import { createPostgresServer, type PostgresServer } from './postgres-server.ts'
import { timely } from './timely.ts'

/** Stores on one PostgreSQL, each in a schema of its own, whose clock is in the test's hands. */
export interface PostgresStores {
  readonly server: PostgresServer
  /** A schema that nobody has used. */
  readonly newSchema: () => string
  /** A node on a schema; several may share one. */
  readonly open: (schema: string, options?: Partial<PostgresOptions>) => Promise<Store>
  /** The same on a clock that is moved by hand. */
  readonly openAt: (schema: string, clock: ManualClock, options?: Partial<PostgresOptions>) => Promise<Store>
  readonly remove: () => Promise<void>
}

/** `settings` of the server's postgresql.conf. */
export async function createPostgresStores(settings: Readonly<Record<string, string>> = {}): Promise<PostgresStores> {
  const server = await createPostgresServer(settings)
  await server.start()
  const client = new pg.Client({ connectionString: server.url })
  client.on('error', () => {})
  await client.connect()
  let schemas = 0

  const open: PostgresStores['open'] = (schema, options = {}) =>
    postgresStore({ url: `${server.url}?schema=${schema}`, connectionsMax: 4, warn: () => {}, ...options })

  return {
    server,
    newSchema: () => `t${++schemas}`,
    open,
    openAt: async (schema, clock, options) => {
      const store = await open(schema, options)
      // The function that tells the time reads it from a table instead, so that no plan has to be made anew when it moves.
      await client.query(`create table if not exists "${schema}".clock (now bigint not null);
        truncate "${schema}".clock; insert into "${schema}".clock values (${clock()});
        create or replace function "${schema}".now_ms() returns bigint language sql volatile as 'select now from "${schema}".clock'`)
      let told = clock()
      const tellTime = async (): Promise<void> => {
        const now = clock()
        if (now === told) return
        await client.query(`update "${schema}".clock set now = ${now}`)
        told = now
      }
      return timely(store, tellTime)
    },
    remove: async () => {
      await client.end().catch(() => {})
      await server.remove()
    },
  }
}
