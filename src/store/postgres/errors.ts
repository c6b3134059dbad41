import { Fault } from '../../domain/faults.ts'

/** The code of PostgreSQL (SQLSTATE) or of Node's network, if the error has one. */
function codeOf(error: unknown): string | null {
  const code = error instanceof Error && 'code' in error ? error.code : null
  return typeof code === 'string' ? code : null
}

/**
 * Serialisation failure, deadlock, and a unique key that another node took in the same moment: nothing was done, and the same batch decided anew finds what the other did.
 */
export function isCollision(error: unknown): boolean {
  return ['40001', '40P01', '23505'].includes(codeOf(error) ?? '')
}

/** Serialisation failure and deadlock: nothing was done, and the same may be done again. */
export function isRolledBack(error: unknown): boolean {
  return ['40001', '40P01'].includes(codeOf(error) ?? '')
}

/** What was written breaks a check or a key. */
export function isConstraint(error: unknown): boolean {
  return codeOf(error)?.startsWith('23') === true
}

/** Another transaction held a lock for longer than this one waits. */
export function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === '55P03'
}

/** A statement that was prepared is not there, or another is already: a pooler gave the connection to somebody else in between. */
export function isWithoutPrepared(error: unknown): boolean {
  return ['26000', '42P05'].includes(codeOf(error) ?? '')
}

/** SQLSTATE classes and codes that mean: the database cannot do it now. */
const reasons: readonly (readonly [code: RegExp, reason: string])[] = [
  [/^55P03$/, 'another transaction holds the stock for too long'],
  [/^57014$/, 'it took too long'],
  [/^25P03$/, 'it ended a transaction that waited too long'],
  [/^25006$/, 'it is read-only, as after a failover to a standby or when its disk is nearly full'],
  [/^53100$/, 'its disk is full'],
  [/^53200$/, 'it is out of memory'],
  [/^53300$/, 'it has no free connection'],
  [/^(42P01|42703)$/, 'its schema was changed by a newer Holdfast; replace this one by it'],
  [/^(26000|42P05)$/, 'a pooler before it keeps no prepared statements; prepared=off in the URL does without'],
  [/^53/, 'it is short of resources'],
  [/^57P/, 'it is shutting down or starting'],
  [/^08/, 'the connection broke'],
  [/^58/, 'its files failed'],
  [/^XX00[12]$/, 'its data is damaged'],
  [/^28/, 'it does not let this role in any more'],
  [/^3D000$/, 'its database is gone'],
  [/^42501$/, 'this role lost a right that it needs; see docs/stores.md'],
  [/^E/, 'it cannot be reached'],
]

/** Messages of the driver, which gives them no code. */
const brokenConnection =
  /connection (terminated|ended|error|timeout)|connect timeout|timeout (exceeded when trying to connect|expired)|query read timeout|not queryable|closed the connection/i

/** Faults of the database and the way to it become `store_unavailable`; anything else is a bug and stays what it is. */
export function storeFault(error: unknown, where: string): unknown {
  if (error instanceof Fault) return error
  const code = codeOf(error)
  const reason = code === null ? undefined : reasons.find(([pattern]) => pattern.test(code))?.[1]
  if (reason !== undefined) return new Fault('store_unavailable', `The database ${where} failed: ${reason}.`, error)
  if (error instanceof Error && brokenConnection.test(error.message)) {
    return new Fault('store_unavailable', `The database ${where} failed: the connection broke or took too long.`, error)
  }
  return error
}

/** Why the database cannot be used at all, as a sentence that says what to do. */
export function openingFault(error: unknown, where: string, database: string): unknown {
  if (error instanceof Fault) return error
  const cannot = (sentence: string): Fault => new Fault('cannot_open', sentence, error)
  switch (codeOf(error)) {
    case '3D000':
      return cannot(`There is no database "${database}" at ${where}. Make it with: createdb ${database}`)
    case '28P01':
    case '28000':
      return cannot(
        `${where} does not let this role in: ${(error as Error).message}. Check the user and the password of the URL, and pg_hba.conf.`,
      )
    case '42501':
      return cannot(
        `The role may not do what Holdfast needs in "${database}" at ${where}: ${(error as Error).message}. Grant it CREATE on the database for the first start, or run "holdfast migrate" as its owner.`,
      )
    case '53300':
      return cannot(
        `${where} has no free connection: ${(error as Error).message}. Raise max_connections there (a node needs up to 11, see docs/stores.md), or end what holds them.`,
      )
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return cannot(`The host of ${where} is not known. Check the URL.`)
    case 'ECONNREFUSED':
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
      return cannot(`Nothing answers at ${where}. Start PostgreSQL there, or check host and port of the URL.`)
    default:
      break
  }
  if (error instanceof Error && brokenConnection.test(error.message)) {
    return cannot(
      `What listens at ${where} does not answer as PostgreSQL does, or not in time. Check host and port of the URL, and that PostgreSQL runs there.`,
    )
  }
  const fault = storeFault(error, where)
  return fault instanceof Fault ? cannot(fault.message) : error
}
