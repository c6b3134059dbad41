import type { Holdfast } from '../engine/holdfast.ts'
import type { Store } from '../store/port.ts'
import type { Consumer } from './relay/consumer.ts'
import type { RelayStatus } from './relay/relay.ts'
import { createRelays } from './relay/relays.ts'
import type { AmqpSettings } from './rabbitmq/settings.ts'
import { startRabbitMq } from './rabbitmq/start.ts'
import { startWebhooks } from './webhooks/start.ts'
import type { Webhooks } from './webhooks/webhooks.ts'

export interface WorkerOptions {
  readonly shop: Holdfast
  readonly store: Store
  /** Puts something around each consumer, such as spans of its attempts. */
  readonly trace?: ((consumer: Consumer) => Consumer) | undefined
  /** A RabbitMQ to tell, and to take commands from; null: there is none. */
  readonly amqp?: AmqpSettings | null
  /** null: this store has none. Close them after the worker. */
  readonly webhooks: Webhooks | null
  readonly report: (error: unknown) => void
  /** Told of what is no fault. Left out: `report` is. */
  readonly warn?: ((message: string) => void) | undefined
}

/** Tells others what happened, and does what the broker says. Any number of nodes may have one; each consumer is told by one of them. */
export interface Worker {
  readonly status: () => readonly RelayStatus[]
  /** What cannot be reached at the moment, by its kind, whether or not there is anything to tell. */
  readonly away: () => readonly string[]
  /** Over within about a second; another node goes on. Close it before the shop. */
  readonly close: () => Promise<void>
}

/** Throws `cannot_open` where somebody cannot be told at all; who is only away is told later. */
export async function startWorker({ shop, store, webhooks, amqp = null, trace, report, warn }: WorkerOptions): Promise<Worker> {
  const { notes } = store
  if (notes === undefined) return { status: () => [], away: () => [], close: async () => {} }
  const isShared = store.onOthers !== undefined
  const relays = createRelays({ shop, notes, isShared, trace, report })
  const rabbitMq = amqp === null ? null : await startRabbitMq({ shop, relays, isShared, ...amqp, report, warn })
  const consumers = webhooks === null ? null : startWebhooks({ webhooks, relays, report })
  return {
    status: relays.status,
    away: () => (rabbitMq?.isAway() === true ? ['rabbitmq'] : []),
    close: async () => {
      await Promise.all([consumers?.close(), rabbitMq?.close(), relays.stop()])
    },
  }
}
