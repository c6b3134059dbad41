import { Fault } from '../../domain/faults.ts'
import type { Changes } from '../../domain/facts.ts'
import type { ProductRow } from '../../domain/product.ts'
import { saveChanges, type LoadedFacts } from '../sql/save.ts'
import { connect, disconnect } from './connect.ts'
import { primaryCode, resultCodes } from './errors.ts'
import { prepareStatements, type Statements } from './statements.ts'

/** An open file: what a store and a ledger have in common. */
export interface Base {
  readonly sql: Statements
  /** Products read before: nobody else can change them. Stock is read anew each time. */
  readonly knownProducts: Map<string, ProductRow>
  /** Faults of the file and the disk become `store_unavailable`; anything else is a bug and stays what it is. */
  readonly guard: <Answer>(work: () => Answer) => Promise<Answer>
  /** All of it is done, or nothing. */
  readonly transact: <Answer>(work: () => Answer) => Answer
  /** Write what was decided, inside the transaction that read the facts. */
  readonly save: (changes: Changes, facts: LoadedFacts) => void
  readonly close: () => Promise<void>
}

/** Bounds memory for shops with very many skus. */
const knownProductsMax = 10_000

/** Throws the fault `cannot_open` when the file cannot be used. */
export async function openBase(path: string): Promise<Base> {
  const database = await connect(path)
  const sql = prepareStatements(database)
  const knownProducts = new Map<string, ProductRow>()
  let open = true

  return {
    sql,
    knownProducts,
    guard: async (work) => {
      if (!open) throw new Fault('closed', 'The store is closed.')
      try {
        return work()
      } catch (error) {
        throw storeFault(error, path)
      }
    },
    transact: (work) => {
      sql.begin.run()
      try {
        const answer = work()
        sql.commit.run()
        return answer
      } catch (error) {
        rollBack()
        throw error
      }
    },
    save: (changes, facts) => {
      saveChanges(sql, changes, facts)
      if (changes.changedProducts.length > 0 || knownProducts.size > knownProductsMax) knownProducts.clear()
    },
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
