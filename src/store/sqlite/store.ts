import { decide } from '../../domain/decide.ts'
import { Fault } from '../../domain/faults.ts'
import { viewOrder } from '../../domain/order.ts'
import type { ProductRow } from '../../domain/product.ts'
import { viewReservation } from '../../domain/reservation.ts'
import { systemClock, type Clock } from '../clock.ts'
import type { Store } from '../port.ts'
import { integer, readOrder, readReservation } from '../sql/rows.ts'
import { saveChanges } from '../sql/save.ts'
import { connect, disconnect } from './connect.ts'
import { primaryCode, resultCodes } from './errors.ts'
import { loadFacts } from './load.ts'
import { readEvents, readOrders, readProducts, readProductView, readReservations } from './read.ts'
import { prepareStatements } from './statements.ts'

export interface SqliteOptions {
  /** A file, or `:memory:` for tests. */
  readonly path: string
  readonly clock?: Clock
  /** Default 4,000, some 80 ms of work: in sales of many skus the cost of each sku's books is shared by more commands. */
  readonly batchSizeMax?: number
}

/** Bounds memory for shops with very many skus. */
const knownProductsMax = 10_000

/**
 * The embedded store: one file, one process, acknowledged means on disk. Throws the fault `cannot_open` when the file cannot be used.
 * It works on the calling thread: a batch costs tens of microseconds per command and one fsync.
 */
export async function sqliteStore({ path, clock = systemClock, batchSizeMax = 4_000 }: SqliteOptions): Promise<Store> {
  const database = await connect(path)
  const sql = prepareStatements(database)
  const knownProducts = new Map<string, ProductRow>()
  let open = true

  /** Faults of the file and the disk become `store_unavailable`; anything else is a bug and stays what it is. */
  const guard = async <Answer>(work: () => Answer): Promise<Answer> => {
    if (!open) throw new Fault('closed', 'The store is closed.')
    try {
      return work()
    } catch (error) {
      throw storeFault(error, path)
    }
  }

  return {
    batchSizeMax,
    execute: (commands, { repeat = false } = {}) =>
      guard(() => {
        sql.begin.run()
        try {
          const now = clock()
          const facts = loadFacts({ sql, commands, now, repeat, knownProducts })
          const { outcomes, changes } = decide(commands, facts, now)
          saveChanges(sql, changes, facts)
          if (changes.changedProducts.length > 0 || knownProducts.size > knownProductsMax) knownProducts.clear()
          sql.commit.run()
          return outcomes
        } catch (error) {
          rollBack()
          throw error
        }
      }),
    product: (sku) =>
      guard(() => {
        const row = sql.product.get(sku)
        return row === undefined ? null : readProductView(sql, row, clock())
      }),
    products: (query) => guard(() => readProducts(sql, query, clock())),
    reservation: (id) =>
      guard(() => {
        const row = sql.reservation.get(id)
        return row === undefined ? null : viewReservation(readReservation(row), clock())
      }),
    reservations: (filter, query) => guard(() => readReservations(sql, filter, query, clock())),
    order: (id) =>
      guard(() => {
        const row = sql.order.get(id)
        return row === undefined ? null : viewOrder(readOrder(row))
      }),
    orders: (filter, query) => guard(() => readOrders(sql, filter, query)),
    events: (query) => guard(() => readEvents(sql, query)),
    nextDueInMs: () =>
      guard(() => {
        const next = sql.nextDue.get()?.['next']
        return next == null ? null : Math.max(0, integer(next) - clock())
      }),
    close: async () => {
      if (!open) return
      open = false
      disconnect(database)
    },
  }

  function rollBack(): void {
    try {
      sql.rollback.run()
    } catch {
      // SQLite has rolled back by itself already, as it does on a full disk.
    }
  }
}

const faultOf = new Map<number, string>([
  [resultCodes.full, 'the disk is full'],
  [resultCodes.ioError, 'the disk failed'],
  [resultCodes.readOnly, 'it has become read-only'],
  [resultCodes.corrupt, 'it is damaged'],
  [resultCodes.notADatabase, 'it is damaged'],
  [resultCodes.noMemory, 'memory ran out'],
  [resultCodes.cannotOpen, 'it cannot be opened any more'],
  [resultCodes.busy, 'it is locked'],
  [resultCodes.locked, 'it is locked'],
  [resultCodes.interrupt, 'it was interrupted'],
])

function storeFault(error: unknown, path: string): unknown {
  const reason = faultOf.get(primaryCode(error) ?? -1)
  return reason === undefined ? error : new Fault('store_unavailable', `The store ${path} failed: ${reason}.`, error)
}
