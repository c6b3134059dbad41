import type { Notes } from '../port.ts'
import { endOfPrefix, newVersion, readNote } from '../sql/notes.ts'
import type { Base } from './base.ts'
import type { Prepared } from './statements.ts'

/** Each is one statement in a transaction of its own, so that whoever comes second finds another version. */
function statementsOf(schema: string) {
  const notes = `"${schema}".notes`
  return {
    between: { name: 'notesBetween', text: `select name, version, value from ${notes} where name >= $1 and name < $2 order by name` },
    read: { name: 'note', text: `select name, version, value from ${notes} where name = $1` },
    insert: {
      name: 'insertNote',
      text: `insert into ${notes} (name, version, value) values ($1, $2, $3) on conflict do nothing returning version`,
    },
    update: { name: 'updateNote', text: `update ${notes} set version = $2, value = $3 where name = $1 and version = $4 returning version` },
    remove: { name: 'deleteNote', text: `delete from ${notes} where name = $1 and version = $2 returning version` },
  } as const satisfies Record<string, Prepared>
}

export function createNotes({ read, guard, url }: Pick<Base, 'read' | 'guard' | 'url'>): Notes {
  const sql = statementsOf(url.schema)
  const one = async (statement: Prepared, values: readonly unknown[]) => (await read(statement, values))[0]
  return {
    list: (prefix) => guard(async () => (await read(sql.between, [prefix, endOfPrefix(prefix)])).map(readNote)),
    read: (name) =>
      guard(async () => {
        const row = await one(sql.read, [name])
        return row === undefined ? null : readNote(row)
      }),
    write: (name, value, version) =>
      guard(async () => {
        if (value === null) {
          // Of nothing there is no version: what is to be nothing, and is, needs no write.
          if (version === null) return (await one(sql.read, [name])) === undefined ? '' : null
          return (await one(sql.remove, [name, version])) === undefined ? null : ''
        }
        const made = newVersion()
        const row = version === null ? await one(sql.insert, [name, made, value]) : await one(sql.update, [name, made, value, version])
        return row === undefined ? null : made
      }),
  }
}
