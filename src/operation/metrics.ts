import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { engineMetrics, type EngineMetrics } from './engine-metrics.ts'
import { httpMetrics, type HttpMetrics } from './http-metrics.ts'
import type { RelayStatus } from '../events/relay/relay.ts'
import { relayMetrics } from './relay-metrics.ts'
import { storeMetrics, type StoreLookOptions, type StoreMetrics } from './store-metrics.ts'

export interface MetricsOptions extends Partial<StoreLookOptions> {
  readonly version: string
  /** The kinds, as in `sqlite` and `postgres`: never a URL. */
  readonly store: string
  readonly ledger?: string | undefined
  readonly queueLength: () => number
  readonly relays?: (() => readonly RelayStatus[]) | undefined
}

/** What Prometheus is shown; docs/operations.md says what each is for. No label may take a value that clients can make up: no sku, no user. */
export interface Metrics {
  readonly contentType: string
  readonly text: () => Promise<string>
  readonly engine: EngineMetrics
  readonly http: HttpMetrics
  readonly store: StoreMetrics
}

/** CPU, memory, event loop and garbage of the process, measured once however many services are in it. */
let ofProcess: Registry | null = null

export function createMetrics({ version, store, ledger = '', queueLength, relays = () => [], ...look }: MetricsOptions): Metrics {
  const registry = new Registry()
  const info = new Gauge({
    name: 'holdfast_build_info',
    help: '1, for each version of the service and the kind of its store.',
    labelNames: ['version', 'store', 'ledger'],
    registers: [registry],
  })
  info.set({ version, store, ledger }, 1)
  const http = httpMetrics(registry)
  const engine = engineMetrics(registry, queueLength)
  const ofStore = storeMetrics(registry, { lookMsMax: 1_000, now: () => performance.now(), ...look })
  relayMetrics(registry, relays)
  if (ofProcess === null) collectDefaultMetrics({ register: (ofProcess = new Registry()) })
  const process = ofProcess

  return {
    contentType: registry.contentType,
    text: async () => {
      await ofStore.look()
      return (await Promise.all([registry.metrics(), process.metrics()])).join('\n')
    },
    engine,
    http,
    store: ofStore,
  }
}
