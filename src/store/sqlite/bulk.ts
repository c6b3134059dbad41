import type { Value } from '../sql/rows.ts'
import type { Write } from '../sql/save.ts'
import type { Database } from './connect.ts'

/** Rows for one statement. A call into SQLite costs as much as a row or two; these keep the share of the calls small, for batches of any size. */
const sizes = [64, 16, 4, 1]

/** `row` is one row of a `values` clause, such as `(?, ?, 'active')`; `sql` makes the statement around many of them. */
export function prepareBulk(database: Database, row: string, sql: (rows: string) => string): Write {
  const width = row.split('?').length - 1
  const statements = sizes.map((size) => ({
    length: size * width,
    statement: database.prepare(sql(Array(size).fill(row).join(', '))),
  }))
  return (values: readonly Value[]) => {
    let at = 0
    for (const { length, statement } of statements) {
      for (; values.length - at >= length; at += length) statement.run(...values.slice(at, at + length))
    }
  }
}
