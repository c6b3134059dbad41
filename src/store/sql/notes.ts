import { randomUUID } from 'node:crypto'
import type { Note } from '../port.ts'
import type { Row } from './rows.ts'

/** A version that no other change will ever have, so that a note that was removed and made again is another one. */
export function newVersion(): string {
  return randomUUID()
}

/** Names are ASCII: all that begin with the prefix are before it. */
export function endOfPrefix(prefix: string): string {
  return `${prefix}\x7f`
}

export function readNote(row: Row): Note {
  return { name: String(row['name']), version: String(row['version']), value: String(row['value']) }
}
