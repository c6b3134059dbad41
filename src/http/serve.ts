import { isIPv4 } from 'node:net'
import type { RelayStatus } from '../events/relay/relay.ts'
import type { AmqpSettings } from '../events/rabbitmq/settings.ts'
import { openWebhooks, type WebhooksOptions } from '../events/webhooks/webhooks.ts'
import { startWorker, type Worker } from '../events/worker.ts'
import { createHoldfast } from '../engine/holdfast.ts'
import type { KeepOptions } from '../engine/retention.ts'
import { createMetrics } from '../operation/metrics.ts'
import { partsOf } from '../operation/relay-metrics.ts'
import type { Log } from '../operation/log.ts'
import { createTraces } from '../operation/traces.ts'
import { kindOf, openStore } from '../store/open.ts'
import type { Store } from '../store/port.ts'
import type { DialectSettings } from './dialects/names.ts'
import { createIdentify, type IdentitySettings } from './identity.ts'
import { createApp, type AppOptions } from './app.ts'
import type { Report } from './failures.ts'
import type { RequestLimit } from './limits/rate-limit.ts'

export interface ServeOptions {
  readonly host: string
  /** 0: any free port; null: nobody is listened to. */
  readonly port: number | null
  /** False: only what operators ask (`/livez`, `/readyz`, `/metrics`), for a worker apart; default true. */
  readonly isShop?: boolean
  /** See `openStore`. */
  readonly storeUrl: string
  readonly ledgerUrl?: string | undefined
  /** Left out: everybody may do everything, so only on a loopback address. */
  readonly identity?: IdentitySettings
  /** See `AppOptions`. */
  readonly dialects?: DialectSettings
  /** See `EngineOptions`. */
  readonly activePerUserMax?: number | undefined
  /** Those that are left out are as by default. */
  readonly limits?: ServeLimits
  /** Whether this node expires reservations and tells others what happened; default true. Without it, another process must (`holdfast worker`). */
  readonly worker?: boolean
  /** Of a node with a worker: how long what is over is kept, see `KeepOptions`. */
  readonly keep?: KeepOptions
  /** See `WorkerOptions`. */
  readonly amqp?: AmqpSettings | null
  /** Where they may go. */
  readonly webhooks?: Partial<Pick<WebhooksOptions, 'allowPrivate'>>
  readonly version: string
  readonly report: Report
  /** What is dangerous about a store's settings, and what happened to it. Left out: warnings of the process. */
  readonly warn?: (message: string) => void
  /** See `AppOptions`. */
  readonly log?: Log
}

/** What the service takes from its clients; docs/limits.md has all of it. */
export interface ServeLimits {
  /** Of one client. null: as many as it likes. */
  readonly requests?: RequestLimit | null
  /** The same on the routes of the Flash deal API. */
  readonly flash?: RequestLimit | null
  /** Addresses and networks of proxies whose `X-Forwarded-For` is believed. */
  readonly trustProxy?: readonly string[]
  readonly connectionsMax?: number
  readonly queueWaitMsMax?: number
}

export interface Service {
  /** `http://host:port`; empty where nobody is listened to. */
  readonly address: string
  /** Take no more connections, finish what is in flight, close the store. Whoever has not sent a whole request by then is cut off. */
  close(): Promise<void>
}

const open: IdentitySettings = { keys: [], tokens: null }

/** A stop must be over within ten seconds; a request that is still being sent after this long will not be finished. */
const graceMs = 7_000

/** Open the store and serve it. Throws the fault `cannot_open`, or an error when the address cannot be used. */
export async function serve(options: ServeOptions): Promise<Service> {
  const {
    host,
    port,
    storeUrl,
    ledgerUrl,
    identity = open,
    dialects,
    activePerUserMax,
    limits = {},
    isShop = true,
    worker: isWorker = true,
    keep = {},
    amqp = null,
    version,
    report,
    warn,
    log,
  } = options
  if (port !== null && identity.keys.length === 0 && !isLoopback(host)) {
    throw new Error(
      `Without API keys Holdfast only listens on a loopback address: on ${host} everybody could sell and cancel. Set HOLDFAST_API_KEYS, or use --host 127.0.0.1.`,
    )
  }
  const opened = await openStore(storeUrl, { ledger: ledgerUrl, ...(warn !== undefined && { warn }) })
  let worker: Worker | null = null
  const relays = (): readonly RelayStatus[] => worker?.status() ?? []
  const metrics = createMetrics({ version, ...kindsOf(storeUrl, ledgerUrl), queueLength: () => shop.queueLength, relays })
  const traces = createTraces(version)
  const store = metrics.store.watch(opened)
  const shop = createHoldfast({
    store,
    waitMsMax: limits.queueWaitMsMax,
    activePerUserMax,
    expiry: isWorker ? 'timer' : 'manual',
    keep: isWorker ? keep : undefined,
    ...metrics.engine,
    onSubmit: traces?.onSubmit,
    onBatch: (batch) => {
      metrics.engine.onBatch(batch)
      traces?.onBatch(batch)
    },
  })
  const webhooks = openWebhooks({ shop, store, ...options.webhooks, report })
  try {
    if (isWorker) worker = await startWorker({ shop, store, webhooks, amqp, trace: traces?.consumer, report, warn })
    const identify = createIdentify(identity)
    const app = await createApp({
      shop,
      metrics,
      traces,
      parts: () => partsOf(relays(), worker?.away()),
      ...(log !== undefined && { log }),
      version,
      identify,
      webhooks,
      isShop,
      ...(dialects !== undefined && { dialects }),
      ...appLimits(limits, store),
      report,
    })
    // One address, one server: of the second that Fastify would open for "localhost", nobody waits for the requests in flight.
    const address = port === null ? '' : await app.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port })
    return {
      address,
      close: async () => {
        const cut = setTimeout(() => app.server.closeAllConnections(), graceMs)
        const workerClosed = worker?.close()
        try {
          await app.close()
        } finally {
          clearTimeout(cut)
          await workerClosed
          await webhooks?.close()
          await shop.close()
        }
      },
    }
  } catch (error) {
    await worker?.close()
    await shop.close()
    throw error
  }
}

function kindsOf(storeUrl: string, ledgerUrl: string | undefined): { readonly store: string; readonly ledger: string } {
  return { store: kindOf(storeUrl) ?? '', ledger: ledgerUrl === undefined ? '' : (kindOf(ledgerUrl) ?? '') }
}

function appLimits(
  { requests = null, flash = null, trustProxy = [], connectionsMax }: ServeLimits,
  { countRequests }: Store,
): Partial<AppOptions> {
  return {
    requests: { limits: { requests, flash }, countRequests },
    trustProxy,
    connections: connectionsMax === undefined ? {} : { connectionsMax },
  }
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
