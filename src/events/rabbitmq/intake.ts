import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'
import { faultCode } from '../../domain/faults.ts'
import type { Holdfast } from '../../engine/holdfast.ts'
import { answerTo, bare, deadLetter, poison, settledAs, textOf, type Settled } from './answers.ts'
import { readCommand, type AmqpCommand } from './command.ts'
import { quietly } from './connect.ts'
import { createLink, type LinkOptions } from './link.ts'
import { createOrder } from './order.ts'
import type { Publication, Publisher } from './publisher.ts'
import { declareCommands, type Names } from './topology.ts'

/** The queue of commands, as long as it is not closed. */
export interface Intake {
  readonly awayMs: () => number
  /** Stop taking, finish what is in hand, as far as it does not take long; the rest is delivered again to whoever comes next. */
  readonly close: () => Promise<void>
}

export interface IntakeOptions extends Omit<LinkOptions<Consuming>, 'open'> {
  readonly shop: Pick<Holdfast, 'submit'>
  readonly names: Names
  readonly publisher: Pick<Publisher, 'publish' | 'declare'>
  readonly report: (error: unknown) => void
}

interface Consuming {
  readonly close: () => Promise<void>
}

interface Delivered {
  readonly message: ConsumeMessage
  readonly channel: Channel
  /** Its channel is: then it is delivered again. */
  readonly isGone: () => boolean
}

/** So many commands are in hand at the same time: enough for full batches, and few enough for those of another node to go on with. */
const prefetch = 200
/** Of a close: what is in hand may be finished. */
const finishMs = 400
const firstRetryMs = 100
const longestRetryMs = 5_000

/**
 * Takes commands from their queue. Each is acknowledged when its outcome is in the store and whoever must hear of it has been told, as RabbitMQ confirmed; so each is done at least
 * once, and with its id as idempotency key with one effect.
 */
export function createIntake({ shop, names, publisher, report, ...link }: IntakeOptions): Intake {
  const { time, random } = link
  const stopping = new AbortController()
  const inHand = new Set<Promise<void>>()
  const inOrder = createOrder()

  const open = async (model: ChannelModel, drop: (reason: string) => void): Promise<Consuming> => {
    await declareCommands(model, names)
    let isGone = false
    const channel = await quietly(model.createChannel(), (reason) => {
      isGone = true
      drop(reason)
    })
    await channel.prefetch(prefetch)
    const { consumerTag } = await channel.consume(names.commands, (message) => {
      if (message === null) drop(`the queue "${names.commands}" was deleted`)
      else if (!stopping.signal.aborted) take({ message, channel, isGone: () => isGone })
    })
    return {
      close: async () => {
        await channel.cancel(consumerTag)
        await Promise.race([Promise.all(inHand), time.sleep(finishMs, new AbortController().signal)])
        await channel.close()
      },
    }
  }

  const take = (delivered: Delivered): void => {
    const working = handle(delivered)
      .catch(report)
      .finally(() => inHand.delete(working))
    inHand.add(working)
  }

  const handle = async (delivered: Delivered): Promise<void> => {
    const { message, channel, isGone } = delivered
    const read = readCommand(message.content, textOf(message.properties.messageId))
    const settled = read.ok ? await inOrder(read.command.subject, () => decide(read.command, delivered)) : poison(read.id, read.errors)
    if (settled === null || isGone() || !(await tell(settled, delivered))) return
    if (!isGone()) channel.ack(message)
  }

  const isForOthers = ({ isGone }: Delivered): boolean => isGone() || stopping.signal.aborted

  /** null: left to whoever gets it next. */
  const decide = async (command: AmqpCommand, delivered: Delivered): Promise<Settled | null> => {
    for (let attempts = 1; !isForOthers(delivered); attempts++) {
      try {
        return settledAs(command.id, await command.run(shop))
      } catch (error) {
        const code = faultCode(error)
        if (code === 'closed') return null
        if (code !== 'store_unavailable' && code !== 'overloaded') {
          report(error)
          return settledAs(command.id, { ok: false, refusal: { code: 'internal' } })
        }
        await retryLater(attempts)
      }
    }
    return null
  }

  /** An accepted command of which nobody wants to hear is told to nobody; one that was not done always reaches somebody. */
  const tell = async (settled: Settled, delivered: Delivered): Promise<boolean> => {
    const { message } = delivered
    const { ok } = settled.outcome
    let isHeard = false
    if (textOf(message.properties.replyTo) !== undefined) {
      const published = await publishStubbornly(answerTo(message, settled), delivered, false)
      if (published === null) return false
      isHeard = published
    }
    if (ok || (isHeard && !settled.isPoison)) return true
    const whole = deadLetter(message, names.dead, settled)
    const published = await publishStubbornly(whole, delivered, true)
    return (published === false ? await publishStubbornly(bare(whole), delivered, true) : published) === true
  }

  /** Whether there is a queue that got it; false: none ever will. null: nobody knows, and it is left to whoever gets the command next. */
  const publishStubbornly = async (publication: Publication, delivered: Delivered, isOurs: boolean): Promise<boolean | null> => {
    for (let attempts = 1; ; attempts++) {
      const published = await publisher.publish(publication)
      if (published.ok) return true
      if (published.isUnsendable || (published.isUnroutable && !isOurs)) return false
      // Somebody has deleted the queue.
      if (published.isUnroutable) await publisher.declare().catch(() => {})
      await retryLater(attempts)
      if (isForOthers(delivered)) return null
    }
  }

  const retryLater = (attempts: number): Promise<void> =>
    time.sleep(Math.min(longestRetryMs, firstRetryMs * 2 ** (attempts - 1)) * (0.75 + random() / 2), stopping.signal)

  const connection = createLink({ ...link, open })
  return {
    awayMs: connection.awayMs,
    close: async () => {
      stopping.abort()
      await connection.close()
    },
  }
}
