import { Fault } from '../domain/faults.ts'
import type { Refusal } from '../domain/refusals.ts'
import { unlessAborted } from './abort.ts'
import { ServiceError } from './errors.ts'
import { Unreadable } from './read.ts'
import { readRefusal } from './refusals.ts'

/** An API key or a token; a function is asked before each attempt, so that it may renew it. */
export type Key = string | (() => string | Promise<string>)

/** Just what is used of `fetch`. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** The way to the service. */
export interface Way {
  /** Without a slash at its end. */
  readonly url: string
  readonly fetch: Fetch
  readonly key: Key | undefined
}

export interface Answer {
  readonly status: number
  readonly isReplay: boolean
  readonly json: unknown
}

export interface Request<Value> {
  readonly method: 'GET' | 'POST' | 'PATCH'
  readonly path: string
  readonly body?: string
  readonly idempotencyKey?: string
  /** The value in an answer that is a yes. Throws `Unreadable`. */
  readonly read: (answer: Answer) => Value
  /** What a refusal means; undefined: this request cannot be refused so. */
  readonly refused: (refusal: Refusal) => Value | undefined
}

/** How one attempt ended. */
export type Attempt<Value> = { readonly ok: true; readonly value: Value } | Failed

export interface Failed {
  readonly ok: false
  readonly isWorthRepeating: boolean
  readonly retryAfterMs: number | null
  /** What to throw if it was the last attempt. `tail`: what else there is to say. */
  readonly error: (tail: string) => Error
}

/** One attempt. Throws what the key throws, and the signal's reason. */
export async function attempt<Value>(way: Way, request: Request<Value>, signal: AbortSignal): Promise<Attempt<Value>> {
  const headers = await unlessAborted(headersOf(way.key, request), signal)
  let response: Response
  let text: string
  try {
    ;[response, text] = await unlessAborted(exchange(way, request, headers, signal), signal)
  } catch (error) {
    if (signal.aborted) throw signal.reason
    return unavailable(`${way.url} does not answer (${reasonOf(error)}).`, null, error)
  }
  return judge(way, request, response, text)
}

async function exchange(
  { url, fetch }: Way,
  { method, path, body }: Request<unknown>,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<[Response, string]> {
  // A redirect that is followed would turn a write into a read, and might carry the key to another host.
  const init: RequestInit = { method, headers, signal, redirect: 'manual' }
  const response = await fetch(url + path, body === undefined ? init : { ...init, body })
  return [response, await response.text()]
}

async function headersOf(key: Key | undefined, { body, idempotencyKey }: Request<unknown>): Promise<Record<string, string>> {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (body !== undefined) headers['content-type'] = 'application/json'
  if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey
  if (key === undefined) return headers
  const secret = typeof key === 'string' ? key : await key()
  // What `fetch` would throw of it has the secret in its message.
  if (typeof secret !== 'string' || !/^[\x21-\x7e]+$/.test(secret))
    throw new TypeError('The key must be printable ASCII characters without spaces, and not be empty.')
  return { ...headers, authorization: `Bearer ${secret}` }
}

function judge<Value>({ url }: Way, request: Request<Value>, response: Response, text: string): Attempt<Value> {
  const { status, headers } = response
  const retryAfterMs = readRetryAfter(headers)
  // What a browser tells of a redirect that it does not follow has status 0.
  if (response.type === 'opaqueredirect' || (status >= 300 && status < 400)) {
    return failed('redirected', status, `${url} redirects to another address; give the client that one.`)
  }
  const json = parse(text)
  const { code, detail, oldestCursor } = (json ?? {}) as Readonly<Record<string, unknown>>
  const isRead = status < 300 ? json !== undefined : typeof code === 'string'
  if (!isRead) {
    // Something on the way to the service: nobody knows what the service did.
    if (status >= 500) return unavailable(`${url} answered ${status}.`, retryAfterMs)
    if (status === 429) return failed('rate_limited', status, `${url} answered 429.`, { isWorthRepeating: true, retryAfterMs })
    return unreadable(`${url + request.path} answered ${status} without ${json === undefined ? 'JSON' : 'a code'}`, status)
  }
  try {
    if (status < 300) return { ok: true, value: request.read({ status, json, isReplay: headers.get('idempotent-replayed') === 'true' }) }
    const refusal = readRefusal(json)
    const value = refusal === null ? undefined : request.refused(refusal)
    if (value !== undefined) return { ok: true, value }
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    return unreadable(`${url + request.path} answered ${status} with JSON that ${error.message}`, status)
  }
  const message = `${url} answered ${status} ${String(code)}${typeof detail === 'string' ? `: ${detail}` : '.'}`
  if (status === 503) return unavailable(message, retryAfterMs, undefined, code === 'overloaded' ? code : 'store_unavailable')
  if (code === 'cursor_expired' && typeof oldestCursor === 'string') return expired(message, oldestCursor)
  return failed(String(code), status, message, { isWorthRepeating: status === 429 || status >= 500, retryAfterMs })
}

/** A page of a proxy, or the JSON of another service. After a yes it may be well the next time; a no of somebody else stays one. */
function unreadable(message: string, status: number): Failed {
  return failed('unreadable_answer', status, `${message}; is it a Holdfast service?`, { isWorthRepeating: status < 300 })
}

function unavailable(
  message: string,
  retryAfterMs: number | null,
  cause?: unknown,
  code: 'store_unavailable' | 'overloaded' = 'store_unavailable',
): Failed {
  return { ok: false, isWorthRepeating: true, retryAfterMs, error: (tail) => new Fault(code, message + tail, cause) }
}

/** As the library says it. */
function expired(message: string, oldestCursor: string): Failed {
  const fault = new Fault('cursor_expired', message, undefined, { oldestCursor })
  return { ok: false, isWorthRepeating: false, retryAfterMs: null, error: () => fault }
}

/** Nobody has answered in time: the outcome is unknown, and asking again is safe. */
export function unanswered({ url }: Way, ms: number): Failed {
  return unavailable(`${url} has not answered within ${Math.round(ms)} ms.`, null)
}

function failed(
  code: string,
  status: number,
  message: string,
  { isWorthRepeating = false, retryAfterMs = null }: { isWorthRepeating?: boolean; retryAfterMs?: number | null } = {},
): Failed {
  return { ok: false, isWorthRepeating, retryAfterMs, error: (tail) => new ServiceError(code, status, message + tail, retryAfterMs) }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** In Node the message of `fetch` says nothing, and its cause says why. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  const { code, message: deeper } = (cause ?? {}) as { readonly code?: string; readonly message?: string }
  return code ?? deeper ?? message
}

/** Seconds or a date (RFC 9110); a date counts from that of the answer, because the clock here may be wrong. */
function readRetryAfter(headers: Headers): number | null {
  const text = headers.get('retry-after')
  if (text === null) return null
  if (/^\d+$/.test(text)) return Number(text) * 1000
  const waitMs = Date.parse(text) - Date.parse(headers.get('date') ?? '')
  return Number.isNaN(waitMs) ? null : Math.max(0, waitMs)
}
