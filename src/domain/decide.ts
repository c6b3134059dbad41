import { Books } from './books.ts'
import type { Command, Idempotency, Outcome } from './command.ts'
import { cancel, confirm, extend } from './decide-end.ts'
import { cancelOrder } from './decide-order.ts'
import { adjustStock, createProduct, updateProduct } from './decide-product.ts'
import { reserve } from './decide-reserve.ts'
import { answerKey, engineScope, type Changes, type Facts } from './facts.ts'
import { isDue, type ReservationRow } from './reservation.ts'
import { endByTime } from './transitions.ts'

export interface Decision {
  /** One for each command, in the order of the commands. */
  readonly outcomes: readonly Outcome[]
  readonly changes: Changes
}

/**
 * The rules of Holdfast, once: what each command of a batch is answered and which rows change. Pure: `now` is the store's clock, read under
 * the same lock as the facts. Commands are decided in order and each is all or nothing; a refused one leaves no trace.
 *
 * Due reservations among the facts are given back first. So a confirm that comes too late meets a reservation that has expired, and nobody
 * is told "sold out" while due units would do.
 */
export function decide(commands: readonly Command[], facts: Facts, now: number): Decision {
  const books = new Books(facts, now)
  const due = [...facts.reservations.values()].filter((row) => isDue(row, now)).toSorted(byDueTime)
  for (const row of due) endByTime(books, row)
  const outcomes = commands.map((command) => answer(books, command, due.length))
  return { outcomes, changes: books.changes() }
}

function byDueTime(a: ReservationRow, b: ReservationRow): number {
  return a.expiresAt - b.expiresAt || (a.id < b.id ? -1 : 1)
}

function answer(books: Books, command: Command, expired: number): Outcome {
  const { idempotency } = command
  if (idempotency === null) return act(books, command, expired)
  const stored = storedAnswer(books, idempotency)
  if (stored !== null) return stored
  const outcome = act(books, command, expired)
  if (outcome.ok) books.keep(idempotency, outcome.created, outcome.value)
  return outcome
}

/** What was answered under this key before; null: nothing. */
export function storedAnswer(books: Books, idempotency: Idempotency): Outcome | null {
  const stored = books.answers.get(answerKey(idempotency))
  if (stored === undefined) return null
  if (stored.idempotency.fingerprint !== idempotency.fingerprint) return { ok: false, refusal: { code: 'idempotency_key_reused' } }
  // A key that the engine gave for its own repeats is not a replay to the caller, who hears the answer for the first time.
  return { ok: true, value: stored.value, created: stored.created, replayed: idempotency.scope !== engineScope }
}

function act(books: Books, command: Command, expired: number): Outcome {
  switch (command.type) {
    case 'reserve':
      return reserve(books, command)
    case 'confirm':
      return confirm(books, command)
    case 'cancel':
      return cancel(books, command)
    case 'extend':
      return extend(books, command)
    case 'expire':
      return { ok: true, value: { expired }, created: false, replayed: false }
    case 'createProduct':
      return createProduct(books, command)
    case 'updateProduct':
      return updateProduct(books, command)
    case 'adjustStock':
      return adjustStock(books, command)
    case 'cancelOrder':
      return cancelOrder(books, command)
  }
}
