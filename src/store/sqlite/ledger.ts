import { randomUUID } from 'node:crypto'
import { needsOf } from '../../domain/needs.ts'
import { peek } from '../../domain/peek.ts'
import { replayNeeds, type Transition } from '../../domain/replay.ts'
import { systemClock, type Clock } from '../clock.ts'
import type { Ledger, LedgerState } from '../ledger.ts'
import { usersOf, type ContentsReads } from '../sql/contents.ts'
import { giveBackDue, lastTimeOf, lostAtOnce, readLedgerState, rejected, replayOrReject, takeOver, type Taking } from '../sql/ledger.ts'
import { integer } from '../sql/rows.ts'
import { openBase } from './base.ts'
import { primaryCode, resultCodes } from './errors.ts'
import { loadRows } from './load.ts'
import { readOrderRow, readReservations, readReservationView } from './read.ts'
import { createRetention } from './retention.ts'
import { storeOn } from './store.ts'

export interface SqliteLedgerOptions {
  /** A file, or `:memory:` for tests. */
  readonly path: string
  readonly clock?: Clock
}

/** The ledger of a store in memory in one file, for one process. Throws the fault `cannot_open` when the file cannot be used. */
export async function sqliteLedger({ path, clock = systemClock }: SqliteLedgerOptions): Promise<Ledger> {
  const base = await openBase(path)
  const { sql, knownProducts, guard, transact, save, close } = base
  const store = storeOn(base, clock, lostAtOnce)
  try {
    await guard(() => sql.makeLedger.run(randomUUID()))
  } catch (error) {
    await close()
    throw error
  }
  const readState = (): LedgerState => readLedgerState(sql.ledger.get())
  const reads: ContentsReads = {
    productsAfter: (...after) => guard(() => sql.productsAfter.all(...after)),
    heldAfter: (...after) => guard(() => sql.heldAfter.all(...after)),
    limitedLate: () => guard(() => sql.limitedLate.all()),
    takenBetween: (...between) => guard(() => sql.takenBetween.all(...between)),
    lastReservation: () => guard(() => sql.lastReservation.get()),
  }

  const append: Ledger['append'] = (generation, from, to, transitions, mark = '') =>
    guard(() =>
      transact(() => {
        const state = readState()
        if (state.generation !== generation || state.position !== from) return state
        write(transitions)
        sql.moveLedger.run(to, mark)
        return { ...state, position: to, mark }
      }),
    )

  const write = (transitions: readonly Transition[]): void => {
    const facts = loadRows({ sql, needs: replayNeeds(transitions), now: lastTimeOf(transitions), knownProducts })
    const changes = replayOrReject(transitions, facts)
    try {
      save(changes, facts)
    } catch (error) {
      throw primaryCode(error) === resultCodes.constraint ? rejected(error) : error
    }
  }

  const taking: Taking = {
    state: () => guard(readState),
    raise: (generation) => guard(() => sql.raiseLedger.get(generation)),
    someActive: async () => ({ rows: await guard(() => sql.someActive.all(lostAtOnce)), now: clock() }),
    append,
    reads,
  }
  let lastTaken: Promise<unknown> = Promise.resolve()

  return {
    state: () => guard(readState),
    claim: (namespace, from) =>
      guard(() => {
        sql.claimLedger.run(namespace, from)
        return readState()
      }),
    append,
    takeOver: (generation, load) => {
      const taken = lastTaken.then(() => takeOver(taking, generation, load))
      lastTaken = taken.catch(() => {})
      return taken
    },
    openReservations: async () => {
      await giveBackDue(store)
      return guard(() => integer(sql.countOpen.get()?.['n']))
    },
    peek: (commands, now) => guard(() => peek(commands, loadRows({ sql, needs: needsOf(commands, false), now, knownProducts }), now)),
    usersOf: (sku) => usersOf(reads, sku),
    reservation: (id, now) => guard(() => readReservationView(sql, id, now)),
    reservations: (filter, query, now) => guard(() => readReservations(sql, filter, query, now)),
    orderRow: (id) => guard(() => readOrderRow(sql, id)),
    order: (id) => store.order(id),
    orders: (filter, query) => store.orders(filter, query),
    events: (query) => store.events(query),
    notes: store.notes,
    ...createRetention(base),
    close,
  }
}
