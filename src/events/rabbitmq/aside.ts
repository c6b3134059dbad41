import type { Consumer } from '../relay/consumer.ts'
import type { Relays } from '../relay/relays.ts'
import type { Time } from '../relay/time.ts'

export interface AsideOptions {
  readonly relays: Pick<Relays, 'add' | 'remove'>
  readonly consumer: Consumer
  /** How long RabbitMQ has been out of this node's reach; 0: it is not. */
  readonly awayMs: () => number
  readonly time: Time
}

/** As often as this it is looked whether RabbitMQ is away, and so long it must have been. */
const lookMs = 5_000
const patienceMs = 30_000
/** Whoever waits for the place of a consumer looks for it more often than this. */
const asideMs = 5_000

/**
 * One node of several tells a consumer, and keeps its place even where it cannot reach it. What is out of the reach of one node may not be out of that of another: so it gives up
 * the place now and then, for long enough that another may take it.
 */
export function stepAside({ relays, consumer, awayMs, time }: AsideOptions): { readonly close: () => Promise<void> } {
  const closing = new AbortController()
  const run = async (): Promise<void> => {
    for (let keptAt = time.ticks(); ;) {
      await time.sleep(lookMs, closing.signal)
      if (closing.signal.aborted) return
      if (awayMs() < patienceMs || time.ticks() - keptAt < patienceMs) continue
      await relays.remove(consumer.name)
      await time.sleep(asideMs, closing.signal)
      if (closing.signal.aborted) return
      relays.add(consumer)
      keptAt = time.ticks()
    }
  }
  const running = run()
  return {
    close: async () => {
      closing.abort()
      await running
    },
  }
}
