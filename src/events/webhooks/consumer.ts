import type { Event } from '../../domain/event.ts'
import { newId } from '../../engine/ids.ts'
import type { Clock } from '../../store/clock.ts'
import { cloudEvent } from '../cloud-event.ts'
import type { Consumer } from '../relay/consumer.ts'
import type { AttemptLog } from './attempts.ts'
import type { Kept } from './kept.ts'
import { retryMs } from './retry.ts'
import { connectionsMax, type Sender } from './sender.ts'
import { disabled, triedForMsMax, type Webhook } from './webhook.ts'

export interface ConsumerOptions {
  /** As it is known to be now. */
  readonly webhook: () => Webhook
  readonly kept: Pick<Kept, 'change'>
  readonly attempts: Pick<AttemptLog, 'add' | 'read'>
  readonly sender: Pick<Sender, 'send'>
  readonly now: Clock
  readonly random: () => number
  readonly report: (error: unknown) => void
  /** Told when it has been disabled. */
  readonly onChange: () => void
}

/** The name of the consumer; its position is kept under it. */
export function consumerName(webhookId: string): string {
  return `webhook/${webhookId}`
}

/** A webhook as somebody who is told of events. */
export function createConsumer(options: ConsumerOptions): Consumer {
  const { webhook: current, kept, attempts, sender, now, random, report, onChange } = options
  const { id, startAfter } = current()

  /** Unless somebody has mended it meanwhile. */
  const disable = async (reason: string, isStill: (webhook: Webhook) => boolean): Promise<void> => {
    await kept.change(
      id,
      null,
      (webhook) => (isStill(webhook) ? disabled(webhook, reason, now()) : webhook),
      () => ({ status: 0, body: '' }),
    )
    onChange()
  }

  const giveUp = async (event: Event, reason: string): Promise<void> => {
    const at = now()
    const told = { eventId: event.id, eventType: event.type, durationMs: 0, statusCode: null, response: null }
    attempts.add(id, { id: newId(), at, outcome: 'given_up', reason: `Tried for three days; the last time: ${reason}`, ...told })
    const { lastSuccessAt } = await attempts.read(id)
    const isDead = ({ activeSince }: Webhook): boolean => Math.max(lastSuccessAt ?? 0, activeSince) <= at - triedForMsMax
    await disable(`It took nothing for three days; the last time: ${reason}`, isDead)
  }

  return {
    name: consumerName(id),
    wants: (type) => {
      const { events } = current()
      return events.includes('*') || events.includes(type)
    },
    startAfter,
    windowMax: connectionsMax,
    send: async (event, signal) => {
      const webhook = current()
      const { attempt, retryAfterMs } = await sender.send(webhook, { id: event.id, type: event.type, body: cloudEvent(event) }, signal)
      // What was cut off says nothing of the endpoint.
      if (signal.aborted && attempt.statusCode === null) return { ok: false, reason: attempt.reason ?? '' }
      attempts.add(id, attempt)
      if (attempt.outcome === 'delivered') return { ok: true }
      const reason = attempt.reason ?? ''
      if (attempt.statusCode === 410) await disable(reason, ({ url }) => url === webhook.url)
      return retryAfterMs === undefined ? { ok: false, reason } : { ok: false, reason, retryAfterMs }
    },
    retryMs: (failed, triedForMs) => retryMs(failed, triedForMs, random),
    onGivenUp: (event, reason) => void giveUp(event, reason).catch(report),
    replay: () => current().replay,
  }
}
