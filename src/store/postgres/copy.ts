import { Fault } from '../../domain/faults.ts'
import type { Value } from '../sql/rows.ts'
import { copiedTables, countOf, type CopiedTable, type CopyReport } from '../sql/tables.ts'
import { loadDriver, poolConfig, readUrl } from './connect.ts'
import { openingFault } from './errors.ts'
import { migrate } from './migrate.ts'
import { columnsOf } from './write.ts'

export interface CopyTarget {
  /** The values of all rows, one after the other. */
  readonly insert: (table: CopiedTable, values: readonly Value[]) => Promise<void>
  /** Compare, let the numbers go on where they were, and commit. */
  readonly finish: (rows: CopyReport, stockSums: readonly number[]) => Promise<void>
  /** What is not finished is undone. */
  readonly close: () => Promise<void>
}

/** One statement may take so long. */
const statementMsMax = 10 * 60_000

/** Begins one transaction in an empty store and keeps every node out of it. */
export async function openForCopy(text: string): Promise<CopyTarget> {
  const url = readUrl(text)
  const driver = await loadDriver()
  const config = poolConfig(driver, url, { connectionsMax: 1, connectMsMax: 5_000, answerMsMax: statementMsMax })
  const client = new driver.Client({ ...config, pipeline: false })
  client.on('error', () => {})
  const numberOf = async (sql: string): Promise<number> => Number((await client.query<{ n: number }>(sql)).rows[0]?.n)
  try {
    await client.connect()
    await migrate(client, url.schema)
    await client.query('begin')
    await client.query(`set local search_path = "${url.schema}"`)
    await client.query('lock table products, stock, reservations, orders, events, feed in exclusive mode')
    for (const table of Object.keys(copiedTables)) {
      const rows = await numberOf(`select count(*) as n from ${table}`)
      if (rows > 0) {
        throw new Fault(
          'cannot_open',
          `The target is not empty: "${table}" has ${rows} rows already. Copy into a new database, or a schema that is not used yet (?schema=NAME).`,
        )
      }
    }
  } catch (error) {
    await client.end().catch(() => {})
    throw openingFault(error, url.where, url.database)
  }

  return {
    insert: async (table, values) => {
      const types = copiedTables[table].columns.split(', ').map((column) => column.split(' ')[1]!)
      const names = copiedTables[table].columns.split(', ').map((column) => column.split(' ')[0]!)
      const rows = types.map((type, index) => `$${index + 1}::${type}[]`).join(', ')
      const sql = `insert into ${table} (${names.join(', ')}) overriding system value select * from unnest(${rows})`
      await client.query(sql, columnsOf(values, types))
    },
    finish: async (rows, stockSums) => {
      for (const [table, count] of Object.entries(rows)) {
        const found = await numberOf(`select ${countOf(table)} as n from ${table}`)
        if (found !== count) throw new Error(`${table} has ${found} after the copy, and ${count} in the source`)
      }
      for (const [index, name] of ['total', 'reserved', 'sold'].entries()) {
        const found = await numberOf(`select coalesce(sum(${name}), 0) as n from stock`)
        if (found !== stockSums[index])
          throw new Error(`the sum of ${name} is ${found} after the copy, and ${stockSums[index]} in the source`)
      }
      await client.query(`select setval('reservation_seq', (select coalesce(max(seq), 0) + 1 from reservations), false),
        setval(pg_get_serial_sequence('orders', 'seq'), (select coalesce(max(seq), 0) + 1 from orders), false)`)
      await client.query('update feed set last = (select coalesce(max(seq), 0) from events)')
      await client.query('commit')
      await client.query(`analyze "${url.schema}".reservations, "${url.schema}".open_lines, "${url.schema}".orders, "${url.schema}".events`)
    },
    close: () => client.end().catch(() => {}),
  }
}
