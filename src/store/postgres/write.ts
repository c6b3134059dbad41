import type { Value } from '../sql/rows.ts'
import type { Write, Writes } from '../sql/save.ts'
import type { Session } from './connect.ts'
import type { PreparedWrite, Statements } from './statements.ts'

/** Sends what is written without waiting. All that was sent must be awaited together with the commit. Stored answers of at least `answersMsMin` make room for new ones of their keys. */
export function createWrites(
  session: Session,
  { queries, writes }: Statements,
  answersMsMin: number,
): { readonly writes: Writes; readonly sent: Promise<unknown>[] } {
  const sent: Promise<unknown>[] = []
  const send =
    (statement: PreparedWrite): Write =>
    (values) => {
      if (values.length > 0) sent.push(session.query(statement, columnsOf(values, statement.types)))
    }
  const all = Object.fromEntries(Object.entries(writes).map(([name, statement]) => [name, send(statement)])) as unknown as Writes
  return {
    sent,
    writes: {
      ...all,
      saveAnswers: (values) => {
        if (values.length === 0) return
        const [scopes, keys] = columnsOf(values, writes.saveAnswers.types)
        sent.push(session.query(queries.deleteOldAnswers, [scopes, keys, answersMsMin]))
        all.saveAnswers(values)
      },
    },
  }
}

/** The columns of rows whose values stand one after the other, each as a literal of a PostgreSQL array. */
export function columnsOf(values: readonly Value[], types: readonly string[]): string[] {
  const width = types.length
  return types.map((type, column) => {
    const write = writers.get(type) ?? quote
    const elements: string[] = []
    for (let at = column; at < values.length; at += width) {
      const value = values[at]!
      elements.push(value === null ? 'NULL' : write(value))
    }
    return `{${elements.join(',')}}`
  })
}

const writers: ReadonlyMap<string, (value: string | number) => string> = new Map([
  ['bigint', String],
  ['smallint', String],
  // In JSON nothing but quotes and backslashes has to be escaped once more, and the engine's own function does it many times faster than a replacement.
  ['json', JSON.stringify],
])

function quote(value: string | number): string {
  const text = String(value)
  return `"${/["\\]/.test(text) ? text.replaceAll(/["\\]/g, '\\$&') : text}"`
}
