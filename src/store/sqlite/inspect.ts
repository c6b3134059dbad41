import { statSync } from 'node:fs'
import { Fault } from '../../domain/faults.ts'
import type { Database, Driver } from './connect.ts'
import { primaryCode, resultCodes } from './errors.ts'
import { applicationId, schemaVersion } from './migrate.ts'

/** Full integrity checks read the whole file. Beyond this size only the narrow tables are checked at start, so that a service is back within a second of a crash; `holdfast audit` checks the rest. */
const fullCheckBytesMax = 256 * 1024 * 1024
/** After a clean stop damage is unlikely, and only looked for where that takes a moment. */
const cleanCheckBytesMax = 64 * 1024 * 1024

/**
 * Look at a file before anything may write to it. So a refused file stays as it is, and is refused again at the next start: closing a connection that can write
 * would fold the log into a damaged file and take away the sign of the unclean stop. Throws the fault `cannot_open`, or the error of SQLite.
 */
export function inspect(driver: Driver, path: string): void {
  const file = statSync(path, { throwIfNoEntry: false })
  if (file === undefined || !file.isFile() || file.size === 0) return
  const stoppedUncleanly = (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0
  const database = new driver(path, { readOnly: true })
  try {
    if (
      !holds(database, `not exists (select 1 from sqlite_master) or (select application_id from pragma_application_id) = ${applicationId}`)
    ) {
      throw new Fault('cannot_open', `${path} is a SQLite database of another program. Name another file.`)
    }
    if (!holds(database, `(select user_version from pragma_user_version) <= ${schemaVersion}`)) {
      throw new Fault(
        'cannot_open',
        `${path} has a newer schema than the ${schemaVersion} of this Holdfast. Use the newer Holdfast that wrote it.`,
      )
    }
    if (!stoppedUncleanly && file.size > cleanCheckBytesMax) return
    const checks =
      file.size <= fullCheckBytesMax ? ['pragma_quick_check'] : [`pragma_quick_check('products')`, `pragma_quick_check('stock')`]
    if (!checks.every((check) => holds(database, `(select quick_check from ${check}) = 'ok'`))) {
      throw new Fault('cannot_open', `${path} is damaged. Restore a backup; nothing was changed.`)
    }
  } finally {
    database.close()
  }
}

/** Asked as a constraint that fails: a prepared statement, which could answer, would keep the file locked after `close()` (see `disconnect`). */
function holds(database: Database, condition: string): boolean {
  try {
    database.exec(
      `drop table if exists temp.demand; create temp table demand (holds check (holds)); insert into demand select ${condition};`,
    )
    return true
  } catch (error) {
    if (primaryCode(error) === resultCodes.constraint) return false
    throw error
  }
}
