import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqliteStore, type Store } from '../../src/index.ts'
import type { Harness } from '../../src/store/conformance/index.ts'
import { manualClock } from '../support/clock.ts'

export const sqliteInMemory: Harness = {
  name: 'SQLite in memory',
  durable: false,
  open: async () => {
    const clock = manualClock()
    const store = await sqliteStore({ path: ':memory:', clock })
    return { store, advance: (ms) => clock.advance(ms), close: () => store.close() }
  },
}

export const sqliteOnDisk: Harness = {
  name: 'SQLite in a file',
  durable: true,
  open: async () => {
    const clock = manualClock()
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-test-'))
    const path = join(folder, 'holdfast.db')
    let store: Store = await sqliteStore({ path, clock })
    return {
      store,
      advance: (ms) => clock.advance(ms),
      reopen: async () => {
        await store.close()
        store = await sqliteStore({ path, clock })
        return store
      },
      close: async () => {
        await store.close()
        await rm(folder, { recursive: true, force: true })
      },
    }
  },
}
