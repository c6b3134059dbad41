import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { PostgresServer } from './postgres-server.ts'

const waitMsMax = 15_000

/** Looks again and again until something has happened. */
export async function until(what: string, hasHappened: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + waitMsMax; !(await hasHappened());) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await delay(5)
  }
}

/** A transaction of somebody else that holds the lock of a sku, until it is called. */
export function holdStock(server: PostgresServer, schema: string, sku: string): Promise<() => Promise<void>> {
  return hold(server, `select from "${schema}".stock where sku = $1 for update`, [sku])
}

/** The same of the row that numbers the events. */
export function holdFeed(server: PostgresServer, schema: string): Promise<() => Promise<void>> {
  return hold(server, `select from "${schema}".feed for update`, [])
}

async function hold(server: PostgresServer, sql: string, values: readonly string[]): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: server.url })
  client.on('error', () => {})
  await client.connect()
  await client.query('begin')
  await client.query(sql, [...values])
  return () => client.end()
}

/** Connections of stores on a schema that wait for a lock. */
export async function waitingForLocks(server: PostgresServer, schema: string): Promise<number> {
  const [row] = await server.sql(
    `select count(*)::int as n from pg_stat_activity where application_name = 'holdfast' and wait_event_type = 'Lock' and query like '%"${schema}".%'`,
  )
  return Number(row?.['n'])
}

export async function untilWaitingForLocks(server: PostgresServer, schema: string, count: number): Promise<void> {
  await until(`${count} connections that wait for a lock`, async () => (await waitingForLocks(server, schema)) === count)
}
