import type { PostgresServer } from './postgres-server.ts'
import { someInstant } from './clock.ts'

/** The clock of a store in one schema, taken from the database and put into the test's hands. */
export interface DatabaseClock {
  readonly advance: (ms: number) => Promise<void>
}

/** Time stands still from now on: the function that tells the time is replaced. */
export async function stopDatabaseClock(server: PostgresServer, schema: string, start = someInstant): Promise<DatabaseClock> {
  let now = start
  const set = (): Promise<unknown> =>
    server.sql(
      `create or replace function "${schema}".now_ms() returns bigint language sql volatile parallel safe as 'select ${now}::bigint'`,
    )
  await set()
  return {
    advance: async (ms) => {
      now += ms
      await set()
    },
  }
}
