import type { Idempotency } from '../../domain/command.ts'
import type { Transition } from '../../domain/replay.ts'
import type { Releases } from '../../domain/stock.ts'
import { readMetadata, readProduct, readReleases, readReservation } from './rows.ts'

/** What batches of the journal say, and what may be forgotten once the ledger has them. */
export interface Passage {
  readonly transitions: readonly Transition[]
  /** Of the last of these batches; no other has it. */
  readonly mark: string
  /** Ids of reservations that ended. */
  readonly ended: readonly string[]
  /** Ids of orders that were cancelled. */
  readonly cancelledOrders: readonly string[]
}

/** A transition to which later lines add. */
type Draft = Untold & { readonly time: number; releases: Releases[]; idempotency: Idempotency | null }
type Untold = Transition extends infer Each ? (Each extends Transition ? Omit<Each, 'time' | 'releases' | 'idempotency'> : never) : never

/** A batch of the journal is text: the time, how many transitions, its mark, and the lines of the transitions; a letter and fields with tabs between. See `record` in lua/batch/books.lua. */
export function readJournal(batches: readonly string[]): Passage {
  const transitions: Draft[] = []
  const ended: string[] = []
  const cancelledOrders: string[] = []
  let mark = ''
  for (const batch of batches) {
    const [time, , marked, ...lines] = batch.split('\n') as [string, string, string, ...string[]]
    mark = marked
    for (const line of lines) {
      const [letter, ...fields] = line.split('\t') as [string, ...string[]]
      if (letter === 'S') transitions.at(-1)!.releases.push(readReleases(fields[0]!, fields[1]!))
      else if (letter === 'K') transitions.at(-1)!.idempotency = readKey(fields[0]!, fields[1]!)
      else transitions.push({ ...readTransition(letter, fields, time), time: Number(time), releases: [], idempotency: null })
      if ('FXE'.includes(letter)) ended.push(fields[0]!)
      if (letter === 'O') cancelledOrders.push(fields[0]!)
    }
  }
  return { transitions, mark, ended, cancelledOrders }
}

function readKey(key: string, fingerprint: string): Idempotency {
  const [scope, name] = JSON.parse(key) as [string, string]
  return { scope, key: name, fingerprint: JSON.parse(fingerprint) as string }
}

function readTransition(letter: string, fields: readonly string[], time: string): Untold {
  const [first, second, third] = fields as [string, string, string]
  switch (letter) {
    case 'C':
      return { type: 'reserved', row: readReservation(first, fields.slice(1)).row }
    case 'F':
      return { type: 'confirmed', id: first, orderId: second, metadata: readMetadata(third) }
    case 'X':
      return { type: 'cancelled', id: first }
    case 'E':
      return { type: 'expired', id: first }
    case 'T':
      return { type: 'extended', id: first, expiresAt: Number(second) }
    case 'P':
      return { type: 'productCreated', totalStock: Number(second), product: readProduct(first, time, time, third) }
    case 'U':
      return { type: 'productUpdated', product: readProduct(first, second, time, third) }
    case 'A':
      return { type: 'adjusted', sku: first, delta: Number(second), reason: JSON.parse(third) as string | null }
    case 'O':
      return { type: 'orderCancelled', orderId: first, reason: JSON.parse(second) as string | null }
    default:
      throw new Error(`a line of the journal that nobody can read: ${letter}`)
  }
}
