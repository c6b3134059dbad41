import { onTestFinished } from 'vitest'
import { sqliteStore, type Store } from '../../src/index.ts'
import type { Ledger } from '../../src/store/ledger.ts'
import { postgresLedger } from '../../src/store/postgres/ledger.ts'
import { connect, disconnect } from '../../src/store/sqlite/connect.ts'
import { sqliteLedger } from '../../src/store/sqlite/ledger.ts'
import type { ManualClock } from './clock.ts'
import { temporaryFile } from './folder.ts'
import type { PostgresStores } from './postgres-stores.ts'

/** One place that is a ledger, and what a test may do to it besides. */
export interface LedgerPlace {
  /** Opens it; where several may have it open, the one before stays open. */
  readonly open: () => Promise<Ledger>
  /** The same as a plain store. */
  readonly openStore: () => Promise<Store>
  readonly sql: (text: string) => Promise<void>
  readonly close: () => Promise<void>
}

/** Whoever reads the rows as a plain store would be refused; this makes as if no store in memory had ever taken over. */
export async function openForAudit({ sql, openStore }: LedgerPlace): Promise<Store> {
  await sql('update ledger set generation = 0')
  return openStore()
}

/** Every kind of ledger, for `describe.each`; what was opened is closed with the test. */
export function ledgerKinds(stores: () => PostgresStores): [name: string, open: (clock: ManualClock) => Promise<LedgerPlace>][] {
  const closing = async (place: LedgerPlace): Promise<LedgerPlace> => {
    onTestFinished(place.close)
    return place
  }
  return [
    ['SQLite', async (clock) => closing(await sqlitePlace(clock))],
    ['PostgreSQL', async (clock) => closing(await postgresPlace(stores(), clock))],
  ]
}

/** A file is open once only: opening it again closes what was open. */
async function sqlitePlace(clock: ManualClock): Promise<LedgerPlace> {
  const path = await temporaryFile()
  let opened: { close: () => Promise<void> } | null = null
  const instead = async <Opened extends { close: () => Promise<void> }>(open: () => Promise<Opened>): Promise<Opened> => {
    await opened?.close()
    const now = await open()
    opened = now
    return now
  }
  return {
    open: () => instead(() => sqliteLedger({ path, clock })),
    openStore: () => instead(() => sqliteStore({ path, clock })),
    sql: async (text) => {
      await opened?.close()
      const database = await connect(path)
      database.exec(text)
      disconnect(database)
    },
    close: async () => opened?.close(),
  }
}

/** A schema is open as often as one likes. */
async function postgresPlace(stores: PostgresStores, clock: ManualClock): Promise<LedgerPlace> {
  const schema = stores.newSchema()
  const opened: { close: () => Promise<void> }[] = []
  const keep = <Opened extends { close: () => Promise<void> }>(one: Opened): Opened => {
    opened.push(one)
    return one
  }
  // Its clock is in the test's hands from here on.
  await (await stores.openAt(schema, clock)).close()
  return {
    open: async () => keep(await postgresLedger({ url: `${stores.server.url}?schema=${schema}`, connectionsMax: 4, warn: () => {} })),
    openStore: async () => keep(await stores.openAt(schema, clock)),
    sql: async (text) => void (await stores.server.sql(`set search_path = "${schema}"`, text)),
    close: async () => void (await Promise.all(opened.map((one) => one.close()))),
  }
}
