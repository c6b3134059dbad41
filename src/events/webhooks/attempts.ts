import type { Notes } from '../../store/port.ts'
import type { Attempt } from './webhook.ts'

/** What came of the last requests to an endpoint. */
export interface AttemptLog {
  /** Kept within a second; many in a second are one write. */
  readonly add: (webhookId: string, attempt: Attempt) => void
  /** As far as they are kept, and those of this process. */
  readonly read: (webhookId: string) => Promise<History>
  /** Keep what is not kept yet. Never rejects: what cannot be kept is reported, and tried again with what comes next. */
  readonly flush: () => Promise<void>
  /** Forget a webhook. */
  readonly remove: (webhookId: string) => Promise<void>
}

export interface History {
  /** The oldest first. */
  readonly attempts: readonly Attempt[]
  /** Epoch milliseconds; null: never. */
  readonly lastSuccessAt: number | null
}

const prefix = 'webhook-attempts/'
const attemptsMax = 100
/** Of all attempts of a webhook as JSON; of longer ones there are fewer. */
const bytesMax = 128 * 1024
const flushMs = 1_000
const writesMax = 5

const nothing: History = { attempts: [], lastSuccessAt: null }

export function createAttemptLog(notes: Notes, report: (error: unknown) => void): AttemptLog {
  const waiting = new Map<string, { attempts: Attempt[]; lastSuccessAt: number | null }>()
  let timer: NodeJS.Timeout | undefined
  let flushing: Promise<void> = Promise.resolve()

  const write = async (webhookId: string, news: History): Promise<boolean> => {
    for (let writes = 0; writes < writesMax; writes++) {
      const note = await notes.read(prefix + webhookId)
      const merged = merge(note === null ? nothing : (JSON.parse(note.value) as History), news)
      if ((await notes.write(prefix + webhookId, JSON.stringify(merged), note?.version ?? null)) !== null) return true
    }
    return false
  }

  const flushAll = async (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    const taken = [...waiting]
    waiting.clear()
    for (const [webhookId, news] of taken) {
      try {
        if (await write(webhookId, news)) continue
      } catch (error) {
        report(error)
      }
      const { attempts, lastSuccessAt } = merge(news, waiting.get(webhookId) ?? nothing)
      waiting.set(webhookId, { attempts: [...attempts], lastSuccessAt })
    }
  }
  // One after the other, so that two do not fight for the same notes.
  const flush = (): Promise<void> => (flushing = flushing.then(flushAll))

  return {
    add: (webhookId, attempt) => {
      const news = waiting.get(webhookId) ?? { attempts: [], lastSuccessAt: null }
      waiting.set(webhookId, news)
      // Of many in a second most are pushed out again before they are written.
      if (news.attempts.push(attempt) > 2 * attemptsMax) news.attempts.splice(0, attemptsMax)
      if (attempt.outcome === 'delivered') news.lastSuccessAt = attempt.at
      timer ??= setTimeout(() => void flush(), flushMs).unref()
    },
    read: async (webhookId) => {
      await flushing
      const note = await notes.read(prefix + webhookId)
      return merge(note === null ? nothing : (JSON.parse(note.value) as History), waiting.get(webhookId) ?? nothing)
    },
    flush,
    remove: async (webhookId) => {
      waiting.delete(webhookId)
      await flushing
      const note = await notes.read(prefix + webhookId)
      if (note !== null) await notes.write(prefix + webhookId, null, note.version)
    },
  }
}

/** The newest of both that there is room for. */
function merge(a: History, b: History): History {
  const lastSuccessAt = Math.max(a.lastSuccessAt ?? -1, b.lastSuccessAt ?? -1)
  const all = new Map([...a.attempts, ...b.attempts].map((attempt) => [attempt.id, attempt]))
  const newest = [...all.values()].toSorted((one, other) => other.at - one.at || (one.id < other.id ? 1 : -1)).slice(0, attemptsMax)
  let bytes = 0
  const fitting = newest.filter((attempt) => (bytes += Buffer.byteLength(JSON.stringify(attempt))) <= bytesMax)
  return { attempts: fitting.toReversed(), lastSuccessAt: lastSuccessAt < 0 ? null : lastSuccessAt }
}
