import { Fault, faultCode } from '../domain/faults.ts'
import type { Clock } from './clock.ts'
import type { Ledger } from './ledger.ts'
import type { Store } from './port.ts'
import { postgresLedger } from './postgres/ledger.ts'
import { postgresStore } from './postgres/store.ts'
import { redisStore } from './redis/store.ts'
import { readUrl } from './redis/url.ts'
import { sqliteLedger } from './sqlite/ledger.ts'
import { sqliteStore } from './sqlite/store.ts'

export interface LedgerOptions {
  /** Of an embedded store; a database has its own. */
  readonly clock?: Clock
  /** Told what is dangerous about a database's settings; by default a warning of the process. */
  readonly warn?: (message: string) => void
}

export interface OpenOptions extends LedgerOptions {
  /** Of a store in Redis, and of no other: where sales and history are kept, `postgres://…` or `sqlite:PATH`. */
  readonly ledger?: string | undefined
  /** Of a store in Redis, and of no other: whether a Redis that does not hold what the ledger's generation loaded may be loaded anew; default true. */
  readonly takesOver?: boolean
}

const sqliteForm = 'sqlite:PATH'
const postgresForm = 'postgres://user:password@host:port/database'
const redisForm = 'redis://user:password@host:port'

/**
 * Open the store that a URL names: `sqlite:PATH`, `sqlite::memory:`, `postgres://user:password@host:port/database`, or, with a ledger,
 * `redis://user:password@host:port/database?namespace=NAME` (`rediss://` with TLS). Throws the fault `cannot_open` with a sentence that says what to do.
 */
export async function openStore(url: string, { ledger, ...options }: OpenOptions = {}): Promise<Store> {
  const kind = kindOf(url)
  if (kind === 'redis') return openRedis(url, ledger, options)
  if (kind !== null && ledger !== undefined) {
    throw new Fault(
      'cannot_open',
      `Only a store in Redis has a ledger, and ${hidePassword(url)} is none. Leave out --ledger (HOLDFAST_LEDGER), or name a Redis with --store ${redisForm}`,
    )
  }
  if (kind === 'sqlite') return sqliteStore({ path: pathOf(url), ...options })
  if (kind === 'postgres') return postgresStore({ url, ...options })
  throw new Fault(
    'cannot_open',
    `"${hidePassword(url)}" is not a store that Holdfast knows. Use ${sqliteForm}, for example sqlite:./holdfast.db, sqlite::memory: to try things out, ${postgresForm}, or ${redisForm} with a ledger.`,
  )
}

async function openRedis(
  url: string,
  ledgerUrl: string | undefined,
  { takesOver = true, ...options }: Omit<OpenOptions, 'ledger'>,
): Promise<Store> {
  // Before a ledger is made for a Redis that cannot be.
  readUrl(url)
  if (ledgerUrl === undefined) {
    throw new Fault(
      'cannot_open',
      `A store in Redis needs a ledger, in which sales are kept. Add --ledger ${postgresForm}, or --ledger ${sqliteForm} for one process.`,
    )
  }
  const ledger = await openLedger(ledgerUrl, options)
  try {
    return await redisStore({ url, ledger, takesOver, ...options })
  } catch (error) {
    await ledger.close()
    throw error
  }
}

/** Open the ledger of a store in Redis: `postgres://…`, `sqlite:PATH`, or `sqlite::memory:` to try things out. Throws the fault `cannot_open`. */
export async function openLedger(url: string, options: LedgerOptions = {}): Promise<Ledger> {
  const kind = kindOf(url)
  if (kind !== 'sqlite' && kind !== 'postgres') {
    const what =
      kind === 'redis' ? 'A ledger keeps what Redis may lose, so it cannot be in Redis' : `"${hidePassword(url)}" cannot be a ledger`
    throw new Fault('cannot_open', `${what}. Use --ledger ${postgresForm}, or --ledger ${sqliteForm} for one process.`)
  }
  try {
    if (kind === 'sqlite') return await sqliteLedger({ path: pathOf(url), ...options })
    return await postgresLedger({ url, ...options })
  } catch (error) {
    throw faultCode(error) === 'cannot_open'
      ? new Fault('cannot_open', `The ledger cannot be opened. ${(error as Error).message}`, error)
      : error
  }
}

/** null: Holdfast knows none such. */
export function kindOf(url: string): 'sqlite' | 'postgres' | 'redis' | null {
  const [scheme, rest] = splitUrl(url)
  if (scheme === 'sqlite') return rest === '' ? null : 'sqlite'
  if (scheme === 'postgres' || scheme === 'postgresql') return 'postgres'
  return isRedis(url) ? 'redis' : null
}

export function isRedis(url: string): boolean {
  return ['redis', 'rediss'].includes(splitUrl(url)[0])
}

function pathOf(url: string): string {
  return splitUrl(url)[1]
}

export function splitUrl(url: string): [scheme: string, rest: string] {
  const colon = url.indexOf(':')
  return [url.slice(0, Math.max(0, colon)), url.slice(colon + 1)]
}

/** Where the facts are kept, for messages and logs. */
export function nameStore(storeUrl: string, ledgerUrl: string | undefined): string {
  return ledgerUrl === undefined ? hidePassword(storeUrl) : `${hidePassword(storeUrl)}, ledger ${hidePassword(ledgerUrl)}`
}

/** For messages and logs: what stands between the first colon after // and the last @, even where it should have been encoded. */
export function hidePassword(url: string): string {
  return url.replace(/^(?!sqlite:)([a-z+]+:(?:\/\/)?[^:@/]*):.*@/is, '$1:***@').replaceAll(/([?&](?:password|sslpassword)=)[^&]*/g, '$1***')
}
