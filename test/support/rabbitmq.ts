import { randomUUID } from 'node:crypto'
import { connect, type ConfirmChannel, type ConsumeMessage, type Options } from 'amqplib'
import { onTestFinished } from 'vitest'
import type { Event } from '../../src/domain/event.ts'
import { createRelays, type Relays } from '../../src/events/relay/relays.ts'
import { startRabbitMq, type RabbitMqOptions } from '../../src/events/rabbitmq/start.ts'
import type { Holdfast, Store } from '../../src/index.ts'
import { createFaultProxy, type FaultProxy } from './fault-proxy.ts'
import type { RabbitMqServer } from './rabbitmq-server.ts'
import { accepted, openShop, type TestShop } from './shop.ts'
import { skippingTime, type SkippingTime } from './skipping-time.ts'

export interface Node {
  readonly relays: Relays
  readonly close: () => Promise<void>
}

/** What one queue got, in its order; taken and acknowledged. */
export interface Inbox {
  readonly queue: string
  readonly messages: ConsumeMessage[]
}

/** A shop and a RabbitMQ, with a faulty network between them, and whoever else uses that RabbitMQ. */
export interface Stand extends TestShop {
  readonly prefix: string
  readonly proxy: FaultProxy
  readonly time: SkippingTime
  readonly reports: unknown[]
  readonly startNode: (options?: Partial<RabbitMqOptions>) => Promise<Node>
  /** Of the others. */
  readonly channel: ConfirmChannel
  /** A queue that gets the events with these types, or what is sent to it by its name. */
  readonly inbox: (...patterns: readonly string[]) => Promise<Inbox>
  /** What comes to the queue of dead letters. */
  readonly dead: () => Promise<Inbox>
  /** Confirmed by RabbitMQ. */
  readonly command: (body: object | string, properties?: Options.Publish) => Promise<void>
  readonly events: () => Promise<readonly Event[]>
  /** Buyers who reserve, cancel, or buy. */
  readonly sell: (buyers: number) => Promise<void>
}

export async function createStand(server: RabbitMqServer, { wrap = (store: Store): Store => store } = {}): Promise<Stand> {
  const prefix = `t${randomUUID().slice(0, 8)}`
  const proxy = await createFaultProxy(server.port)
  onTestFinished(() => proxy.close())
  const test = await openShop({ wrap })
  const { shop, store } = test
  const time = skippingTime()
  const reports: unknown[] = []
  const report = (error: unknown): void => void reports.push(error)
  accepted(await shop.createProduct({ sku: 'a', name: 'A', totalStock: 100_000 }))

  const connection = await connect(server.url)
  connection.on('error', () => {})
  onTestFinished(() => connection.close().catch(() => {}))
  const channel = await connection.createConfirmChannel()
  channel.on('error', () => {})
  await channel.assertExchange(`${prefix}.events`, 'topic', { durable: true })

  const collect = async (queue: string): Promise<Inbox> => {
    const messages: ConsumeMessage[] = []
    await channel.consume(queue, (message) => message !== null && messages.push(message), { noAck: true })
    return { queue, messages }
  }

  return {
    ...test,
    prefix,
    proxy,
    time,
    reports,
    channel,
    startNode: async (options = {}) => {
      const relays = createRelays({ shop, notes: store.notes!, isShared: true, time, report })
      const rabbit = await startRabbitMq({
        shop,
        relays,
        isShared: true,
        url: `amqp://127.0.0.1:${proxy.port}`,
        types: null,
        prefix,
        time,
        report,
        ...options,
      })
      const close = async (): Promise<void> => {
        await Promise.all([rabbit.close(), relays.stop()])
      }
      onTestFinished(close)
      return { relays, close }
    },
    inbox: async (...patterns) => {
      const { queue } = await channel.assertQueue(`${prefix}.${randomUUID()}`, { durable: true })
      for (const pattern of patterns) await channel.bindQueue(queue, `${prefix}.events`, pattern)
      return collect(queue)
    },
    dead: async () => {
      const { queue } = await channel.assertQueue(`${prefix}.commands.dead`, { durable: true })
      return collect(queue)
    },
    command: async (body, properties = {}) => {
      channel.sendToQueue(`${prefix}.commands`, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), {
        mandatory: true,
        persistent: true,
        ...properties,
      })
      await channel.waitForConfirms()
    },
    events: () => everyEvent(shop),
    sell: async (buyers) => {
      await Promise.all(
        Array.from({ length: buyers }, async (_, buyer) => {
          const { id } = accepted(await shop.reserve({ userId: `u${buyer}`, items: [{ sku: 'a', quantity: 1 }] }))
          accepted(await shop.extend(id, { ttlSeconds: 700 }))
          if (buyer % 2 === 0) accepted(await shop.confirm(id))
          else accepted(await shop.cancel(id))
        }),
      )
    },
  }
}

async function everyEvent(shop: Holdfast): Promise<readonly Event[]> {
  const all: Event[] = []
  for (let cursor: string | null = null; ;) {
    const page: Awaited<ReturnType<Holdfast['events']>> = await shop.events({ cursor, limit: 200 })
    all.push(...page.data)
    if (page.data.length < 200) return all
    cursor = page.nextCursor
  }
}

/** Waits for what other processes do. */
export async function eventually(isSo: () => boolean | Promise<boolean>, msMax = 15_000): Promise<void> {
  for (const deadline = performance.now() + msMax; !(await isSo());) {
    if (performance.now() > deadline) throw new Error(`not so within ${msMax} ms: ${String(isSo)}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** The queue may be declared by a node that is starting still. */
export async function queueExists(server: RabbitMqServer, queue: string): Promise<boolean> {
  const connection = await connect(server.url)
  try {
    const channel = await connection.createChannel()
    channel.on('error', () => {})
    await channel.checkQueue(queue)
    return true
  } catch {
    return false
  } finally {
    await connection.close()
  }
}
