import { setMaxListeners } from 'node:events'
import type { FeedPage } from '../../engine/feed.ts'
import { faultCode } from '../../domain/faults.ts'
import type { Event } from '../../domain/event.ts'
import { createBell } from './bell.ts'
import { createComplaints } from './complaints.ts'
import type { Consumer, Delivery } from './consumer.ts'
import { createPending, isBefore, type Entry, type Pending } from './pending.ts'
import { beatMs, holdMsMax, type Place, type Position } from './place.ts'
import { createRest } from './rest.ts'
import type { Time } from './time.ts'

export interface RelayStatus {
  readonly name: string
  /** Whether this node tells the consumer. What follows is known to that node only. */
  readonly isOwner: boolean
  /** How old the first event is that it has not been told; null: not known yet. */
  readonly lagMs: number | null
  /** Events that failed and wait for their next attempt, and those that wait behind them. */
  readonly parked: number
  /** Until the next attempt, where everything failed lately; null: it does not rest. */
  readonly restingForMs: number | null
  /** Since this process began. */
  readonly sent: number
  readonly failed: number
  readonly givenUp: number
}

export interface Relay {
  /** There may be more in the feed. */
  readonly wake: () => void
  /** The consumer has changed: what failed before may go through now. */
  readonly retry: () => void
  readonly status: () => RelayStatus
  /** Over within about a second; another node may go on at once. */
  readonly stop: () => Promise<void>
}

export interface RelayOptions {
  readonly consumer: Consumer
  readonly place: Place
  /** Whether other nodes may want the place. */
  readonly isShared: boolean
  readonly feed: FeedPages
  readonly time: Time
  /** From 0 to 1. */
  readonly random: () => number
  readonly report: (error: unknown) => void
}

export interface FeedPages {
  /** What comes after the cursor; waits while others go first. */
  readonly after: (cursor: string | null) => Promise<FeedPage>
  /** The very next; null: it has been removed. */
  readonly next: (cursor: string | null) => Promise<Event | null>
}

/** How often a node that is not the owner looks whether it may be. */
const lookMs = 2_000
/** What was told is written down after so long: events since then are told again after a crash. */
const saveMs = 1_000
const retryMs = 1_000
/** When so many are parked, no more are read. */
const parkedMax = 1_000
/** Of a stop: what is on its way may arrive, then the position is written. */
const finishMs = 600
const farewellMs = 300
const stopMsMax = 1_000

/**
 * Tells one consumer of every event of the feed, at least once: what has been told is written down a little later, in the same note that says which node tells it. Events of one key in
 * their order; those that fail are parked, so that they hold up nobody else; when nothing goes through, the consumer rests.
 */
export function createRelay({ consumer, place, isShared, feed, time, random, report }: RelayOptions): Relay {
  const stopping = new AbortController()
  const bell = createBell(time)
  let isChanged = true
  let work: Work | null = null
  const counts = { sent: 0, failed: 0, givenUp: 0 }
  const { complain, complainOf } = createComplaints(consumer.name, time, report)

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        const taken = await place.take(consumer.startAfter)
        if (taken !== null) {
          work = createWork(taken)
          await work.run()
        }
      } catch (error) {
        complainOf(error)
      }
      work = null
      await time.sleep(lookMs * (0.75 + random() / 2), stopping.signal)
    }
  }

  const running = run()
  return {
    wake: () => {
      isChanged = true
      bell.ring()
    },
    retry: () => {
      work?.retry()
      bell.ring()
    },
    status: () => ({
      name: consumer.name,
      isOwner: work !== null,
      lagMs: null,
      parked: 0,
      restingForMs: null,
      ...work?.status(),
      ...counts,
    }),
    stop: async () => {
      stopping.abort()
      bell.ring()
      // A store that does not answer is not waited for: another node takes the place over.
      await Promise.race([running, time.sleep(stopMsMax, new AbortController().signal)])
    },
  }

  function createWork(begun: Position): Work {
    let pending = createPending(begun.position, begun.parked)
    let { replayed } = begun
    let isEnd = false
    let readableAt = -Infinity
    let savedAt = time.ticks()
    let savedPosition = begun.position
    let isDirty = false
    const rest = createRest(consumer.restMsMax, time, random)
    const leaving = new AbortController()
    // As many as are on their way.
    setMaxListeners(0, leaving.signal)
    const sends = new Set<Promise<void>>()
    /** How many of those on their way have failed before. */
    let again = 0
    /** So many at most, or a few that hang would leave no room for the others. */
    const againMax = Math.max(1, consumer.windowMax / 2)
    let succeededAt: number | null = null
    isChanged = true

    const runWork = async (): Promise<void> => {
      let isLost = false
      try {
        while (!stopping.signal.aborted) {
          beginReplay()
          if (mayRead()) await read()
          send()
          isLost = !(await keep())
          if (isLost) return
          await bell.wait(msToWait())
        }
      } finally {
        await leave(isLost)
      }
    }

    const beginReplay = (): void => {
      const replay = consumer.replay?.() ?? null
      if (replay === null || replay.tag === replayed) return
      replayed = replay.tag
      // Of what it has not been told yet nothing is passed over, be it before or after the cursor.
      const after = isBefore(replay.after, pending.position) ? replay.after : pending.position
      const parked = pending.parked().filter(({ before }) => isBefore(before, after))
      pending = createPending(after, parked)
      isChanged = isDirty = true
    }

    const mayRead = (): boolean => {
      if (isEnd && !isChanged) return false
      return time.ticks() >= readableAt && hasRoom()
    }

    /** While it rests, one after the other is read as well: those that failed may be all that it does not take. */
    const hasRoom = (): boolean => pending.windowSize < (rest.msLeft() === null ? consumer.windowMax : 1) && pending.parkedSize < parkedMax

    const read = async (): Promise<void> => {
      isChanged = false
      try {
        const page = await feed.after(pending.lastRead)
        for (const event of page.events) pending.add(event, consumer.wants(event.type))
        isEnd = page.isEnd
      } catch (error) {
        isChanged = true
        readableAt = time.ticks() + retryMs
        if (!skipRemoved(error)) complainOf(error)
      }
    }

    /** Events that were removed cannot be told any more; those after them can. */
    const skipRemoved = (error: unknown): boolean => {
      if (faultCode(error) !== 'cursor_expired') return false
      complain(
        `events after ${pending.lastRead ?? 'the beginning'} were removed before they were told; it goes on with those that are kept`,
        error,
      )
      pending = createPending(null, pending.parked())
      isDirty = true
      return true
    }

    const send = (): void => {
      while (maySend()) {
        const entry = rest.msLeft() === null ? pending.take(time.now(), again < againMax) : pending.takeAny()
        if (entry === null) return
        const sending = sendOne(pending, entry, rest.era).finally(() => sends.delete(sending))
        sends.add(sending)
      }
    }

    const maySend = (): boolean => {
      // A process that was paused finds out too late that another node has gone on.
      if (isShared && place.heldMsAgo() >= holdMsMax) return false
      const restingFor = rest.msLeft()
      return restingFor === null ? pending.sendingSize < consumer.windowMax : restingFor <= 0 && pending.sendingSize === 0
    }

    const sendOne = async (of: Pending, entry: Entry, era: number): Promise<void> => {
      const isAgain = entry.attempts > 0
      if (isAgain) again++
      const delivery = await attempt(entry)
      if (isAgain) again--
      if (delivery.ok) {
        counts.sent++
        of.finish(entry)
        // Not those that had failed while others went through: they would fail again, and begin the next rest.
        if (rest.succeeded()) of.hurry(succeededAt ?? 0)
        succeededAt = time.now()
      } else if (!leaving.signal.aborted) {
        counts.failed++
        complain(delivery.reason)
        // What failed before says nothing new of the endpoint, if that has taken others.
        if (!isAgain || succeededAt === null || rest.msLeft() !== null) rest.failed(era, delivery.retryAfterMs ?? 0)
        setBack(of, entry, delivery)
      }
      isDirty = true
      bell.ring()
    }

    const attempt = async (entry: Entry): Promise<Delivery> => {
      try {
        entry.event ??= await feed.next(entry.before)
        // Whatever was asked for, another one came back: this one has been removed. Or it is not wanted any more.
        if (entry.event?.id !== entry.id || !consumer.wants(entry.event.type)) return { ok: true }
        return await consumer.send(entry.event, leaving.signal)
      } catch (error) {
        return { ok: false, reason: error instanceof Error ? error.message : String(error) }
      }
    }

    const setBack = (of: Pending, entry: Entry, { reason, retryAfterMs = 0 }: Delivery & { readonly ok: false }): void => {
      const now = time.now()
      const triedForMs = entry.attempts === 0 ? 0 : now - entry.since
      const waitMs = consumer.retryMs(entry.attempts + 1, triedForMs)
      if (waitMs !== null || entry.event === null) {
        of.park(entry, now, now + Math.max(waitMs ?? retryMs, retryAfterMs))
        return
      }
      counts.givenUp++
      consumer.onGivenUp?.(entry.event, reason)
      of.finish(entry)
    }

    /** False: the place is lost. */
    const keep = async (): Promise<boolean> => {
      if (msToSave() <= 0) {
        try {
          if (!(await save(true))) return false
        } catch (error) {
          savedAt = time.ticks()
          complainOf(error)
        }
      }
      return !isShared || place.heldMsAgo() < holdMsMax
    }

    /** Until the position must be written down; a node that is alone and has no news writes nothing. */
    const msToSave = (): number => {
      const isNews = isShared || pending.position !== savedPosition
      if (!isDirty && !isNews) return Infinity
      return savedAt + (isDirty ? saveMs : beatMs) - time.ticks()
    }

    const save = async (isStaying: boolean): Promise<boolean> => {
      const wasDirty = isDirty
      isDirty = false
      const { position } = pending
      try {
        const isSaved = await place.save({ node: isStaying ? begun.node : null, position, parked: pending.parked(), replayed })
        savedAt = time.ticks()
        savedPosition = position
        return isSaved
      } catch (error) {
        isDirty ||= wasDirty
        throw error
      }
    }

    const msToWait = (): number => {
      const ticks = time.ticks()
      // Never for long: what the consumer wants may change without a word.
      const waits = [beatMs, msToSave()]
      const restingFor = rest.msLeft()
      if (restingFor !== null && pending.sendingSize === 0 && pending.windowSize + pending.parkedSize > 0) waits.push(restingFor)
      if (restingFor === null && pending.nextDue !== null && pending.sendingSize < consumer.windowMax && again < againMax)
        waits.push(pending.nextDue - time.now())
      if ((!isEnd || isChanged) && hasRoom()) waits.push(readableAt - ticks)
      return Math.max(0, Math.min(...waits))
    }

    const leave = async (isLost: boolean): Promise<void> => {
      const arrived = Promise.all(sends)
      if (!isLost) await Promise.race([arrived, time.sleep(finishMs, leaving.signal)])
      leaving.abort()
      if (isLost) return
      const saved = save(false).catch(complainOf)
      await Promise.race([saved, time.sleep(farewellMs, new AbortController().signal)])
    }

    return {
      run: runWork,
      retry: () => {
        rest.succeeded()
        pending.hurry(0)
      },
      status: () => ({
        lagMs: pending.oldestTime === null ? (isEnd ? 0 : null) : Math.max(0, time.now() - pending.oldestTime),
        parked: pending.parkedSize,
        restingForMs: rest.msLeft(),
      }),
    }
  }
}

interface Work {
  readonly run: () => Promise<void>
  readonly retry: () => void
  readonly status: () => Pick<RelayStatus, 'lagMs' | 'parked' | 'restingForMs'>
}
