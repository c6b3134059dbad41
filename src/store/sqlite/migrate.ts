import { readdirSync, readFileSync } from 'node:fs'
import type { Database } from './connect.ts'

const folder = new URL('./migrations/', import.meta.url)
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.sql'))
  .toSorted()

/** What this Holdfast reads and writes: as many migrations as there are. */
export const schemaVersion = files.length

/** "Hold" in ASCII: tells a Holdfast file from any other SQLite database. */
export const applicationId = 0x486f6c64

/** Run the numbered `.sql` files that this file has not seen, each in a transaction with its number. */
export function migrate(database: Database): void {
  const version = Number(database.prepare('pragma user_version').get()?.['user_version'])
  for (const [index, name] of files.entries()) {
    if (index < version) continue
    const sql = readFileSync(new URL(name, folder), 'utf8')
    database.exec(`begin immediate; ${sql}; pragma application_id = ${applicationId}; pragma user_version = ${index + 1}; commit;`)
  }
}
