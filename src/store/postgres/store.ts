import type { Client, PoolConfig } from 'pg'
import { decide } from '../../domain/decide.ts'
import type { Command, Outcome } from '../../domain/command.ts'
import { Fault } from '../../domain/faults.ts'
import type { Store } from '../port.ts'
import { integer } from '../sql/rows.ts'
import { saveChanges } from '../sql/save.ts'
import { loadDriver, poolConfig, readUrl, sayGoodbye, takeSession, type Driver, type PostgresUrl, type Session } from './connect.ts'
import { isCollision, isLockTimeout, openingFault, storeFault } from './errors.ts'
import { checkServer } from './inspect.ts'
import { createListener } from './listen.ts'
import { loadFacts, MoreLocksNeeded, type KnownProduct } from './load.ts'
import { isUpToDate, migrate, schemaVersion } from './migrate.ts'
import {
  readEvents,
  readOrders,
  readOrderView,
  readProducts,
  readProductView,
  readReservations,
  readReservationView,
  type Read,
} from './read.ts'
import { refusePoolerWithoutPrepared } from './pooler.ts'
import { endSilent } from './silent.ts'
import { statementsFor } from './statements.ts'
import { createWrites } from './write.ts'

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`; docs/stores.md tells what may stand behind it. */
  readonly url: string
  /** Default 10. */
  readonly connectionsMax?: number
  /** How long a batch may wait for stock that other nodes hold; default 3,000. */
  readonly lockMsMax?: number
  /** How long the database may take for one statement; default 10,000. */
  readonly statementMsMax?: number
  /** How long to wait for a connection; default 2,000. */
  readonly connectMsMax?: number
  readonly batchSizeMax?: number
  /** Told what is dangerous about the server's settings; by default a warning of the process. */
  readonly warn?: (message: string) => void
}

/** Bounds memory for shops with very many skus. */
const knownProductsMax = 10_000

/** A batch that collides with those of other nodes is decided anew so often; then its callers hear `store_unavailable`. */
const collisionsMax = 8
const collisionDelayMs = 5

/**
 * Many nodes, one truth: any number of processes share one database. A batch is one transaction; acknowledged means committed with `synchronous_commit`. Throws the fault
 * `cannot_open` when the database cannot be used.
 */
export async function postgresStore(options: PostgresOptions): Promise<Store> {
  const { connectionsMax = 10, lockMsMax = 3_000, statementMsMax = 10_000, connectMsMax = 2_000, batchSizeMax = 4_000 } = options
  const { warn = (message) => process.emitWarning(message) } = options
  const url = readUrl(options.url)
  const driver = await loadDriver()
  const statements = statementsFor(url.schema)
  const sql = statements.queries
  // A little longer than the database waits itself, so that it is the one to say why.
  const config = poolConfig(driver, url, { connectionsMax, connectMsMax, answerMsMax: statementMsMax + 2_000 })
  await prepareDatabase(driver, config, url, warn)

  const pool = new driver.Pool(config)
  // A connection that breaks while nobody uses it is replaced when somebody does.
  pool.on('error', () => {})
  // Compiling a statement takes longer than these take to run.
  pool.on('connect', (client) => void client.query('set jit = off').catch(() => {}))
  const channel = `holdfast_${url.schema}`.slice(0, 63)
  const listener = createListener(driver, config, channel)
  const knownProducts = new Map<string, KnownProduct>()
  const scarce = new Set<string>()
  const endSilentNodes = endSilent(url.schema)
  const waits = [statementMsMax, lockMsMax, lockMsMax].map(String)
  let open = true

  const guard = async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
    if (!open) throw new Fault('closed', 'The store is closed.')
    try {
      return await work()
    } catch (error) {
      throw storeFault(error, url.where)
    }
  }

  const read: Read = async (statement, values = []) => {
    const session = await takeSession(pool, url.prepared)
    try {
      return (await session.query(statement, values)).rows
    } finally {
      session.release()
    }
  }

  const attempt = async (commands: readonly Command[], repeat: boolean, alsoLock: readonly string[]): Promise<readonly Outcome[]> => {
    const session = await takeSession(pool, url.prepared)
    let release = (): void => session.release()
    try {
      const begun = [session.query(sql.begin), session.query(sql.limitWaiting, waits)]
      const loading = loadFacts({ session, sql, commands, repeat, alsoLock, knownProducts, scarce })
      const [{ facts, now }] = await Promise.all([loading, ...begun])
      const { outcomes, changes } = decide(commands, facts, now)
      if (knownProducts.size > knownProductsMax) knownProducts.clear()
      if (scarce.size > knownProductsMax) scarce.clear()
      const { writes, sent } = createWrites(session, statements)
      saveChanges(writes, changes, facts)
      if (sent.length === 0) {
        // Nothing was written, so nobody has to wait for the end. Rolled back, because a commit would wait for the disk: to PostgreSQL a lock is a change.
        const ended = session.query(sql.rollback)
        release = () => void ended.catch(() => {}).then(() => session.release())
        return outcomes
      }
      const committed = session.query(sql.commit)
      const results = await Promise.all([...sent, committed])
      if ((results.at(-1) as { command?: string }).command !== 'COMMIT') throw new Error('the transaction was rolled back without an error')
      for (const { sku } of changes.changedProducts) knownProducts.delete(sku)
      if (changes.events.length > 0) listener.tell(pool)
      return outcomes
    } catch (error) {
      await rollBack(session)
      throw error
    } finally {
      release()
    }
  }

  const rollBack = async (session: Session): Promise<void> => {
    try {
      await session.query(sql.rollback)
    } catch {
      // The connection is broken; the database rolls back by itself.
    }
  }

  const execute = async (commands: readonly Command[], repeat: boolean): Promise<readonly Outcome[]> => {
    let alsoLock: readonly string[] = []
    for (let collisions = 0; ;) {
      try {
        return await attempt(commands, repeat, alsoLock)
      } catch (error) {
        if (error instanceof MoreLocksNeeded) alsoLock = [...new Set([...alsoLock, ...error.skus])]
        else if (!isCollision(error)) {
          // The next attempt shall not wait for the same again.
          if (isLockTimeout(error)) await read(endSilentNodes, [lockMsMax]).catch(() => {})
          throw error
        }
        if (++collisions > collisionsMax) {
          throw new Fault('store_unavailable', `The batch collided with those of other nodes ${collisionsMax} times.`, error)
        }
        // The database has rolled back. Not all at once again.
        if (isCollision(error)) await new Promise((resolve) => setTimeout(resolve, collisionDelayMs * collisions * Math.random()))
      }
    }
  }

  return {
    batchSizeMax,
    onOthers: listener.onOthers,
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
    close: async () => {
      if (!open) return
      open = false
      await listener.close()
      await pool.end()
    },
  }
}

/** Bring the schema up to date without opening the store. Throws `cannot_open` like `postgresStore`. */
export async function migratePostgres(text: string): Promise<{ readonly migrationsRun: number; readonly version: number }> {
  const url = readUrl(text)
  const driver = await loadDriver()
  const config = poolConfig(driver, url, { connectionsMax: 1, connectMsMax: 5_000, answerMsMax: 10_000 })
  return { migrationsRun: await prepareDatabase(driver, config, url, (message) => process.emitWarning(message)), version: schemaVersion }
}

/** A large table takes its time to be changed. */
const migrateMsMax = 60 * 60_000

async function prepareDatabase(driver: Driver, config: PoolConfig, url: PostgresUrl, warn: (message: string) => void): Promise<number> {
  const open = async <Answer>(work: (client: Client) => Promise<Answer>, answerMsMax = config.query_timeout): Promise<Answer> => {
    const client = new driver.Client({ ...config, query_timeout: answerMsMax, pipeline: false })
    client.on('error', () => {})
    try {
      await client.connect()
      return await work(client)
    } finally {
      await sayGoodbye(client)
    }
  }
  try {
    const isReady = await open(async (client) => {
      if (url.prepared) await refusePoolerWithoutPrepared(client, open, url.where)
      await checkServer(client, warn)
      return isUpToDate(client, url.schema)
    })
    return isReady ? 0 : await open((client) => migrate(client, url.schema), migrateMsMax)
  } catch (error) {
    throw openingFault(error, url.where, url.database)
  }
}
