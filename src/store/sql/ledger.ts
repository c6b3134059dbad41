import { Fault } from '../../domain/faults.ts'
import type { Facts } from '../../domain/facts.ts'
import { replay, type Transition } from '../../domain/replay.ts'
import type { Expired } from '../../domain/command.ts'
import type { Ledger, LedgerContents, LedgerState } from '../ledger.ts'
import type { Store } from '../port.ts'
import { contentsOf, type ContentsReads } from './contents.ts'
import { integer, text, textOrNull, type Row } from './rows.ts'

/** Reservations that one transaction ends when their memory is lost. */
export const lostAtOnce = 2_000

/** In the order of the table. */
export const ledgerColumns = 'id, generation, position, namespace, mark'

export function readLedgerState(row: Row | undefined): LedgerState {
  return {
    id: text(row?.['id']),
    generation: integer(row?.['generation']),
    position: integer(row?.['position']),
    mark: text(row?.['mark']),
    namespace: textOrNull(row?.['namespace']),
  }
}

/** Whoever wrote here without the store in memory would sell what that has sold. `url`: how the ledger is named there. */
export function refuseLedger(row: Row | undefined, where: string, url: string): void {
  if (row === undefined || integer(row['generation']) === 0) return
  throw new Fault('cannot_open', `${where} is the ledger of a Redis store. Open it as such: --store redis://HOST:PORT --ledger ${url}`)
}

/** What the journal says, as changes; the fault `journal_rejected` where it cannot be. */
export function replayOrReject(transitions: readonly Transition[], facts: Facts): ReturnType<typeof replay> {
  try {
    return replay(transitions, facts)
  } catch (error) {
    throw rejected(error)
  }
}

export function rejected(error: unknown): Fault {
  return new Fault('journal_rejected', `The ledger cannot be as the journal says: ${(error as Error).message}`, error)
}

/** The moment of a replay, by which stored answers are old: that of the latest transition. */
export function lastTimeOf(transitions: readonly Transition[]): number {
  return transitions.reduce((latest, { time }) => Math.max(latest, time), 0)
}

/** What taking over does to a ledger, in the words of the store. */
export interface Taking {
  readonly state: Ledger['state']
  /** From this generation to the next, the position at 0; nothing, if the ledger is of another. */
  readonly raise: (generation: number) => Promise<Row | undefined>
  /** Reservations, with `id` and `expires_at`, at most `lostAtOnce`; and the time. */
  readonly someActive: () => Promise<{ readonly rows: readonly Row[]; readonly now: number }>
  readonly append: Ledger['append']
  readonly reads: ContentsReads
}

/** The generation is raised first, in its own transaction: from then on nobody of the old one writes, whatever happens to whoever takes over. */
export async function takeOver(
  { state, raise, someActive, append, reads }: Taking,
  from: number,
  load: (contents: LedgerContents) => Promise<void>,
): Promise<LedgerState> {
  const raised = await raise(from)
  if (raised === undefined) return state()
  const taken = readLedgerState(raised)
  const { generation, position } = taken
  for (;;) {
    const { rows, now } = await someActive()
    if (rows.length === 0) break
    const found = await append(
      generation,
      position,
      position,
      rows.map((row) => endOf(row, now)),
    )
    // Somebody else has begun another generation meanwhile.
    if (found.generation !== generation || found.position !== position) return found
  }
  await load(contentsOf(taken, reads))
  return taken
}

/** What is due has read as expired, and that is an end. */
function endOf(row: Row, now: number): Transition {
  return { type: integer(row['expires_at']) <= now ? 'expired' : 'lost', id: text(row['id']), time: now }
}

/** Give back what is due, while the ledger is still written to as a store. */
export async function giveBackDue(store: Pick<Store, 'execute'>): Promise<void> {
  for (;;) {
    const [outcome] = await store.execute([{ type: 'expire', limit: lostAtOnce, idempotency: null }])
    if (outcome?.ok !== true || (outcome.value as Expired).expired === 0) return
  }
}
