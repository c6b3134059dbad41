import { idempotencyWindowMs } from '../../domain/limits.ts'
import type { Pruned, PruneQuery, Removed } from '../port.ts'
import { integer, text, textOrNull, type Row, type Value } from './rows.ts'

/** Whoever reads the feed is given this long, whatever is set. */
const eventsMsMin = 60 * 60 * 1_000

/** Of one row of `events` and of `ended_reservations`, at most. */
const listMax = 16

/** The statements, in the words of the store. Each gives rows. */
export type RetentionStatement =
  /** After a seq, so many: seq, time, events (how many it has), newest (the seq of the newest of all), due (when the first active reservation is due, or null) */
  | 'oldestEvents'
  /** Up to a seq: note the reservations of whose ends they tell in `ended_reservations`. */
  | 'keepEnded'
  /** Up to a seq. */
  | 'removeEvents'
  /** events_seq, events_time */
  | 'moveEvents'
  /** So many: seq, time, reservations (how many it has), last (the highest seq of them), newest (the seq of the newest reservation of all) */
  | 'oldestEnded'
  /** That are noted in `ended_reservations` up to a seq. */
  | 'removeReservations'
  /** Up to a seq. */
  | 'removeEnded'
  /** reservations_time */
  | 'moveReservations'
  /** Of the next so many after a scope and key the last: scope, key. None, if there are fewer. */
  | 'endOfAnswers'
  /** Of the next so many after a scope and key those that were made at a time or before: one row for each that was removed. */
  | 'removeAnswers'
  /** answers_scope, answers_key, answers_walk_at */
  | 'moveAnswers'

/** One statement and its values; the driver gives back its rows. */
export type Asking<Answer> = Generator<readonly [RetentionStatement, ...Value[]], Answer, readonly Row[]>

/** What one transaction did; null: nothing was there to do. */
type Step = (state: RetentionState, query: PruneQuery, now: number) => Asking<Pruned | null>

/** The row of `retention`. */
interface RetentionState {
  readonly eventsSeq: number
  readonly eventsTime: number
  readonly reservationsTime: number
  /** Where the walk through the answers is; null: it is over. */
  readonly walk: readonly [scope: string, key: string] | null
  readonly walkAt: number
}

export const retentionColumns = 'events_seq, events_time, reservations_time, answers_scope, answers_key, answers_walk_at'

function readState(row: Row | undefined): RetentionState {
  if (row === undefined) return { eventsSeq: 0, eventsTime: 0, reservationsTime: 0, walk: null, walkAt: 0 }
  const scope = textOrNull(row['answers_scope'])
  return {
    eventsSeq: integer(row['events_seq']),
    eventsTime: integer(row['events_time']),
    reservationsTime: integer(row['reservations_time']),
    walk: scope === null ? null : [scope, text(row['answers_key'])],
    walkAt: integer(row['answers_walk_at']),
  }
}

export function removedOf(row: Row | undefined): Removed {
  const { eventsSeq, eventsTime, reservationsTime } = readState(row)
  return { events: eventsSeq === 0 ? null : { cursor: String(eventsSeq), time: eventsTime }, reservationsTime }
}

export const nothing: Pruned = { events: 0, reservations: 0, answers: 0, more: false }

/**
 * What one transaction removes, of one kind: the first, from `turn` on, of which there is something. It may stop after any of these transactions: each removes from the oldest on and notes how far it
 * came. `row`: that of `retention`, which nobody else has.
 */
export function* prune(row: Row | undefined, query: PruneQuery, now: number, turn: number): Asking<Pruned> {
  const state = readState(row)
  for (let kind = 0; kind < steps.length; kind++) {
    const pruned = yield* steps[(turn + kind) % steps.length]!(state, query, now)
    if (pruned !== null) return pruned
  }
  return nothing
}

/**
 * Events, with the note which reservations no event tells of from then on: what an event shows is told from the rows of its reservation, so these must stay until then. Only what happened before anything active
 * is due, so that a reservation whose end was removed can be told from one whose end nobody has written down yet. The newest row stays, for the number of the next.
 */
const pruneEvents: Step = function* ({ eventsSeq, eventsTime }, { eventsMs, limit }, now) {
  if (eventsMs === null) return null
  const rows = yield ['oldestEvents', eventsSeq, Math.ceil(limit / listMax)]
  const due = rows[0]?.['due'] ?? null
  const before = Math.min(now - Math.max(eventsMs, eventsMsMin), due === null ? Infinity : integer(due))
  const old = takeWhile(rows, (one) => integer(one['time']) < before && integer(one['seq']) < integer(one['newest']))
  const last = old.at(-1)
  if (last === undefined) return null
  const seq = integer(last['seq'])
  yield ['keepEnded', seq]
  yield ['removeEvents', seq]
  yield ['moveEvents', seq, latestOf(old, eventsTime)]
  return { ...nothing, events: sumOf(old, 'events'), more: true }
}

/** Ended without an order, and so in no sum and no line any more. The newest row stays, for the number of the next. */
const pruneReservations: Step = function* ({ reservationsTime }, { reservationsMs, limit }, now) {
  if (reservationsMs === null) return null
  const rows = yield ['oldestEnded', Math.ceil(limit / listMax)]
  const before = now - reservationsMs
  const old = takeWhile(rows, (one) => integer(one['time']) < before && integer(one['last']) < integer(one['newest']))
  const last = old.at(-1)
  if (last === undefined) return null
  const seq = integer(last['seq'])
  yield ['removeReservations', seq]
  yield ['removeEnded', seq]
  yield ['moveReservations', latestOf(old, reservationsTime)]
  return { ...nothing, reservations: sumOf(old, 'reservations'), more: true }
}

/**
 * Answers stand in the order of their keys, which is none of time, and an index by time would have to be written with each. So they are walked through, some at a time, and the next walk begins when
 * a quarter of the age has gone by: each is looked at a few times in its life.
 */
const pruneAnswers: Step = function* ({ walk, walkAt }, { answersMs, limit }, now) {
  if (answersMs === null) return null
  const ageMs = Math.max(answersMs, idempotencyWindowMs)
  if (walk === null && now - walkAt < ageMs / 4) return null
  const startedAt = walk === null ? now : walkAt
  const [scope, key] = walk ?? ['', '']
  const [end] = yield ['endOfAnswers', scope, key, limit]
  const removed = yield ['removeAnswers', scope, key, limit, now - ageMs]
  yield ['moveAnswers', end === undefined ? null : text(end['scope']), end === undefined ? null : text(end['key']), startedAt]
  return { ...nothing, answers: removed.length, more: true }
}

const steps = [pruneEvents, pruneReservations, pruneAnswers] as const

function takeWhile(rows: readonly Row[], isOld: (row: Row) => boolean): readonly Row[] {
  const end = rows.findIndex((row) => !isOld(row))
  return end < 0 ? rows : rows.slice(0, end)
}

function latestOf(rows: readonly Row[], time: number): number {
  return rows.reduce((latest, row) => Math.max(latest, integer(row['time'])), time)
}

function sumOf(rows: readonly Row[], column: string): number {
  return rows.reduce((sum, row) => sum + integer(row[column]), 0)
}
