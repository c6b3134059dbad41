import { Fault } from '../../domain/faults.ts'
import { aclRule } from './rights.ts'

/** What a script said instead of an answer: see the files in lua/. */
export type ScriptWord = 'lost' | 'late' | 'full' | 'behind' | 'wait' | 'moved' | 'broken'

/** The word, and after it what is broken; null: another error. */
export function scriptWord(error: unknown): { readonly word: ScriptWord; readonly text: string } | null {
  if (isWrongType(error)) return { word: 'broken', text: 'a key holds another kind of value' }
  const found =
    error instanceof Error ? /HOLDFAST (lost|late|full|behind|wait|moved|broken)(?:: (.*?))?(?: script: .*)?$/m.exec(error.message) : null
  return found === null ? null : { word: found[1] as ScriptWord, text: found[2] ?? '' }
}

/** A key of ours that nobody of ours wrote. */
function isWrongType(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('WRONGTYPE')
}

/** Redis 7.0 and 7.2 say it otherwise of a command that a script runs. */
const notPermitted = /^NOPERM|^ERR ACL failure in script|^ERR The user executing the script can't/

const unreachable = 'it cannot be reached'

/** Messages of Redis that mean: it cannot do it now. */
const reasons: readonly (readonly [message: RegExp, reason: string])[] = [
  [/^OOM/, 'its memory is full (maxmemory)'],
  [/^READONLY/, 'it has become a replica'],
  [/^LOADING/, 'it is still loading its data'],
  [/^MASTERDOWN/, 'it is a replica without a primary'],
  [/^MISCONF/, 'it cannot save its data to disk and takes no writes'],
  [/^NOREPLICAS/, 'too few replicas follow it'],
  [/^CLUSTERDOWN/, 'its cluster is down'],
  [/^(MOVED|ASK|TRYAGAIN)|Too many Cluster redirections/, 'its cluster is moving the data'],
  [/^BUSY/, 'a script runs in it for too long'],
  [notPermitted, 'its user may not run a command that is needed; see docs/stores.md'],
  [/^(NOAUTH|WRONGPASS)/, 'it does not accept the password'],
  [/max number of clients/, 'it has no free connection'],
  [/Command timed out|Socket timeout/, 'it did not answer in time'],
  [
    /Connection is closed|enableOfflineQueue|ECONN|ENOTFOUND|EPIPE|ETIMEDOUT|EHOSTUNREACH|Failed to refresh slots|None of startup|maxRetriesPerRequest|Reached the max|Socket closed|Cluster isn't ready|Stream connection ended/i,
    unreachable,
  ],
]

function reasonOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null
  const code = codeOf(error)
  return reasons.find(([message]) => message.test(error.message) || message.test(code))?.[1] ?? null
}

/** Of Node's network; '' if it has none. */
function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : ''
}

/** Faults of Redis and the way to it become `store_unavailable`; anything else is a bug and stays what it is. */
export function storeFault(error: unknown, where: string): unknown {
  if (error instanceof Fault) return error
  const reason = reasonOf(error)
  return reason === null ? error : new Fault('store_unavailable', `The ${where} failed: ${reason}.`, error)
}

export function openingFault(error: unknown, where: string): unknown {
  if (error instanceof Fault || !(error instanceof Error)) return error
  const { message } = error
  const refuse = (sentence: string): Fault => new Fault('cannot_open', `The ${where} ${sentence}`, error)
  if (message.startsWith('NOAUTH')) {
    return refuse(`asks for a password. ${howToLogIn}`)
  }
  if (/^WRONGPASS|AUTH.* without any password/.test(message)) {
    return refuse(`does not accept this user or password. ${howToLogIn}`)
  }
  const command = deniedCommand(message)
  if (command !== null) return refuse(lacksRights(command))
  if (/DB index is out of range|SELECT is not allowed/.test(message)) {
    return refuse('has no such database; leave its number out of the URL, or use a smaller one. A Cluster has only number 0.')
  }
  if (isWrongType(error)) {
    return refuse('has keys of this namespace that no Holdfast wrote. Name another one in --store: ?namespace=NAME, or remove them.')
  }
  const stranger = strangers.find(([said]) => said.test(message) || said.test(codeOf(error)))?.[1]
  if (stranger !== undefined) return refuse(stranger)
  const reason = reasonOf(error)
  if (reason === unreachable) {
    const code = codeOf(error) === '' ? '' : ` (${codeOf(error)})`
    return refuse(`cannot be reached${code}. Start it there, or correct --store: redis://user:password@host:6379.`)
  }
  if (reason !== null) return refuse(`cannot be used now: ${reason}.`)
  return error.name === 'ReplyError' ? refuse(`cannot be used: ${message}`) : error
}

/** What the driver says where something else answers than a Redis, or speaks to it otherwise. */
const strangers: readonly (readonly [said: RegExp, sentence: string])[] = [
  [/^Unknown RESP type/, 'is no Redis: what answers there speaks otherwise. Correct the host and the port in --store.'],
  [/^ERR_SSL/, 'cannot be reached with TLS: what answers there speaks none. Write redis:// instead of rediss://, or correct the port.'],
  [
    /^Connection is closed/,
    'cannot be reached: what answers there ends the connection at once. Where it wants TLS, write rediss://; where it speaks none, redis://; or correct the port.',
  ],
  [
    /^(DEPTH_ZERO_)?SELF_SIGNED_CERT|^UNABLE_TO_|^CERT_|^ERR_TLS_CERT/,
    'has a certificate that is not to be trusted, or of another name. Name its host as the certificate does, and the authority that issued it in NODE_EXTRA_CA_CERTS.',
  ],
]

const howToLogIn = 'Name them in the URL: redis://user:password@host:6379, or redis://:password@host:6379 without a user.'

/** What a user lacks, as the end of a sentence about the Redis. */
export function lacksRights(commands: string): string {
  return `does not let its user do what is needed (${commands}). Give the user the rights in docs/stores.md: ACL SETUSER NAME ${aclRule}`
}

/** Redis names the command when it is sent, not when a script runs it. */
function deniedCommand(message: string): string | null {
  if (!notPermitted.test(message)) return null
  return /'(\S+)' command/.exec(message)?.[1] ?? (message.includes('keys') ? 'these keys' : 'a command')
}

/** Redis has no memory left, or the journal no room: nothing was done, and ends may go on all the same. */
export function isWithoutRoom(error: unknown): boolean {
  const { cause } = error instanceof Fault ? error : { cause: error }
  return cause instanceof Error && (cause.message.startsWith('OOM') || scriptWord(cause)?.word === 'full')
}
