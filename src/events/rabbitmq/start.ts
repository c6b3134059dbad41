import type { Holdfast } from '../../engine/holdfast.ts'
import type { Relays } from '../relay/relays.ts'
import { realTime, type Time } from '../relay/time.ts'
import { stepAside } from './aside.ts'
import { loadDriver } from './connect.ts'
import { createIntake } from './intake.ts'
import { createNews } from './news.ts'
import { createPublisher } from './publisher.ts'
import type { AmqpSettings } from './settings.ts'
import { eventConsumer } from './telling.ts'
import { declareDead, declareEvents, namesOf } from './topology.ts'
import { readAmqpUrl } from './url.ts'

export interface RabbitMqOptions extends AmqpSettings {
  readonly shop: Pick<Holdfast, 'submit'>
  readonly relays: Pick<Relays, 'add' | 'remove'>
  /** Whether several nodes may use the store. */
  readonly isShared: boolean
  /** Of the names of the exchange and the queues; default `holdfast`. */
  readonly prefix?: string
  /** Defaults: 30 seconds, 10 seconds, 5 seconds. */
  readonly confirmMsMax?: number
  readonly heartbeatSeconds?: number
  readonly connectMsMax?: number
  readonly time?: Time
  readonly random?: () => number
  readonly report: (error: unknown) => void
  /** Told when all is well again. Left out: `report` is. */
  readonly warn?: ((message: string) => void) | undefined
}

export interface RabbitMq {
  /** Whether this node has no connection to it at the moment, for events or for commands. */
  readonly isAway: () => boolean
  /** Over within about a second. What was not finished is left to other nodes, or the next start. */
  readonly close: () => Promise<void>
}

/**
 * Publishes events to RabbitMQ and takes commands from it. Does not wait until it answers: while it is away, nothing is lost. Throws `cannot_open` where the URL is none, or the
 * driver is missing. docs/rabbitmq.md says what goes over the wire.
 */
export async function startRabbitMq(options: RabbitMqOptions): Promise<RabbitMq> {
  const { shop, relays, isShared, types, prefix, confirmMsMax = 30_000, heartbeatSeconds = 10, connectMsMax = 5_000 } = options
  const { time = realTime, random = Math.random, report, warn = report } = options
  const url = readAmqpUrl(options.url)
  const names = namesOf(prefix)
  const driver = await loadDriver()
  // Two connections: while RabbitMQ takes no messages it does not read from whoever sends any, and would not hear of what was done either.
  const common = { driver, url, time, random, news: createNews(url.where, { report, warn }) }
  const publisher = createPublisher({
    ...common,
    connection: { connectMsMax, heartbeatSeconds, purpose: 'events' },
    declare: async (model) => {
      await declareEvents(model, names)
      await declareDead(model, names)
    },
    confirmMsMax,
  })
  const intake = createIntake({
    ...common,
    connection: { connectMsMax, heartbeatSeconds, purpose: 'commands' },
    shop,
    names,
    publisher,
    report,
  })
  const consumer = eventConsumer({ publisher, names, types, random })
  relays.add(consumer)
  const aside = isShared ? stepAside({ relays, consumer, awayMs: publisher.awayMs, time }) : null
  return {
    isAway: () => publisher.awayMs() > 0 || intake.awayMs() > 0,
    close: async () => {
      const asideClosed = aside?.close()
      await Promise.all([asideClosed, relays.remove(consumer.name), intake.close()])
      await publisher.close()
    },
  }
}
