import { Fault } from '../domain/faults.ts'
import type { Clock } from './clock.ts'
import type { Store } from './port.ts'
import { sqliteStore } from './sqlite/store.ts'

/** Open the store that a URL names: `sqlite:PATH` or `sqlite::memory:`. Throws the fault `cannot_open` with a sentence that says what to do. */
export async function openStore(url: string, { clock }: { readonly clock?: Clock } = {}): Promise<Store> {
  const colon = url.indexOf(':')
  const scheme = url.slice(0, Math.max(0, colon))
  const rest = url.slice(colon + 1)
  if (scheme === 'sqlite' && rest !== '') return sqliteStore({ path: rest, ...(clock === undefined ? {} : { clock }) })
  throw new Fault(
    'cannot_open',
    `"${url}" is not a store that Holdfast knows. Use sqlite:PATH, for example sqlite:./holdfast.db, or sqlite::memory: to try things out.`,
  )
}
