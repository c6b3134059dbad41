import { Books } from './books.ts'
import type { Command, Outcome } from './command.ts'
import { storedAnswer } from './decide.ts'
import { cancel, confirm, extend } from './decide-end.ts'
import type { Facts } from './facts.ts'

/**
 * What the commands are answered by stored answers and by reservations that have ended, or are not there; null: that depends on more. Of the facts it needs the reservations and
 * orders that the commands name, and the stored answers. Each command is answered for itself.
 */
export function peek(commands: readonly Command[], facts: Facts, now: number): readonly (Outcome | null)[] {
  const books = new Books(facts, now)
  return commands.map((command) => (command.idempotency && storedAnswer(books, command.idempotency)) ?? endedAnswer(books, command))
}

/** An end is final, so what is answered changes nothing. */
function endedAnswer(books: Books, command: Command): Outcome | null {
  if (!('reservationId' in command)) return null
  if (books.reservations.get(command.reservationId)?.status === 'active') return null
  switch (command.type) {
    case 'confirm':
      return confirm(books, command)
    case 'cancel':
      return cancel(books, command)
    case 'extend':
      return extend(books, command)
  }
}
