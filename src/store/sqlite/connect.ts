import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Fault } from '../../domain/faults.ts'
import type { Row, Value } from '../sql/rows.ts'
import { primaryCode, resultCodes } from './errors.ts'
import { inspect } from './inspect.ts'
import { migrate } from './migrate.ts'

/** The part of `node:sqlite` that is used here; `@photostructure/sqlite` has the same. */
export interface Database {
  exec(sql: string): void
  prepare(sql: string): Statement
  close(): void
}

export interface Statement {
  run(...values: Value[]): { lastInsertRowid: number | bigint; changes: number | bigint }
  get(...values: Value[]): Row | undefined
  all(...values: Value[]): Row[]
}

/** `DatabaseSync` of either package. */
export type Driver = new (path: string, options?: { readonly readOnly?: boolean }) => Database

const memory = ':memory:'

/**
 * Open the file, take it for this process alone, and bring its schema up to date. Throws the fault `cannot_open` with a sentence that says what to do:
 * a file in use, of another program, of a newer Holdfast, damaged, or in a folder that does not exist.
 */
export async function connect(name: string): Promise<Database> {
  const driver = await loadDriver()
  // SQLite takes a relative name that starts with "file:" for a URI, whose options could take away the lock or the file.
  const path = name === memory ? memory : resolve(name)
  if (path !== memory && !existsSync(dirname(path)))
    throw new Fault('cannot_open', `The folder of ${path} does not exist; create it first.`)
  let database: Database | null = null
  try {
    if (path !== memory) inspect(driver, path)
    database = new driver(path)
    // FULL: acknowledged means on disk. Exclusive: one writer, and a second process is told so. The cache bounds memory, not the number of reservations.
    database.exec(`
      pragma locking_mode = exclusive;
      pragma journal_mode = wal;
      pragma synchronous = full;
      pragma foreign_keys = off;
      pragma cache_size = -65536;
      pragma wal_autocheckpoint = 4000;
      begin exclusive;
      commit;
    `)
    migrate(database)
    // After the migrations, which may have to sort more than the memory holds.
    database.exec('pragma temp_store = memory')
    return database
  } catch (error) {
    if (database !== null) disconnect(database)
    throw openingFault(error, path)
  }
}

/**
 * Give the file back. `close()` of @photostructure/sqlite keeps it locked, and its log beside it, until every prepared statement has been collected as
 * garbage; so the log is folded in and the lock given up before.
 */
export function disconnect(database: Database): void {
  try {
    database.exec('pragma journal_mode = delete; pragma locking_mode = normal; select 1 from sqlite_master')
  } catch {
    // The disk failed; what is committed is in the log, and the next start finds it there.
  }
  database.close()
}

async function loadDriver(): Promise<Driver> {
  // Named by variables: neither is there on every Node, and a bundler must not demand it.
  const builtIn = 'node:sqlite'
  const packaged = '@photostructure/sqlite'
  for (const name of [builtIn, packaged]) {
    try {
      const { DatabaseSync } = (await import(name)) as { DatabaseSync: Driver }
      return DatabaseSync
    } catch {
      continue
    }
  }
  throw new Fault('cannot_open', `SQLite needs Node 22.13 or newer, or the package ${packaged}: npm install ${packaged}@1`)
}

function openingFault(error: unknown, path: string): unknown {
  switch (primaryCode(error)) {
    case resultCodes.busy:
      return new Fault(
        'cannot_open',
        `${path} is in use by another process. One process at a time may open a SQLite store; stop the other or use another file.`,
        error,
      )
    case resultCodes.notADatabase:
      return new Fault('cannot_open', `${path} is not a SQLite database, or is damaged. Name another file, or restore a backup.`, error)
    case resultCodes.corrupt:
      return new Fault('cannot_open', `${path} is damaged. Restore a backup; nothing was changed.`, error)
    case resultCodes.cannotOpen:
      return new Fault('cannot_open', `${path} cannot be opened; it must be a file that this user may read and write.`, error)
    case resultCodes.readOnly:
      return new Fault('cannot_open', `${path} is read-only; this user must be able to write the file and its folder.`, error)
    default:
      return error
  }
}
