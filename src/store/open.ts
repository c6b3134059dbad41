import { Fault } from '../domain/faults.ts'
import type { Clock } from './clock.ts'
import type { Store } from './port.ts'
import { postgresStore } from './postgres/store.ts'
import { sqliteStore } from './sqlite/store.ts'

export interface OpenOptions {
  /** Of an embedded store; a database has its own. */
  readonly clock?: Clock
  /** Told what is dangerous about a database's settings; by default a warning of the process. */
  readonly warn?: (message: string) => void
}

/**
 * Open the store that a URL names: `sqlite:PATH`, `sqlite::memory:` or `postgres://user:password@host:port/database`. Throws the fault `cannot_open` with a sentence that
 * says what to do.
 */
export async function openStore(url: string, { clock, warn }: OpenOptions = {}): Promise<Store> {
  const [scheme, rest] = splitUrl(url)
  if (scheme === 'sqlite' && rest !== '') return sqliteStore({ path: rest, ...(clock === undefined ? {} : { clock }) })
  if (scheme === 'postgres' || scheme === 'postgresql') return postgresStore({ url, ...(warn === undefined ? {} : { warn }) })
  throw new Fault(
    'cannot_open',
    `"${hidePassword(url)}" is not a store that Holdfast knows. Use sqlite:PATH, for example sqlite:./holdfast.db, sqlite::memory: to try things out, or postgres://user:password@host:port/database.`,
  )
}

export function splitUrl(url: string): [scheme: string, rest: string] {
  const colon = url.indexOf(':')
  return [url.slice(0, Math.max(0, colon)), url.slice(colon + 1)]
}

/** For messages and logs: what stands between the first colon after // and the last @ before the path. */
export function hidePassword(url: string): string {
  return url.replace(/^([a-z]+:\/\/[^:@/]*):[^/]*@/, '$1:***@').replaceAll(/([?&](?:password|sslpassword)=)[^&]*/g, '$1***')
}
