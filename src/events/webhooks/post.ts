import * as http from 'node:http'
import * as https from 'node:https'
import type { LookupFunction } from 'node:net'
import { NotPublic } from './destination.ts'

export interface Post {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly agents: Agents
  /** For the whole exchange. */
  readonly msMax: number
  readonly signal?: AbortSignal | undefined
}

/** What came back. A status is an answer, whatever becomes of the body after it. */
export interface Answer {
  /** null: there was none, and `problem` says why. */
  readonly status: number | null
  /** For people. */
  readonly problem: string | null
  readonly retryAfter: string | null
  /** As much of the body as was read. */
  readonly body: Buffer
}

/** Connections that are kept for the next event. */
export interface Agents {
  readonly http: http.Agent
  readonly https: https.Agent
  readonly destroy: () => void
}

export interface AgentOptions {
  readonly lookup: LookupFunction
  readonly connectionsMax: number
}

/** Of a body; the connection is closed rather than that more is read. */
const bodyBytesMax = 16 * 1024
/** Of an endpoint that has nothing to do. */
const idleMsMax = 20_000

export function createAgents({ lookup, connectionsMax }: AgentOptions): Agents {
  const options = { keepAlive: true, maxSockets: connectionsMax, maxFreeSockets: connectionsMax, timeout: idleMsMax, lookup }
  const agents = { http: new http.Agent(options), https: new https.Agent(options) }
  return {
    ...agents,
    destroy: () => {
      agents.http.destroy()
      agents.https.destroy()
    },
  }
}

/** One POST, which follows no redirect. Never rejects. */
export async function post(request: Post): Promise<Answer> {
  const startedAt = performance.now()
  const first = await exchange(request)
  if (!first.isStale) return first.answer
  // The endpoint let go of a kept connection just when it was used again; nobody is to blame.
  const { answer } = await exchange({ ...request, msMax: request.msMax - (performance.now() - startedAt) })
  return answer
}

interface Exchange {
  readonly answer: Answer
  /** A kept connection turned out to be closed before anything was answered on it. */
  readonly isStale: boolean
}

function exchange({ url, headers, body, agents, msMax, signal }: Post): Promise<Exchange> {
  return new Promise((resolve) => {
    const isTls = url.protocol === 'https:'
    const options = { method: 'POST', headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) } }
    const request = isTls ? https.request(url, { ...options, agent: agents.https }) : http.request(url, { ...options, agent: agents.http })
    const chunks: Buffer[] = []
    let bytes = 0
    let status: number | null = null
    let retryAfter: string | null = null

    const finish = (problem: string | null, isStale = false): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      resolve({ answer: { status, problem: status === null ? problem : null, retryAfter, body: Buffer.concat(chunks) }, isStale })
    }
    const cut = (problem: string): void => {
      finish(problem)
      request.destroy()
    }
    const abort = (): void => cut('This node is stopping.')
    const timer = setTimeout(() => cut(`It did not answer within ${Math.round(msMax / 1000)} seconds.`), msMax)
    signal?.addEventListener('abort', abort, { once: true })
    request.on('response', (response) => {
      status = response.statusCode ?? null
      retryAfter = response.headers['retry-after'] ?? null
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk.subarray(0, bodyBytesMax - bytes))
        bytes += chunk.length
        if (bytes >= bodyBytesMax) cut('')
      })
      response.on('end', () => finish(null))
      response.on('error', () => finish(null))
    })
    // An answer without a body, after which HTTP is over; nobody asked for it.
    request.on('upgrade', (response, socket) => {
      status = response.statusCode ?? null
      socket.destroy()
      finish(null)
    })
    request.on('error', (error) => finish(explain(error), request.reusedSocket && isReset(error)))
    if (signal?.aborted === true) abort()
    else request.end(body)
  })
}

function isReset(error: Error): boolean {
  return ['ECONNRESET', 'EPIPE'].includes(codeOf(error))
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}

function explain(error: Error): string {
  if (error instanceof NotPublic) return `${error.message}.`
  const code = codeOf(error)
  if (code === 'ECONNREFUSED') return 'It refused the connection.'
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'It closed the connection before it had answered.'
  if (/^E(?:NOTFOUND|AI_AGAIN|NODATA|SERVFAIL|TIMEOUT)$/.test(code)) return `Its host name cannot be resolved (${code}).`
  if (code.startsWith('HPE_')) return `What it answered is not HTTP, or has too many headers (${code}).`
  if (/CERT|SELF_SIGNED|ALTNAME/.test(code)) return `Its certificate is not accepted (${code}).`
  return `The connection failed (${code || error.message}).`
}
