import type { Notes } from '../port.ts'
import { endOfPrefix, newVersion, readNote } from '../sql/notes.ts'
import type { Base } from './base.ts'

export function createNotes({ sql, guard }: Pick<Base, 'sql' | 'guard'>): Notes {
  return {
    list: (prefix) => guard(() => sql.notesBetween.all(prefix, endOfPrefix(prefix)).map(readNote)),
    read: (name) =>
      guard(() => {
        const row = sql.note.get(name)
        return row === undefined ? null : readNote(row)
      }),
    write: (name, value, version) =>
      guard(() => {
        if (value === null) {
          // Of nothing there is no version: what is to be nothing, and is, needs no write.
          if (version === null) return sql.note.get(name) === undefined ? '' : null
          return sql.deleteNote.get(name, version) === undefined ? null : ''
        }
        const made = newVersion()
        const row = version === null ? sql.insertNote.get(name, made, value) : sql.updateNote.get(name, made, value, version)
        return row === undefined ? null : made
      }),
  }
}
