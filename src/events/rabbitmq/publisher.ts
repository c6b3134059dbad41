import type { ChannelModel, ConfirmChannel, Message, Options } from 'amqplib'
import { explain, quietly } from './connect.ts'
import { createLink, type LinkOptions, type Session } from './link.ts'

export interface Publication {
  /** '' is the one that leads to the queue named by the routing key. */
  readonly exchange: string
  readonly routingKey: string
  readonly body: Buffer
  /** The id tells which message came back. */
  readonly properties: Options.Publish & { readonly messageId: string }
}

/** What RabbitMQ said to a message. Whatever is not ok may still have arrived, or arrive later: it is sent again. */
export type Published =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly reason: string
      /** No queue would have got it. */
      readonly isUnroutable: boolean
      /** It cannot be put into the words of AMQP: however often it is tried, it is never sent. */
      readonly isUnsendable: boolean
    }

/** Sends persistent messages, each of which RabbitMQ must confirm. */
export interface Publisher {
  /** Never rejects, and is over after `confirmMsMax` whatever happens. */
  readonly publish: (publication: Publication) => Promise<Published>
  /** Safe to repeat. */
  readonly declare: () => Promise<void>
  readonly awayMs: () => number
  readonly close: () => Promise<void>
}

export interface PublisherOptions extends Omit<LinkOptions<Channel>, 'open'> {
  readonly declare: (model: ChannelModel) => Promise<void>
  /** How long RabbitMQ may take to confirm a message. After that its channel cannot be trusted, and is made anew. */
  readonly confirmMsMax: number
}

interface Channel {
  readonly model: ChannelModel
  readonly confirming: ConfirmChannel
  /** Why RabbitMQ takes nothing at the moment, as when it is short of memory; null: it does. */
  blocked: string | null
  /** While the network takes no more. */
  full: Promise<void> | null
  /** Sent and not confirmed, by what a returned message tells of itself. */
  readonly sent: Map<string, Sent[]>
  readonly close: () => Promise<void>
}

interface Sent {
  isReturned: boolean
}

/** How often is looked for messages that were not confirmed in time. */
const sweepMs = 1_000

export function createPublisher({ declare, confirmMsMax, ...link }: PublisherOptions): Publisher {
  const { time, news, url, driver } = link
  const open = async (model: ChannelModel, drop: (reason: string) => void): Promise<Channel> => {
    await declare(model)
    const confirming = await quietly(model.createConfirmChannel(), drop)
    const channel: Channel = { model, confirming, blocked: null, full: null, sent: new Map(), close: () => confirming.close() }
    watch(channel)
    return channel
  }

  const watch = (channel: Channel): void => {
    const { model, confirming, sent } = channel
    const blocking = `${link.connection.purpose}, blocked`
    model.on('blocked', (why) => {
      channel.blocked = `it takes no messages at the moment (${why})`
      news.down(blocking, channel.blocked)
    })
    model.on('unblocked', () => {
      channel.blocked = null
      news.up(blocking)
    })
    // Perhaps of the connection before.
    news.up(blocking)
    // RabbitMQ returns what it cannot route before it confirms it.
    confirming.on('return', (message) => {
      const returned = sent.get(keyOfReturned(message))?.find(({ isReturned }) => !isReturned)
      if (returned !== undefined) returned.isReturned = true
    })
  }

  const connection = createLink({ ...link, open })
  const closing = new AbortController()
  const waiting = new Map<(published: Published) => void, { readonly since: number; session: Session<Channel> | null }>()

  /** Those that wait for the longest come first. */
  const sweep = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await time.sleep(Math.min(sweepMs, confirmMsMax), closing.signal)
      for (const [settle, { since, session }] of waiting) {
        if (time.ticks() - since < confirmMsMax) break
        const blocked = session?.work.blocked ?? null
        settle(failed(blocked ?? `it did not confirm a message within ${confirmMsMax / 1_000} s`))
        // Blocked, it would only be blocked again; what it has got it will confirm when that is over.
        if (blocked === null) session?.drop('it did not confirm a message in time')
      }
    }
  }
  void sweep()

  const failed = (reason: string): NotSent => notSent(`${url.where}: ${reason}`)

  const send = async (publication: Publication, settle: (published: Published) => void): Promise<void> => {
    const session = await connection.session()
    const one = waiting.get(settle)
    if (one === undefined) return
    one.session = session
    const { work: channel } = session
    if (channel.blocked !== null) return settle(failed(channel.blocked))
    while (channel.full !== null) await channel.full
    if (!waiting.has(settle)) return
    try {
      write(channel, publication, settle)
    } catch (error) {
      // The driver looks at a message before it sends anything; that the channel is over it says in its own way.
      const isUnsendable = !(error instanceof driver.IllegalOperationError)
      settle({ ...failed(explain(error)), isUnsendable })
    }
  }

  const write = (channel: Channel, publication: Publication, settle: (published: Published) => void): void => {
    const { exchange, routingKey, body, properties } = publication
    const key = keyOf(exchange, routingKey, properties.messageId)
    const one: Sent = { isReturned: false }
    const confirmed = (error: unknown): void => {
      const others = channel.sent.get(key)?.filter((other) => other !== one) ?? []
      if (others.length === 0) channel.sent.delete(key)
      else channel.sent.set(key, others)
      if (error !== null) settle(failed(isNack(error) ? 'it could not keep a message' : 'the connection broke'))
      else if (one.isReturned) settle(unroutable(exchange, routingKey))
      else settle({ ok: true })
    }
    const hasRoom = channel.confirming.publish(exchange, routingKey, body, { ...properties, persistent: true, mandatory: true }, confirmed)
    channel.sent.set(key, [...(channel.sent.get(key) ?? []), one])
    if (!hasRoom) channel.full ??= drained(channel)
  }

  return {
    publish: (publication) =>
      new Promise((resolve) => {
        const settle = (published: Published): void => {
          if (waiting.delete(settle)) resolve(published)
        }
        waiting.set(settle, { since: time.ticks(), session: null })
        // A link says by itself where.
        send(publication, settle).catch((error: Error) => settle(notSent(error.message)))
      }),
    declare: async () => {
      const { work } = await connection.session()
      await declare(work.model)
    },
    awayMs: connection.awayMs,
    close: async () => {
      closing.abort()
      await connection.close()
      for (const settle of waiting.keys()) settle(failed('this node stops'))
    },
  }
}

function drained(channel: Channel): Promise<void> {
  const { confirming } = channel
  return new Promise((resolve) => {
    const done = (): void => {
      channel.full = null
      confirming.off('drain', done)
      confirming.off('close', done)
      resolve()
    }
    confirming.on('drain', done)
    confirming.on('close', done)
  })
}

type NotSent = Published & { readonly ok: false }

function notSent(reason: string): NotSent {
  return { ok: false, isUnroutable: false, isUnsendable: false, reason }
}

function unroutable(exchange: string, routingKey: string): NotSent {
  const reason = exchange === '' ? `there is no queue "${routingKey}"` : `nobody is bound to "${routingKey}" at the exchange "${exchange}"`
  return { ...notSent(reason), isUnroutable: true }
}

function keyOf(exchange: string, routingKey: string, messageId: string): string {
  return JSON.stringify([exchange, routingKey, messageId])
}

function keyOfReturned({ fields, properties }: Message): string {
  return keyOf(fields.exchange, fields.routingKey, String(properties.messageId))
}

function isNack(error: unknown): boolean {
  return error instanceof Error && error.message === 'message nacked'
}
