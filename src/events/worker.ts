import type { Holdfast } from '../engine/holdfast.ts'
import type { Store } from '../store/port.ts'
import type { Consumer } from './relay/consumer.ts'
import type { RelayStatus } from './relay/relay.ts'
import { createRelays } from './relay/relays.ts'
import { startWebhooks } from './webhooks/start.ts'
import type { Webhooks } from './webhooks/webhooks.ts'

export interface WorkerOptions {
  readonly shop: Holdfast
  readonly store: Store
  /** Puts something around each consumer, such as spans of its attempts. */
  readonly trace?: ((consumer: Consumer) => Consumer) | undefined
  /** null: this store has none. Close them after the worker. */
  readonly webhooks: Webhooks | null
  readonly report: (error: unknown) => void
}

/** Tells others what happened. Any number of nodes may have one; each consumer is told by one of them. */
export interface Worker {
  readonly status: () => readonly RelayStatus[]
  /** Over within about a second; another node goes on. Close it before the shop. */
  readonly close: () => Promise<void>
}

export async function startWorker({ shop, store, webhooks, trace, report }: WorkerOptions): Promise<Worker> {
  const { notes } = store
  if (notes === undefined) return { status: () => [], close: async () => {} }
  const relays = createRelays({ shop, notes, isShared: store.onOthers !== undefined, trace, report })
  const consumers = webhooks === null ? null : startWebhooks({ webhooks, relays, report })
  return {
    status: relays.status,
    close: async () => {
      await Promise.all([consumers?.close(), relays.stop()])
    },
  }
}
