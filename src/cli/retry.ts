import { setTimeout as delay } from 'node:timers/promises'
import { Failure } from './failure.ts'

/** Not now: nothing was done, or repeating with the same idempotency key is safe. */
export class Busy extends Error {
  /** What the other side asked for; null: it did not say. */
  readonly retryAfterMs: number | null

  constructor(message: string, retryAfterMs: number | null = null) {
    super(message)
    this.name = 'Busy'
    this.retryAfterMs = retryAfterMs
  }
}

export interface Patience {
  /** How long to go on asking. */
  readonly patienceMs: number
  readonly signal?: AbortSignal
}

const firstDelayMs = 50
const delayMsMax = 2_000

/** Repeat what is `Busy`, each time waiting longer, and never all callers at once. Gives up with a `Failure` that says what the last answer was. */
export async function stubbornly<Answer>(attempt: () => Promise<Answer>, { patienceMs, signal }: Patience): Promise<Answer> {
  const startedAt = performance.now()
  for (let attempts = 1; ; attempts++) {
    signal?.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof Busy)) throw error
      if (performance.now() - startedAt > patienceMs) throw new Failure(`${error.message} Given up after ${attempts} attempts.`, error)
      const wantedMs = Math.max(error.retryAfterMs ?? 0, Math.min(firstDelayMs * 2 ** (attempts - 1), delayMsMax))
      await delay(wantedMs * (1 + Math.random() / 2), undefined, signal === undefined ? {} : { signal })
    }
  }
}
