import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'vitest'
import { everyDialect, type DialectSettings } from '../../src/http/dialects/names.ts'
import { createIdentify, type IdentitySettings } from '../../src/http/identity.ts'
import { createApp, type AppOptions } from '../../src/http/app.ts'
import { openWebhooks, type WebhooksOptions } from '../../src/events/webhooks/webhooks.ts'
import { serve } from '../../src/http/serve.ts'
import { createMetrics } from '../../src/operation/metrics.ts'
import { createHoldfast, openStore, type Clock, type Store } from '../../src/index.ts'
import { createCheck, type CheckAnswer, type OpenApi } from './http-contract.ts'
import type { Problem } from './http-shapes.ts'

export interface Answer<Body = unknown> {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The bytes, as text. */
  readonly text: string
  /** The JSON, or undefined where there is none. */
  readonly body: Body
}

export type Headers = Readonly<Record<string, string>>

export interface SendOptions {
  /** Sent as JSON. */
  readonly body?: unknown
  /** Sent as it is. */
  readonly raw?: string | Buffer
  readonly headers?: Headers
}

export interface Service {
  readonly address: string
  readonly port: number
  /** Faults and bugs that the service reported. */
  readonly reports: readonly unknown[]
  readonly openapi: OpenApi
  /** One request over a real socket; the answer is held to the contract before it is given back. */
  readonly send: <Body = Problem>(method: string, path: string, options?: SendOptions) => Promise<Answer<Body>>
  readonly get: <Body = Problem>(path: string, headers?: Headers) => Promise<Answer<Body>>
  readonly post: <Body = Problem>(path: string, body?: unknown, headers?: Headers) => Promise<Answer<Body>>
  readonly patch: <Body = Problem>(path: string, body?: unknown, headers?: Headers) => Promise<Answer<Body>>
  readonly close: () => Promise<void>
}

export interface StartOptions {
  readonly host?: string
  readonly storeUrl?: string
  /** One that is open already, instead. The service closes it. */
  readonly store?: Store
  /** Time is an argument: with a clock of its own, nothing expires before the test says so. */
  readonly clock?: Clock
  /** Something between the engine and the store. */
  readonly wrap?: (store: Store) => Store
  readonly queueMax?: number
  /** Who may do what; without it everybody may do everything. */
  readonly identity?: IdentitySettings
  /** Limits of the app that are other than by default. */
  readonly app?: Pick<AppOptions, 'connections' | 'identify' | 'log' | 'parts' | 'requests' | 'streamsMax' | 'trustProxy'>
  /** Which of the older APIs there are; without it all. */
  readonly dialects?: DialectSettings
  readonly activePerUserMax?: number
  /** Told of faults and bugs as well. */
  readonly report?: AppOptions['report']
  /** Where they may go, and what else is other than by default. */
  readonly webhooks?: Partial<WebhooksOptions>
}

const version = '0.0.0-test'

/** The whole service on a free port of this machine. */
export async function startService(options: StartOptions = {}): Promise<Service> {
  const reports: unknown[] = []
  const { address, close } = await listen(options, (error, requestId) => {
    reports.push(error)
    options.report?.(error, requestId)
  })
  const agent = new Agent({ keepAlive: true })
  const { hostname, port } = new URL(address)
  const host = hostname.replace(/^\[|\]$/g, '')
  const exchange = (method: string, path: string, sent: SendOptions): Promise<Answer> =>
    sendRequest({ agent, host, port: Number(port), method, path, ...sent })
  const openapi = (await exchange('GET', '/openapi.json', {})).body as OpenApi
  const check: CheckAnswer = createCheck(openapi)

  const send = async <Body>(method: string, path: string, sent: SendOptions = {}): Promise<Answer<Body>> => {
    const answer = await exchange(method, path, sent)
    check(method, path, answer)
    return answer as Answer<Body>
  }
  return {
    address,
    port: Number(port),
    reports,
    openapi,
    send,
    get: (path, headers = {}) => send('GET', path, { headers }),
    post: (path, body, headers = {}) => send('POST', path, { body, headers }),
    patch: (path, body, headers = {}) => send('PATCH', path, { body, headers }),
    close: async () => {
      agent.destroy()
      await close()
    },
  }
}

interface Listening {
  readonly address: string
  readonly close: () => Promise<void>
}

async function listen(options: StartOptions, report: AppOptions['report']): Promise<Listening> {
  const {
    host = '127.0.0.1',
    storeUrl = 'sqlite::memory:',
    clock,
    wrap,
    queueMax,
    activePerUserMax,
    identity = { keys: [], tokens: null },
    dialects = everyDialect,
    app: appOptions,
    webhooks: webhookOptions = {},
  } = options
  if (clock === undefined && wrap === undefined && queueMax === undefined && options.store === undefined && appOptions === undefined)
    return serve({ host, port: 0, storeUrl, identity, dialects, activePerUserMax, webhooks: webhookOptions, version, report })
  const store = options.store ?? (await openStore(storeUrl, clock === undefined ? {} : { clock }))
  const metrics = createMetrics({ version, store: 'test', queueLength: () => shop.queueLength })
  const shop = createHoldfast({
    store: metrics.store.watch(wrap === undefined ? store : wrap(store)),
    expiry: clock === undefined ? 'timer' : 'manual',
    ...metrics.engine,
    ...(queueMax === undefined ? {} : { queueMax }),
    ...(activePerUserMax === undefined ? {} : { activePerUserMax }),
  })
  const webhooks = openWebhooks({ shop, store, ...(clock !== undefined && { now: clock }), ...webhookOptions, report })
  const app = await createApp({ shop, metrics, version, identify: createIdentify(identity), webhooks, dialects, report, ...appOptions })
  await app.listen({ host, port: 0 })
  return {
    address: `http://${host}:${(app.server.address() as AddressInfo).port}`,
    close: async () => {
      await app.close()
      await webhooks?.close()
      await shop.close()
    },
  }
}

interface Exchange extends SendOptions {
  readonly agent: Agent
  readonly host: string
  readonly port: number
  readonly method: string
  readonly path: string
}

function sendRequest({ agent, host, port, method, path, body, raw, headers = {} }: Exchange): Promise<Answer> {
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body))
  const defaults: Headers =
    payload === undefined
      ? { 'content-length': '0' }
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(payload)) }
  return new Promise((resolve, reject) => {
    const request = httpRequest({ agent, host, port, method, path, headers: { ...defaults, ...headers } }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          body: parse(text, response.headers['content-type'] ?? ''),
        })
      })
    })
    request.on('error', reject)
    request.end(payload)
  })
}

function parse(text: string, contentType: string): unknown {
  return text !== '' && /json/.test(contentType) ? JSON.parse(text) : undefined
}

/** What a refused request was told: its code, and where its mistakes are. */
export function refusal(answer: Answer<Problem>): string {
  const { code, errors } = answer.body
  return errors === undefined ? code : `${code} at ${errors.map(({ path }) => (path === '' ? "''" : path)).join(' ')}`
}

/** Nothing went wrong inside: what the service refused, it refused on purpose. */
export function expectNoReports({ reports }: Service): void {
  expect(reports).toEqual([])
}
