import type { Channel, ChannelModel } from 'amqplib'
import { quietly } from './connect.ts'

/** What there is in RabbitMQ, by name. */
export interface Names {
  /** A topic exchange: every event, with its type as routing key. */
  readonly events: string
  /** The queue in which commands are put. */
  readonly commands: string
  /** The queue of those that were not done, with the reason. */
  readonly dead: string
}

/** A prefix of its own keeps several apart that share a virtual host, as tests do. */
export function namesOf(prefix = 'holdfast'): Names {
  return { events: `${prefix}.events`, commands: `${prefix}.commands`, dead: `${prefix}.commands.dead` }
}

/** Safe to repeat, and from several nodes. What is there already stays as it is, however its operator has declared it. */
export async function declareEvents(model: ChannelModel, { events }: Names): Promise<void> {
  await declare(
    model,
    (channel) => channel.checkExchange(events),
    (channel) => channel.assertExchange(events, 'topic', { durable: true }),
  )
}

export async function declareDead(model: ChannelModel, { dead }: Names): Promise<void> {
  await declare(
    model,
    (channel) => channel.checkQueue(dead),
    (channel) => channel.assertQueue(dead, { durable: true }),
  )
}

export async function declareCommands(model: ChannelModel, names: Names): Promise<void> {
  await declareDead(model, names)
  await declare(
    model,
    (channel) => channel.checkQueue(names.commands),
    (channel) =>
      channel.assertQueue(names.commands, {
        durable: true,
        // What RabbitMQ itself takes out of the queue, because it is too old or too many, comes to the same place.
        deadLetterExchange: '',
        deadLetterRoutingKey: names.dead,
        // One node at a time, and the next when it is gone: two would not keep the order of what concerns one reservation.
        arguments: { 'x-single-active-consumer': true },
      }),
  )
}

/** RabbitMQ ends the channel on which something was asked for that is not there. */
const notFound = 404

async function declare(
  model: ChannelModel,
  check: (channel: Channel) => Promise<unknown>,
  make: (channel: Channel) => Promise<unknown>,
): Promise<void> {
  const probe = await quietly(model.createChannel())
  try {
    await check(probe)
    await probe.close()
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== notFound) throw error
    const maker = await quietly(model.createChannel())
    await make(maker)
    await maker.close()
  }
}
