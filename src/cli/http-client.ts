import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { readKey } from '../config.ts'
import { SettingError } from './settings.ts'
import { Failure } from './failure.ts'
import { Busy, stubbornly, type Patience } from './retry.ts'

export interface HttpAnswer {
  readonly status: number
  readonly body: unknown
}

export interface HttpClient {
  readonly url: string
  /** Repeats with the same idempotency key when the service is busy or away. Throws a `Failure` when that does not help. */
  get(path: string): Promise<HttpAnswer>
  post(path: string, body: unknown, idempotencyKey: string): Promise<HttpAnswer>
  close(): void
}

/** The `code` and `detail` of a problem document, as far as they are there. */
export interface Problem {
  readonly code?: string
  readonly detail?: string
  readonly items?: readonly { readonly sku: string }[]
}

export interface HttpClientOptions extends Patience {
  readonly connectionsMax: number
}

interface Call {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly payload: string | null
  readonly idempotencyKey: string | null
  /** Of the service. */
  readonly key: string | undefined
}

/** A service that has not answered by then is treated as if the connection were lost: the outcome is unknown, and asking again is safe. */
const answerMsMax = 10_000

/**
 * Just enough HTTP for a crowd: so many connections at most, which `fetch` cannot say, and answers whose time is not mostly that of `fetch`. Whoever does not
 * measure takes `createClient`.
 */
export function createHttpClient(address: string, { connectionsMax, ...patience }: HttpClientOptions): HttpClient {
  const base = parseUrl(address)
  const agent = new Agent({ keepAlive: true, maxSockets: connectionsMax })
  const key = readKey()
  const call = (details: Omit<Call, 'key'>): Promise<HttpAnswer> => stubbornly(() => attempt(base, agent, { ...details, key }), patience)
  return {
    url: base.href.replace(/\/$/, ''),
    get: (path) => call({ method: 'GET', path, payload: null, idempotencyKey: null }),
    post: (path, body, idempotencyKey) => call({ method: 'POST', path, payload: JSON.stringify(body), idempotencyKey }),
    close: () => agent.destroy(),
  }
}

/** The address of a service as somebody typed it. */
export function parseUrl(address: string): URL {
  if (!URL.canParse(address) || new URL(address).protocol !== 'http:') {
    throw new SettingError(`--url must be the address of a service, for example http://127.0.0.1:3000, not "${address}".`)
  }
  return new URL(address)
}

async function attempt(base: URL, agent: Agent, call: Call): Promise<HttpAnswer> {
  const { status, text, retryAfter } = await exchange(base, agent, call)
  if (status === 503 || status === 429) {
    const seconds = Number(retryAfter)
    throw new Busy(`${base.origin} answered ${status}.`, Number.isFinite(seconds) ? seconds * 1000 : null)
  }
  try {
    return { status, body: JSON.parse(text) as unknown }
  } catch (error) {
    throw new Failure(`${base.origin}${call.path} answered ${status} without JSON; is it a Holdfast service?`, error)
  }
}

interface Exchange {
  readonly status: number
  readonly text: string
  readonly retryAfter: string | undefined
}

function exchange(base: URL, agent: Agent, { method, path, payload, idempotencyKey, key }: Call): Promise<Exchange> {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (payload !== null) headers['content-type'] = 'application/json'
  if (payload !== null) headers['content-length'] = String(Buffer.byteLength(payload))
  if (key !== undefined) headers['authorization'] = `Bearer ${key}`
  if (idempotencyKey !== null) headers['idempotency-key'] = idempotencyKey
  return new Promise((resolve, reject) => {
    const lost = (error: NodeJS.ErrnoException): void =>
      reject(new Busy(`${base.origin} does not answer (${error.code ?? error.message}).`))
    const options = { method, agent, headers, timeout: answerMsMax, host: base.hostname.replace(/^\[|\]$/g, ''), port: base.port }
    const outgoing = httpRequest({ ...options, path: base.pathname.replace(/\/$/, '') + path }, (incoming: IncomingMessage) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', lost)
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        resolve({ status: incoming.statusCode ?? 0, text, retryAfter: incoming.headers['retry-after'] })
      })
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${answerMsMax} ms`)))
    outgoing.on('error', lost)
    outgoing.end(payload ?? undefined)
  })
}
