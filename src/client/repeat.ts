import { linked, pause } from './abort.ts'
import { attempt, unanswered, type Attempt, type Request, type Way } from './exchange.ts'

export interface Patience {
  /** How often a request is sent, at most. */
  readonly attemptsMax: number
  /** How long one attempt may take. */
  readonly attemptTimeoutMs: number
  /** How long a call may take, with all its attempts and the time between them. */
  readonly timeoutMs: number
}

const firstDelayMs = 100
const delayMsMax = 5_000
/** A timer of more than 31 bits would ring at once. */
const timerMsMax = 2 ** 31 - 1

/**
 * Send until there is an answer. Repeating is always safe: reads change nothing, and writes carry the same idempotency key each time. Between attempts a random time
 * passes, up to a bound that doubles ("full jitter", https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), and at least
 * what the service asks for. Whoever would have to wait too long hears of the failure at once.
 */
export async function sendStubbornly<Value>(way: Way, request: Request<Value>, patience: Patience, signal: AbortSignal): Promise<Value> {
  const { attemptsMax, attemptTimeoutMs, timeoutMs } = patience
  const startedAt = performance.now()
  const leftMs = (): number => timeoutMs - (performance.now() - startedAt)
  for (let attempts = 1; ; attempts++) {
    const attempted = await attemptInTime(way, request, Math.min(attemptTimeoutMs, leftMs()), signal)
    if (attempted.ok) return attempted.value
    const { isWorthRepeating, retryAfterMs, error } = attempted
    const delayMs = (retryAfterMs ?? 0) + Math.random() * Math.min(delayMsMax, firstDelayMs * 2 ** (attempts - 1))
    if (!isWorthRepeating || attempts >= attemptsMax || delayMs >= Math.min(leftMs(), timerMsMax)) {
      throw error(attempts === 1 ? '' : ` Given up after ${attempts} attempts.`)
    }
    await pause(delayMs, signal)
  }
}

async function attemptInTime<Value>(way: Way, request: Request<Value>, ms: number, signal: AbortSignal): Promise<Attempt<Value>> {
  const tooLate = new Error('too late')
  const inTime = linked([signal])
  const timer = setTimeout(() => inTime.abort(tooLate), Math.min(ms, timerMsMax))
  try {
    return await attempt(way, request, inTime.signal)
  } catch (error) {
    if (error !== tooLate) throw error
    return unanswered(way, ms)
  } finally {
    clearTimeout(timer)
    inTime.clear()
  }
}
