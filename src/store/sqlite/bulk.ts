import type { Database, Value } from './connect.ts'

/** Rows for one statement. A call into SQLite costs as much as a row or two; these keep the share of the calls small, for batches of any size. */
const sizes = [64, 16, 4, 1]

/** Runs one statement for many rows; the values of all rows, one after the other. */
export type Bulk = (values: readonly Value[]) => void

/** `row` is one row of a `values` clause, such as `(?, ?, 'active')`; `sql` makes the statement around many of them. */
export function prepareBulk(database: Database, row: string, sql: (rows: string) => string): Bulk {
  const width = row.split('?').length - 1
  const statements = sizes.map((size) => ({
    length: size * width,
    statement: database.prepare(sql(Array(size).fill(row).join(', '))),
  }))
  return (values) => {
    let at = 0
    for (const { length, statement } of statements) {
      for (; values.length - at >= length; at += length) statement.run(...values.slice(at, at + length))
    }
  }
}
