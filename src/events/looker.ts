import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import type { EventLoopUtilization } from 'node:perf_hooks'

/** Work that is done in short turns, so that others have theirs in between. */
export interface Turns {
  /** Do a piece of work; its time counts, as far as it does not wait. */
  readonly spend: <Result>(work: () => Result) => Result
  /** Look between two pieces: this turn has lasted long enough. */
  readonly isOver: () => boolean
  /** Lets others have theirs: so long that this work has no more than its share of the time, while there is other work. */
  readonly next: () => Promise<void>
}

export interface Looker {
  /** Something may have changed: look soon. Cheap. */
  readonly hint: () => void
  readonly close: () => void
}

export interface LookerOptions {
  /** Rejects when it could not look; then it is tried again. True: there is more to look at. */
  readonly look: (turns: Turns) => Promise<boolean>
  readonly isWanted: () => boolean
  readonly report: (error: unknown) => void
}

/** At most ten times in a second. */
const intervalMs = 100
/** Others wait so long, no matter how many are shown something. */
const turnMs = 1
/** Showing takes this part of the time at most while there is other work: the sale goes first, however many watch it. */
const busyShare = 0.15
/** Below this part of the time the process has nothing else to do, and whoever watches need not wait. */
const idleShare = 0.2
/** What else the process does is measured over so long, */
const windowMs = 50
/** and forgotten when it is older than this. */
const windowMsMax = 1_000
const retryMs = 1_000

/** Looks while something may have changed, and never two times at once. */
export function createLooker({ look, isWanted, report }: LookerOptions): Looker {
  const closing = new AbortController()
  const turns = createTurns()
  let isChanged = false
  let isLooking = false

  const lookWhileChanged = async (): Promise<void> => {
    isLooking = true
    while (isChanged && isWanted() && !closing.signal.aborted) {
      isChanged = false
      let pauseMs = intervalMs
      try {
        isChanged = (await look(turns)) || isChanged
      } catch (error) {
        report(error)
        isChanged = true
        pauseMs = retryMs
      }
      await delay(pauseMs, undefined, { signal: closing.signal, ref: false }).catch(() => {})
    }
    isLooking = false
  }

  return {
    hint: () => {
      isChanged = true
      if (!isLooking && isWanted()) void lookWhileChanged()
    },
    close: () => closing.abort(),
  }
}

/** For work that is done again and again, one after the other. */
export function createTurns(): Turns {
  let spentMs = 0
  let last: EventLoopUtilization = performance.eventLoopUtilization()
  let ownMs = 0
  let isBusy = true

  const measure = (): void => {
    const { active, idle } = performance.eventLoopUtilization(last)
    const elapsedMs = active + idle
    if (elapsedMs < windowMs) return
    isBusy = elapsedMs > windowMsMax || active - ownMs > elapsedMs * idleShare
    last = performance.eventLoopUtilization()
    ownMs = 0
  }

  return {
    spend: (work) => {
      const startedAt = performance.now()
      try {
        return work()
      } finally {
        const elapsedMs = performance.now() - startedAt
        spentMs += elapsedMs
        ownMs += elapsedMs
      }
    },
    isOver: () => spentMs >= turnMs,
    next: async () => {
      measure()
      if (isBusy) await delay(spentMs / busyShare - spentMs, undefined, { ref: false })
      else await nextTurn()
      spentMs = 0
    },
  }
}
