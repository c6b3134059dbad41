import { Fault } from '../../domain/faults.ts'
import type { Connection } from './connect.ts'
import { lacksRights, openingFault } from './errors.ts'
import { headerOf, prefixOf } from './keys.ts'
import { rights } from './rights.ts'
import type { RedisUrl } from './url.ts'

/** Of Redis; Valkey began at 7.2 and says so. */
export const versionMin = 7

/** What stands in the header of the namespace, and the Redis that answers. */
export interface Header {
  readonly ledger: string | null
  readonly generation: number
  /** Of the journal: where it begins, which the ledger had reached. */
  readonly base: number
  /** Where the journal ends. */
  readonly head: number
  /** Of the Redis that was loaded, and of the one that answers. A Redis that restarts has another. */
  readonly loadedRun: string | null
  readonly run: string
  readonly role: string
  readonly evictionPolicy: string
  readonly isAppendOnly: boolean
}

export async function readHeader(connection: Connection, namespace: string): Promise<Header> {
  const key = headerOf(namespace)
  const reply = (await connection.run('holdfastInspect', key, key, [])) as (string | null)[]
  const [ledger, generation, base, head, loadedRun, run, role, policy, appendOnly] = reply
  return {
    ledger: ledger ?? null,
    generation: Number(generation ?? 0),
    base: Number(base ?? 0),
    head: Number(head ?? 0),
    loadedRun: loadedRun ?? null,
    run: run!,
    role: role!,
    evictionPolicy: policy!,
    isAppendOnly: appendOnly === '1',
  }
}

/** Refuse a Redis that would break a promise, with a sentence that says what to do. */
export async function checkServer(connection: Connection, url: RedisUrl): Promise<void> {
  let found: Header
  try {
    await checkRights(connection, url)
    found = await readHeader(connection, url.namespace)
  } catch (error) {
    throw openingFault(error, url.where)
  }
  if (found.role !== 'master') {
    throw new Fault('cannot_open', `The ${url.where} is a replica and takes no writes. Name its primary in --store.`)
  }
  if (found.evictionPolicy !== 'noeviction') {
    throw new Fault(
      'cannot_open',
      `The ${url.where} may evict keys when its memory is full (maxmemory-policy ${found.evictionPolicy}), which would lose stock. Set it: CONFIG SET maxmemory-policy noeviction, and in redis.conf.`,
    )
  }
}

/** Now, because a command that is refused in the middle of a sale is noticed by buyers. */
async function checkRights(connection: Connection, { namespace, where }: RedisUrl): Promise<void> {
  const missing = (await connection.run('holdfastRights', headerOf(namespace), prefixOf(namespace, 1), rights)) as string[]
  if (missing.length > 0) throw new Fault('cannot_open', `The ${where} ${lacksRights(missing.join(', '))}`)
}

/** By the text of `INFO server`. */
export function refuseOldVersion(info: string, where: string): void {
  const version = /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown'
  if (Number.parseInt(version, 10) >= versionMin) return
  throw new Fault('cannot_open', `The ${where} is version ${version}; Holdfast needs Redis ${versionMin} or newer, or Valkey.`)
}
