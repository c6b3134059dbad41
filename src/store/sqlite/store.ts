import { decide } from '../../domain/decide.ts'
import { needsOf } from '../../domain/needs.ts'
import { systemClock, type Clock } from '../clock.ts'
import type { Store } from '../port.ts'
import { refuseLedger } from '../sql/ledger.ts'
import { integer } from '../sql/rows.ts'
import { openBase, type Base } from './base.ts'
import { loadFacts } from './load.ts'
import { createNotes } from './notes.ts'
import { createRetention } from './retention.ts'
import { readEvents, readOrders, readOrderView, readProducts, readProductView, readReservations, readReservationView } from './read.ts'
import { createVitals } from './vitals.ts'

export interface SqliteOptions {
  /** A file, or `:memory:` for tests. */
  readonly path: string
  readonly clock?: Clock
  /** Default 4,000, some 80 ms of work: in sales of many skus the cost of each sku's books is shared by more commands. */
  readonly batchSizeMax?: number
}

/**
 * The embedded store: one file, one process, acknowledged means on disk. Throws the fault `cannot_open` when the file cannot be used.
 * It works on the calling thread: a batch costs tens of microseconds per command and one fsync.
 */
export async function sqliteStore({ path, clock = systemClock, batchSizeMax = 4_000 }: SqliteOptions): Promise<Store> {
  const base = await openBase(path)
  try {
    refuseLedger(base.sql.ledger.get(), path, `sqlite:${path}`)
  } catch (error) {
    await base.close()
    throw error
  }
  return storeOn(base, clock, batchSizeMax)
}

/** Whoever has the file may be a ledger that is also written to as a store. */
export function storeOn(base: Base, clock: Clock, batchSizeMax: number): Store & Required<Pick<Store, 'notes' | 'retention'>> {
  const { sql, knownProducts, guard, transact, save, close } = base
  const retention = createRetention(base)
  return {
    batchSizeMax,
    execute: (commands, { repeat = false } = {}) =>
      guard(() =>
        transact(() => {
          const now = clock()
          const facts = loadFacts({ sql, needs: needsOf(commands, repeat), now, knownProducts })
          const { outcomes, changes } = decide(commands, facts, now)
          save(changes, facts)
          return outcomes
        }),
      ),
    product: (sku) => guard(() => readProductView(sql, sku, clock())),
    products: (query) => guard(() => readProducts(sql, query, clock())),
    reservation: (id) => guard(() => readReservationView(sql, id, clock())),
    reservations: (filter, query) => guard(() => readReservations(sql, filter, query, clock())),
    order: (id) => guard(() => readOrderView(sql, id)),
    orders: (filter, query) => guard(() => readOrders(sql, filter, query)),
    events: (query) => guard(() => readEvents(sql, query)),
    nextDueInMs: () =>
      guard(() => {
        const next = sql.nextDue.get()?.['next']
        return next == null ? null : Math.max(0, integer(next) - clock())
      }),
    notes: createNotes(base),
    retention: { prune: (query) => retention.prune(query, clock()), removed: retention.removed },
    vitals: createVitals(base, clock),
    close,
  }
}
