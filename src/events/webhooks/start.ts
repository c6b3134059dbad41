import { setTimeout as delay } from 'node:timers/promises'
import { faultCode } from '../../domain/faults.ts'
import { placeOf, type Relays } from '../relay/relays.ts'
import { consumerName, createConsumer } from './consumer.ts'
import type { Entry } from './kept.ts'
import type { Webhook } from './webhook.ts'
import type { Webhooks } from './webhooks.ts'

export interface StartWebhooksOptions {
  readonly webhooks: Webhooks
  readonly relays: Pick<Relays, 'add' | 'remove' | 'retry'>
  readonly random?: () => number
  /** How late another node's changes are noticed; default 5,000. */
  readonly lookMs?: number
  readonly report: (error: unknown) => void
}

const closeMsMax = 1_000

/** Keeps the consumers of the relay in step with the webhooks that there are. */
export function startWebhooks(options: StartWebhooksOptions): { close: () => Promise<void> } {
  const { webhooks, relays, random = Math.random, lookMs = 5_000, report } = options
  const { kept, log, sender, now, notes } = webhooks.parts
  const told = new Map<string, Webhook>()
  /** Deleted ones of which this process has removed everything. */
  let cleared = new Set<string>()
  let isClosing = false
  let isChanged = false
  let pause = new AbortController()
  const look = (): void => {
    isChanged = true
    pause.abort()
  }
  webhooks.onChange(look)

  const begin = (webhook: Webhook): void => {
    const { id } = webhook
    const before = told.get(id)
    told.set(id, webhook)
    if (before !== undefined) {
      if (before.updatedAt !== webhook.updatedAt) relays.retry(consumerName(id))
      return
    }
    const current = (): Webhook => told.get(id) ?? webhook
    relays.add(createConsumer({ webhook: current, kept, attempts: log, sender, now, random, report, onChange: look }))
  }

  const end = async (id: string): Promise<void> => {
    await relays.remove(consumerName(id))
    told.delete(id)
    sender.forget(id)
  }

  /** The position and the attempts of one that was deleted: now, and a day later again, because other nodes hear of it a little later and may have written since. */
  const clear = async (entry: Entry): Promise<void> => {
    const { id } = entry.webhook
    const isOver = kept.isOver(entry)
    if (isOver || !cleared.has(id)) {
      await removePosition(id)
      await log.remove(id)
    }
    if (isOver) await kept.forget(entry)
  }
  const removePosition = async (id: string): Promise<void> => {
    const note = await notes.read(placeOf(consumerName(id)))
    if (note !== null) await notes.write(note.name, null, note.version)
  }

  const step = async (): Promise<void> => {
    const entries = await kept.entries()
    const active = entries
      .filter(({ webhook, deletedAt }) => deletedAt === null && webhook.status === 'active')
      .map(({ webhook }) => webhook)
    const gone = [...told.keys()].filter((id) => !active.some((webhook) => webhook.id === id))
    await Promise.all(gone.map(end))
    if (isClosing) return
    for (const webhook of active) begin(webhook)
    const deleted = entries.filter(({ deletedAt }) => deletedAt !== null)
    for (const entry of deleted) await clear(entry)
    cleared = new Set(deleted.map(({ webhook }) => webhook.id))
  }

  const run = async (): Promise<void> => {
    while (!isClosing) {
      isChanged = false
      pause = new AbortController()
      try {
        await step()
      } catch (error) {
        if (!['store_unavailable', 'closed'].includes(faultCode(error) ?? '')) report(error)
      }
      if (!isChanged) await delay(lookMs, undefined, { signal: pause.signal, ref: false }).catch(() => {})
    }
  }
  const running = run()

  return {
    close: async () => {
      isClosing = true
      look()
      // A store that does not answer is not waited for.
      await Promise.race([running, delay(closeMsMax, undefined, { ref: false })])
    },
  }
}
