import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Fault } from '../../domain/faults.ts'
import { needsOf } from '../../domain/needs.ts'
import { peek } from '../../domain/peek.ts'
import { replayNeeds } from '../../domain/replay.ts'
import type { Ledger, LedgerState } from '../ledger.ts'
import { usersOf, type ContentsReads } from '../sql/contents.ts'
import { giveBackDue, lastTimeOf, lostAtOnce, readLedgerState, rejected, replayOrReject, takeOver, type Taking } from '../sql/ledger.ts'
import { integer } from '../sql/rows.ts'
import { openBase, type Base, type BaseOptions } from './base.ts'
import { sayGoodbye } from './connect.ts'
import { isConstraint, isRolledBack, openingFault } from './errors.ts'
import { loadNamed, loadRows } from './load.ts'
import { readOrderRow, readReservations, readReservationView } from './read.ts'
import { createRetention } from './retention.ts'
import { storeOn } from './store.ts'

/** As of `postgresStore`. */
export type PostgresLedgerOptions = BaseOptions

/** The ledger of a store in memory in a database that many nodes share. Throws the fault `cannot_open` when the database cannot be used. */
export async function postgresLedger(options: PostgresLedgerOptions): Promise<Ledger> {
  const base = await openBase(options)
  const { url, statements, knownProducts, read, guard, transact, send, persist } = base
  const sql = statements.queries
  const store = storeOn(base, lostAtOnce)
  try {
    await read(sql.makeLedger, [randomUUID()])
  } catch (error) {
    await base.close()
    throw openingFault(error, url.where, url.database)
  }
  const state = async (): Promise<LedgerState> => readLedgerState((await read(sql.ledger))[0])

  const reads: ContentsReads = {
    productsAfter: (...after) => guard(() => read(sql.productsAfter, after)),
    heldAfter: (...after) => guard(() => read(sql.heldAfter, after)),
    limitedLate: () => guard(() => read(sql.limitedLate)),
    takenBetween: (...between) => guard(() => read(sql.takenBetween, between)),
    lastReservation: () => guard(async () => (await read(sql.lastReservation))[0]),
  }

  const attempt: Ledger['append'] = (generation, from, to, transitions, mark = '') =>
    transact(async (session) => {
      const locked = session.query(sql.lockLedger)
      const now = lastTimeOf(transitions)
      const loading = loadRows({ session, sql, needs: replayNeeds(transitions), now, knownProducts })
      const [facts, { rows }] = await Promise.all([loading, locked])
      const found = readLedgerState(rows[0])
      if (found.generation !== generation || found.position !== from) return { answer: found, sent: [] }
      // Whatever was answered under these keys before, the journal came later.
      const sent = send(session, replayOrReject(transitions, facts), facts, 0)
      return { answer: { ...found, position: to, mark }, sent: [...sent, session.query(sql.moveLedger, [to, mark])] }
    })

  const append: Ledger['append'] = (...batches) =>
    guard(() =>
      persist(
        () => attempt(...batches),
        (error) => isRolledBack(error),
      ).catch((error: unknown) => {
        throw isConstraint(error) ? rejected(error) : error
      }),
    )

  const taking: Taking = {
    state: () => guard(state),
    raise: async (generation) => (await guard(() => read(sql.raiseLedger, [generation])))[0],
    someActive: async () => {
      const rows = await guard(() => read(sql.someActive, [lostAtOnce]))
      return { rows, now: integer(rows[0]?.['now'] ?? 0) }
    },
    append,
    reads,
  }

  return {
    state: () => guard(state),
    claim: (namespace, from) =>
      guard(async () => {
        await read(sql.claimLedger, [namespace, from])
        return state()
      }),
    append,
    takeOver: async (generation, load) => {
      const unlock = await guard(() => lockAlone(base))
      try {
        return await takeOver(taking, generation, load)
      } finally {
        await unlock()
      }
    },
    openReservations: async () => {
      await giveBackDue(store)
      return guard(async () => integer((await read(sql.countOpen))[0]?.['n']))
    },
    peek: (commands, now) =>
      guard(() =>
        transact(async (session) => {
          const facts = await loadNamed({ session, sql, needs: { ...needsOf(commands, false), newReservations: 0 }, now })
          return { answer: peek(commands, facts, now), sent: [] }
        }),
      ),
    usersOf: (sku) => usersOf(reads, sku),
    reservation: (id, now) => guard(() => readReservationView(read, sql, id, now)),
    reservations: (filter, query, now) => guard(() => readReservations(read, sql, filter, query, now)),
    orderRow: (id) => guard(() => readOrderRow(read, sql, id)),
    order: (id) => store.order(id),
    orders: (filter, query) => store.orders(filter, query),
    events: (query) => store.events(query),
    notes: store.notes,
    ...createRetention(base),
    close: () => store.close(),
  }
}

/** "Ledg" in ASCII. */
const lockId = 0x4c656467
const lookMs = 100
const silentMsMax = 10_000

/**
 * Wait until no other node takes over, and keep them out until the function that is returned is called, or this process ends or falls silent. The lock is of a transaction, because a pooler would
 * leave one of the session with somebody else.
 */
async function lockAlone({ driver, config, url, isOpen }: Base): Promise<() => Promise<void>> {
  const client = new driver.Client({ ...config, pipeline: false })
  client.on('error', () => {})
  let timer: NodeJS.Timeout | undefined
  const unlock = async (): Promise<void> => {
    clearInterval(timer)
    await client.query('rollback').catch(() => {})
    await sayGoodbye(client)
  }
  try {
    await client.connect()
    await client.query('begin')
    // Whoever falls silent while it has the lock loses it; that the generation is raised keeps it from doing harm.
    await client.query(`set local idle_in_transaction_session_timeout = ${silentMsMax}`)
    for (;;) {
      const { rows } = await client.query<{ locked: boolean }>(`select pg_try_advisory_xact_lock(${lockId}, hashtext($1)) as locked`, [
        url.schema,
      ])
      if (rows[0]?.locked === true) {
        timer = setInterval(() => void client.query('select').catch(() => {}), silentMsMax / 5)
        return unlock
      }
      await delay(lookMs)
      if (!isOpen()) throw new Fault('closed', 'The store is closed.')
    }
  } catch (error) {
    await unlock()
    throw error
  }
}
