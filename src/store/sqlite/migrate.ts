import { readdirSync, readFileSync } from 'node:fs'
import { Fault } from '../../domain/faults.ts'
import type { Database } from './connect.ts'

const folder = new URL('./migrations/', import.meta.url)

/** "Hold" in ASCII: tells a Holdfast file from any other SQLite database. */
const applicationId = 0x486f6c64

/** Run the numbered `.sql` files that this file has not seen, each in a transaction with its number. */
export function migrate(database: Database, path: string): void {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .toSorted()
  const version = readPragma(database, 'user_version')
  const isEmpty = database.prepare('select 1 from sqlite_master limit 1').get() === undefined
  if (!isEmpty && readPragma(database, 'application_id') !== applicationId) {
    throw new Fault('cannot_open', `${path} is a SQLite database of another program. Name another file.`)
  }
  if (version > files.length) {
    throw new Fault(
      'cannot_open',
      `${path} has schema ${version} and this Holdfast knows ${files.length}. Use the newer Holdfast that wrote it.`,
    )
  }
  for (const [index, name] of files.entries()) {
    if (index < version) continue
    const sql = readFileSync(new URL(name, folder), 'utf8')
    database.exec(`begin immediate; ${sql}; pragma application_id = ${applicationId}; pragma user_version = ${index + 1}; commit;`)
  }
}

function readPragma(database: Database, name: string): number {
  return Number(database.prepare(`pragma ${name}`).get()?.[name])
}
