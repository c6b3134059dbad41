import type { Database, Value } from './connect.ts'

/** Rows for one statement. A call into SQLite costs as much as a row or two, so most of the gain is in the first few. */
const sizes = [16, 4, 1]

/** Insert many rows with few statements. `values` is one row of the statement, such as `(?, ?, 'active')`; `conflict` its `on conflict` clause. */
export function prepareBulkInsert(
  database: Database,
  into: string,
  values: string,
  conflict: string,
): (rows: readonly (readonly Value[])[]) => void {
  const statements = sizes.map((size) => ({
    size,
    statement: database.prepare(`insert into ${into} values ${Array(size).fill(values).join(', ')} ${conflict}`),
  }))
  return (rows) => {
    let at = 0
    for (const { size, statement } of statements) {
      for (; rows.length - at >= size; at += size) statement.run(...rows.slice(at, at + size).flat())
    }
  }
}
