import type { Event, EventType } from '../../domain/event.ts'
import { cloudEvent } from '../cloud-event.ts'
import type { Consumer } from '../relay/consumer.ts'
import type { Publication, Publisher } from './publisher.ts'
import type { Names } from './topology.ts'

export interface TellingOptions {
  readonly publisher: Pick<Publisher, 'publish'>
  readonly names: Names
  /** null: all. */
  readonly types: readonly EventType[] | null
  readonly random: () => number
}

const firstRetryMs = 200
const longestRetryMs = 5_000

/** RabbitMQ, as the relay sees it. An event is told when it is confirmed and there is a queue that got it. None is ever given up. */
export function eventConsumer({ publisher, names, types, random }: TellingOptions): Consumer {
  return {
    name: 'rabbitmq',
    wants: (type) => types === null || types.includes(type),
    startAfter: null,
    windowMax: 512,
    restMsMax: longestRetryMs,
    send: async (event, signal) => {
      if (signal.aborted) return { ok: false, reason: 'this node stops' }
      return publisher.publish(messageOf(event, names))
    },
    retryMs: (attempts) => Math.min(longestRetryMs, firstRetryMs * 2 ** (attempts - 1)) * (0.75 + random() / 2),
  }
}

function messageOf(event: Event, names: Names): Publication {
  const { id, type, time } = event
  return {
    exchange: names.events,
    routingKey: type,
    body: Buffer.from(cloudEvent(event)),
    properties: {
      messageId: id,
      type,
      // In seconds, as AMQP has it.
      timestamp: Math.floor(time / 1_000),
      contentType: 'application/cloudevents+json',
      appId: 'holdfast',
    },
  }
}
