import { decide } from '../../domain/decide.ts'
import type { Command, Outcome } from '../../domain/command.ts'
import { idempotencyWindowMs } from '../../domain/limits.ts'
import { needsOf } from '../../domain/needs.ts'
import type { Store } from '../port.ts'
import { refuseLedger } from '../sql/ledger.ts'
import { integer } from '../sql/rows.ts'
import { knownProductsMax, openBase, type Base, type BaseOptions } from './base.ts'
import { isCollision, openingFault } from './errors.ts'
import { createListener } from './listen.ts'
import { loadFacts, MoreLocksNeeded } from './load.ts'
import { createNotes } from './notes.ts'
import { createRetention } from './retention.ts'
import { createRequestCounts } from './requests.ts'
import { readEvents, readOrders, readOrderView, readProducts, readProductView, readReservations, readReservationView } from './read.ts'
import { createVitals } from './vitals.ts'

export interface PostgresOptions extends BaseOptions {
  readonly batchSizeMax?: number
}

/**
 * Many nodes, one truth: any number of processes share one database. A batch is one transaction; acknowledged means committed with `synchronous_commit`. Throws the fault
 * `cannot_open` when the database cannot be used.
 */
export async function postgresStore({ batchSizeMax = 4_000, ...options }: PostgresOptions): Promise<Store> {
  const base = await openBase(options)
  try {
    const [row] = await base.read(base.statements.queries.ledger)
    refuseLedger(row, `The database ${base.url.database} at ${base.url.where}`, 'postgres://…')
  } catch (error) {
    await base.close()
    throw openingFault(error, base.url.where, base.url.database)
  }
  return storeOn(base, batchSizeMax)
}

/** Whoever has the database may be a ledger that is also written to as a store. */
export function storeOn(base: Base, batchSizeMax: number): Store & Required<Pick<Store, 'notes' | 'retention'>> {
  const { driver, config, url, pool, statements, knownProducts, isOpen, read, guard, transact, send, persist } = base
  const sql = statements.queries
  const channel = `holdfast_${url.schema}`.slice(0, 63)
  const listener = createListener(driver, config, channel)
  const scarce = new Set<string>()
  const retention = createRetention(base)
  const countRequests = createRequestCounts(read, url.schema)

  const attempt = async (commands: readonly Command[], repeat: boolean, alsoLock: readonly string[]): Promise<readonly Outcome[]> => {
    const { outcomes, changes } = await transact(async (session) => {
      const { facts, now } = await loadFacts({ session, sql, needs: needsOf(commands, repeat), now: null, alsoLock, knownProducts, scarce })
      const decision = decide(commands, facts, now)
      if (scarce.size > knownProductsMax) scarce.clear()
      return { answer: decision, sent: send(session, decision.changes, facts, idempotencyWindowMs) }
    })
    if (changes.events.length > 0) listener.tell(pool)
    return outcomes
  }

  const execute = (commands: readonly Command[], repeat: boolean): Promise<readonly Outcome[]> => {
    let alsoLock: readonly string[] = []
    return persist(
      () => attempt(commands, repeat, alsoLock),
      (error) => {
        if (error instanceof MoreLocksNeeded) alsoLock = [...new Set([...alsoLock, ...error.skus])]
        return error instanceof MoreLocksNeeded || isCollision(error)
      },
    )
  }

  return {
    batchSizeMax,
    onOthers: listener.onOthers,
    countRequests: (requests) => guard(() => countRequests(requests)),
    execute: (commands, { repeat = false } = {}) => guard(() => execute(commands, repeat)),
    product: (sku) => guard(() => readProductView(read, sql, sku)),
    products: (query) => guard(() => readProducts(read, sql, query)),
    reservation: (id) => guard(() => readReservationView(read, sql, id)),
    reservations: (filter, query) => guard(() => readReservations(read, sql, filter, query)),
    order: (id) => guard(() => readOrderView(read, sql, id)),
    orders: (filter, query) => guard(() => readOrders(read, sql, filter, query)),
    events: (query) => guard(() => readEvents(read, sql, query)),
    nextDueInMs: () =>
      guard(async () => {
        const [row] = await read(sql.nextDueInMs)
        return row?.['ms'] == null ? null : Math.max(0, integer(row['ms']))
      }),
    notes: createNotes(base),
    retention: { prune: (query) => retention.prune(query, null), removed: retention.removed },
    vitals: createVitals(base),
    close: async () => {
      if (isOpen()) await listener.close()
      await base.close()
    },
  }
}
