import { join } from 'node:path'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import type { Store } from '../../src/index.ts'
import type { Harness } from '../../src/store/conformance/index.ts'
import type { Ledger } from '../../src/store/ledger.ts'
import { postgresLedger } from '../../src/store/postgres/ledger.ts'
import { sqliteLedger } from '../../src/store/sqlite/ledger.ts'
import { manualClock } from './clock.ts'
import type { PostgresStores } from './postgres-stores.ts'
import type { RedisStores } from './redis-stores.ts'

/** A place for one ledger, which may be opened several times. */
export interface LedgerPlace {
  readonly open: () => Promise<Ledger>
  readonly remove: () => Promise<void>
}

export async function sqlitePlace(): Promise<LedgerPlace> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-ledger-'))
  return {
    open: () => sqliteLedger({ path: join(folder, 'ledger.db') }),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

export function postgresPlace(stores: PostgresStores): LedgerPlace {
  const schema = stores.newSchema()
  return {
    open: () => postgresLedger({ url: `${stores.server.url}?schema=${schema}`, connectionsMax: 4, warn: () => {} }),
    remove: async () => {},
  }
}

/** The suite on Redis with a ledger. */
export function onRedis(name: string, stores: () => RedisStores, newPlace: () => Promise<LedgerPlace> | LedgerPlace): Harness {
  return {
    name,
    durable: true,
    open: async () => {
      const clock = manualClock()
      const namespace = stores().newNamespace()
      const place = await newPlace()
      const open = async (): Promise<Store> => stores().openAt(namespace, await place.open(), clock)
      let store = await open()
      return {
        store,
        advance: (ms) => clock.advance(ms),
        reopen: async () => {
          await store.close()
          store = await open()
          return store
        },
        close: async () => {
          await store.close()
          await place.remove()
        },
      }
    },
  }
}
