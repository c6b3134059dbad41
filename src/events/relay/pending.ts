import type { Event, ShopEvent } from '../../domain/event.ts'
import type { Order } from '../../domain/order.ts'

/** An event that a consumer has not been told yet. */
export interface Entry {
  /** null: read again when its time comes, because it was parked by another node or an earlier start. */
  event: Event | null
  readonly id: string
  /** Events of one key are told in their order. */
  readonly key: string
  /** The cursor that it comes after. */
  readonly before: string | null
  attempts: number
  /** When it was tried first, and when it may be tried next; epoch milliseconds. */
  since: number
  due: number
  /** When it failed last; null: not in this process. */
  failedAt: number | null
  state: 'waiting' | 'ready' | 'sending' | 'done'
  /** Failed, or behind one that has failed: the position passes it. */
  isParked: boolean
  /** The next of the same key. */
  next: Entry | null
}

export type Parked = Pick<Entry, 'id' | 'key' | 'before' | 'attempts' | 'since' | 'due'>

/** A reservation and its order are one life; a product with its stock is another. */
export function keyOf({ type, subject, data }: ShopEvent): string {
  if (type.startsWith('reservation.')) return subject
  return type.startsWith('order.') ? (data as Order).reservationId : `${ofProduct}${subject}`
}

/** No id begins so. */
const ofProduct = 'sku '

/** A reservation has few events, which must not overtake each other. A product has any number, each of which tells its version: one that failed does not hold up the next. */
function mustWait({ key }: Parked): boolean {
  return !key.startsWith(ofProduct)
}

/** Cursors of the feed count up; null is before all of them. */
export function isBefore(a: string | null, b: string | null): boolean {
  return Number(a ?? -1) < Number(b ?? -1)
}

/**
 * What is between the feed and a consumer. Up to `position` everything is done, or parked: set aside because it failed, with what follows it under its key, so that one event that
 * cannot be told does not hold up those of other keys. Events behind the position that are done already will be told again after a crash.
 */
export interface Pending {
  readonly position: string | null
  /** Everything that was read, done or not. */
  readonly lastRead: string | null
  /** Of those that are not parked, between the position and the last one that was read. */
  readonly windowSize: number
  readonly parkedSize: number
  readonly sendingSize: number
  /** When the first happened that is not done, or, of those that were parked before, was tried first; null: all are done. */
  readonly oldestTime: number | null
  /** In the order of the feed. One that is not wanted is passed over. */
  readonly add: (event: Event, isWanted: boolean) => void
  /** Takes the next that may be sent now; null: none. First those that were parked and whose time has come, if they may. */
  readonly take: (now: number, mayAgain: boolean) => Entry | null
  /** Takes one that was never tried, or else the one whose time comes next; null: there is nothing. */
  readonly takeAny: () => Entry | null
  readonly finish: (entry: Entry) => void
  /** Puts it back, until `due`. */
  readonly park: (entry: Entry, now: number, due: number) => void
  /** Those that have failed since then may be tried at once, and those of which nobody knows. */
  readonly hurry: (since: number) => void
  /** When the first parked one is due; null: none is. */
  readonly nextDue: number | null
  readonly parked: () => readonly Parked[]
}

export function createPending(start: string | null, parkedBefore: readonly Parked[]): Pending {
  let window: Entry[] = []
  let windowStart = 0
  let lastRead = start
  let sendingSize = 0
  let ready: Entry[] = []
  let readyStart = 0
  const parked = new Set<Entry>()
  /** The last of each key that is not done. */
  const lastOf = new Map<string, Entry>()

  const append = (entry: Entry): void => {
    const last = lastOf.get(entry.key)
    lastOf.set(entry.key, entry)
    if (last === undefined) {
      // One that has failed waits for its time, not for a turn.
      if (entry.attempts === 0) makeReady(entry)
      return
    }
    last.next = entry
    if (last.isParked) setAside(entry)
  }
  const makeReady = (entry: Entry): void => {
    entry.state = 'ready'
    ready.push(entry)
  }
  const setAside = (entry: Entry): void => {
    entry.isParked = true
    parked.add(entry)
  }
  /** The next of its key has its turn. */
  const letPass = (entry: Entry): void => {
    if (lastOf.get(entry.key) === entry) lastOf.delete(entry.key)
    if (entry.next !== null) makeReady(entry.next)
    entry.next = null
  }
  const trim = (): void => {
    while (windowStart < window.length && (window[windowStart]!.state === 'done' || window[windowStart]!.isParked)) windowStart++
    if (windowStart < 1_000 && windowStart < window.length) return
    window = window.slice(windowStart)
    windowStart = 0
  }
  const entryOf = (one: Parked, event: Event | null): Entry => ({
    id: one.id,
    key: one.key,
    before: one.before,
    attempts: one.attempts,
    since: one.since,
    due: one.due,
    failedAt: null,
    event,
    state: 'waiting',
    isParked: false,
    next: null,
  })

  for (const one of parkedBefore) {
    const entry = entryOf(one, null)
    setAside(entry)
    if (mustWait(entry)) append(entry)
  }

  return {
    get position() {
      return windowStart < window.length ? window[windowStart]!.before : lastRead
    },
    get lastRead() {
      return lastRead
    },
    get windowSize() {
      return window.length - windowStart
    },
    get parkedSize() {
      return parked.size
    },
    get sendingSize() {
      return sendingSize
    },
    get oldestTime() {
      let oldest = window[windowStart]?.event?.time ?? null
      for (const { event, since, attempts } of parked) {
        const time = event?.time ?? (attempts > 0 ? since : null)
        if (time !== null && (oldest === null || time < oldest)) oldest = time
      }
      return oldest
    },
    add: (event, isWanted) => {
      if (isWanted) {
        const key = keyOf(event)
        const entry = entryOf({ id: event.id, key, before: lastRead, attempts: 0, since: 0, due: 0 }, event)
        window.push(entry)
        append(entry)
      }
      lastRead = event.cursor
      trim()
    },
    take: (now, mayAgain) => sending((mayAgain ? firstDue(now) : null) ?? nextReady()),
    takeAny: () => sending(nextReady() ?? firstDue(Infinity)),
    finish: (entry) => {
      sendingSize--
      entry.state = 'done'
      parked.delete(entry)
      letPass(entry)
      trim()
    },
    park: (entry, now, due) => {
      sendingSize--
      entry.state = 'waiting'
      if (entry.attempts++ === 0) entry.since = now
      entry.due = due
      entry.failedAt = now
      setAside(entry)
      if (mustWait(entry)) for (let one = entry.next; one !== null; one = one.next) setAside(one)
      else letPass(entry)
      trim()
    },
    hurry: (since) => {
      for (const entry of parked) if (entry.attempts > 0 && (entry.failedAt ?? since) >= since) entry.due = 0
    },
    get nextDue() {
      let due: number | null = null
      for (const entry of parked) if (isTried(entry) && (due === null || entry.due < due)) due = entry.due
      return due
    },
    parked: () => Array.from(parked, ({ id, key, before, attempts, since, due }) => ({ id, key, before, attempts, since, due })),
  }

  /** Not one that only stands behind another. */
  function isTried(entry: Entry): boolean {
    return entry.attempts > 0 && entry.state === 'waiting'
  }

  function firstDue(now: number): Entry | null {
    let first: Entry | null = null
    for (const entry of parked) if (isTried(entry) && entry.due <= now && (first === null || entry.due < first.due)) first = entry
    return first
  }

  function sending(entry: Entry | null): Entry | null {
    if (entry === null) return null
    entry.state = 'sending'
    sendingSize++
    return entry
  }

  function nextReady(): Entry | null {
    const entry = ready[readyStart]
    if (entry === undefined) return null
    if (++readyStart > 1_000 || readyStart === ready.length) {
      ready = ready.slice(readyStart)
      readyStart = 0
    }
    return entry
  }
}
