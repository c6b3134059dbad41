import { setTimeout as delay } from 'node:timers/promises'
import type { Pool, PoolConfig } from 'pg'
import { Fault } from '../../domain/faults.ts'
import type { Changes } from '../../domain/facts.ts'
import { saveChanges, type LoadedFacts } from '../sql/save.ts'
import { loadDriver, poolConfig, readUrl, takeSession, type Driver, type PostgresUrl, type Session } from './connect.ts'
import { isCollision, isLockTimeout, storeFault } from './errors.ts'
import type { KnownProduct } from './load.ts'
import { prepareDatabase } from './prepare.ts'
import type { Read } from './read.ts'
import { endSilent } from './silent.ts'
import { statementsFor, type Statements } from './statements.ts'
import { createWrites } from './write.ts'

export interface BaseOptions {
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
  /** Told what is dangerous about the server's settings; by default a warning of the process. */
  readonly warn?: (message: string) => void
}

/** What a transaction does between its begin and its end: the answer, and what was sent and is not answered yet. None: nothing was written. */
export interface Work<Answer> {
  readonly answer: Answer
  readonly sent: readonly Promise<unknown>[]
}

/** An open database: what a store and a ledger have in common. */
export interface Base {
  readonly driver: Driver
  readonly config: PoolConfig
  readonly url: PostgresUrl
  readonly pool: Pool
  readonly statements: Statements
  readonly knownProducts: Map<string, KnownProduct>
  readonly isOpen: () => boolean
  /** One statement in a transaction of its own. */
  readonly read: Read
  /** Faults of the database and the way to it become `store_unavailable`; anything else is a bug and stays what it is. */
  readonly guard: <Answer>(work: () => Promise<Answer>) => Promise<Answer>
  /** One transaction in two round trips: what `work` reads is sent behind the begin, and the commit behind what it writes. */
  readonly transact: <Answer>(work: (session: Session) => Promise<Work<Answer>>) => Promise<Answer>
  /** Send what was decided without waiting. Stored answers that are so old make room for new ones of their keys. */
  readonly send: (session: Session, changes: Changes, facts: LoadedFacts, answersMsMin: number) => readonly Promise<unknown>[]
  /** Attempt again what the database has rolled back, a few times. */
  readonly persist: <Answer>(attempt: () => Promise<Answer>, isRepeated: (error: unknown) => boolean) => Promise<Answer>
  readonly close: () => Promise<void>
}

/** Bounds memory for shops with very many skus. */
export const knownProductsMax = 10_000

/** A batch that collides with those of other nodes is decided anew so often; then its callers hear `store_unavailable`. */
const collisionsMax = 8
const collisionDelayMs = 5
const closeMsMax = 3_000

/** Throws the fault `cannot_open` when the database cannot be used. */
export async function openBase(options: BaseOptions): Promise<Base> {
  const { connectionsMax = 10, lockMsMax = 3_000, statementMsMax = 10_000, connectMsMax = 2_000 } = options
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
  const knownProducts = new Map<string, KnownProduct>()
  const endSilentNodes = endSilent(url.schema)
  const waits = [statementMsMax, lockMsMax, lockMsMax].map(String)
  let open = true

  const read: Read = async (statement, values = []) => {
    const session = await takeSession(pool, url.prepared)
    try {
      return (await session.query(statement, values)).rows
    } finally {
      session.release()
    }
  }

  const transact: Base['transact'] = async (work) => {
    const session = await takeSession(pool, url.prepared)
    let release = (): void => session.release()
    try {
      const begun = [session.query(sql.begin), session.query(sql.limitWaiting, waits)]
      const [{ answer, sent }] = await Promise.all([work(session), ...begun])
      if (sent.length === 0) {
        // Nothing was written, so nobody has to wait for the end. Rolled back, because a commit would wait for the disk: to PostgreSQL a lock is a change.
        const ended = session.query(sql.rollback)
        release = () => void ended.catch(() => {}).then(() => session.release())
        return answer
      }
      const committed = session.query(sql.commit)
      const results = await Promise.all([...sent, committed])
      if ((results.at(-1) as { command?: string }).command !== 'COMMIT') throw new Error('the transaction was rolled back without an error')
      return answer
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

  return {
    driver,
    config,
    url,
    pool,
    statements,
    knownProducts,
    isOpen: () => open,
    read,
    guard: async (work) => {
      if (!open) throw new Fault('closed', 'The store is closed.')
      try {
        return await work()
      } catch (error) {
        throw storeFault(error, url.where)
      }
    },
    transact,
    send: (session, changes, facts, answersMsMin) => {
      const { writes, sent } = createWrites(session, statements, answersMsMin)
      saveChanges(writes, changes, facts)
      for (const { sku } of changes.changedProducts) knownProducts.delete(sku)
      if (knownProducts.size > knownProductsMax) knownProducts.clear()
      return sent
    },
    persist: async (attempt, isRepeated) => {
      for (let collisions = 0; ;) {
        try {
          return await attempt()
        } catch (error) {
          if (!isRepeated(error)) {
            // The next attempt shall not wait for the same again.
            if (isLockTimeout(error)) await read(endSilentNodes, [lockMsMax]).catch(() => {})
            throw error
          }
          if (++collisions > collisionsMax) {
            throw new Fault('store_unavailable', `The batch collided with those of other nodes ${collisionsMax} times.`, error)
          }
          // Not all at once again.
          if (isCollision(error)) await new Promise((resolve) => setTimeout(resolve, collisionDelayMs * collisions * Math.random()))
        }
      }
    },
    close: async () => {
      if (!open) return
      open = false
      // It waits for what is on its way, and a silent network never answers.
      await Promise.race([pool.end(), delay(closeMsMax, undefined, { ref: false })])
    },
  }
}
