import { Fault } from '../domain/faults.ts'
import { hidePassword, isRedis, splitUrl } from './open.ts'
import { openForCopy, type CopyTarget } from './postgres/copy.ts'
import { integer, type Row, type Value } from './sql/rows.ts'
import { copiedTables, countOf, type CopiedTable, type CopyReport } from './sql/tables.ts'
import { connect, disconnect, type Database } from './sqlite/connect.ts'

export interface CopyProgress {
  readonly table: string
  readonly rows: number
}

const rowsAtOnce = 2_000

/**
 * Move a shop that has outgrown one machine: everything in a SQLite file, into a PostgreSQL store that must be empty. One transaction: all of it is there in the end, or nothing is.
 * What the file says is not changed, but one of an older Holdfast is brought up to date first; nobody may use it meanwhile. Throws `cannot_open` with a sentence that says what to do.
 */
export async function copyStore(from: string, to: string, onProgress: (progress: CopyProgress) => void = () => {}): Promise<CopyReport> {
  refuseRedis(from, to)
  const [fromScheme, path] = splitUrl(from)
  const [toScheme] = splitUrl(to)
  if (fromScheme !== 'sqlite' || path === '' || path === ':memory:' || !toScheme.startsWith('postgres')) {
    throw new Fault(
      'cannot_open',
      `Holdfast copies from sqlite:PATH to postgres://…, not from ${hidePassword(from)} to ${hidePassword(to)}.`,
    )
  }
  const source = await connect(path)
  try {
    const target = await openForCopy(to)
    try {
      const report: Record<string, number> = {}
      for (const table of Object.keys(copiedTables) as CopiedTable[]) {
        await copyTable(source, target, table, onProgress)
        report[table] = integer(source.prepare(`select ${countOf(table)} as n from ${table}`).get()?.['n'])
      }
      await target.finish(report, sumsOf(source))
      return report
    } finally {
      await target.close()
    }
  } finally {
    disconnect(source)
  }
}

/** What is in Redis comes from its ledger, and goes there. */
function refuseRedis(from: string, to: string): void {
  if (isRedis(to)) {
    throw new Fault(
      'cannot_open',
      'Nothing is copied into Redis: it begins with what its ledger has. Copy into the database of the ledger before the first start, --to postgres://…, and then start with --store redis://… --ledger postgres://…',
    )
  }
  if (isRedis(from)) {
    throw new Fault(
      'cannot_open',
      'Nothing is copied out of Redis: what was sold is in its ledger. Stop the service and copy that, --from sqlite:PATH --to postgres://…',
    )
  }
}

async function copyTable(
  source: Database,
  target: CopyTarget,
  table: CopiedTable,
  onProgress: (progress: CopyProgress) => void,
): Promise<void> {
  const { key, columns } = copiedTables[table]
  const names = columns.split(', ').map((column) => column.split(' ')[0]!)
  const [keys, places] = [key.join(', '), key.map(() => '?').join(', ')]
  const first = source.prepare(`select ${names.join(', ')} from ${table} order by ${keys} limit ${rowsAtOnce}`)
  const next = source.prepare(`select ${names.join(', ')} from ${table} where (${keys}) > (${places}) order by ${keys} limit ${rowsAtOnce}`)
  let copied = 0
  for (let rows = first.all(); rows.length > 0;) {
    const values: Value[] = []
    for (const row of rows) for (const name of names) values.push(row[name] ?? null)
    await target.insert(table, values)
    copied += rows.length
    onProgress({ table, rows: copied })
    const last: Row = rows.at(-1)!
    rows = next.all(...key.map((name) => last[name]!))
  }
}

/** What must be the same afterwards, besides the number of rows. */
function sumsOf(source: Database): readonly number[] {
  const row = source
    .prepare('select coalesce(sum(total), 0) as total, coalesce(sum(reserved), 0) as reserved, coalesce(sum(sold), 0) as sold from stock')
    .get()
  return ['total', 'reserved', 'sold'].map((name) => integer(row?.[name]))
}
