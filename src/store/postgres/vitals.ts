import type { Vitals } from '../port.ts'
import { integer } from '../sql/rows.ts'
import type { Base } from './base.ts'

export function createVitals({ statements: { queries: sql }, read, guard }: Pick<Base, 'statements' | 'read' | 'guard'>): Vitals {
  return {
    read: () =>
      guard(async () => {
        const [row] = await read(sql.nextDueInMs)
        return { overdueMs: row?.['ms'] == null ? 0 : Math.max(0, -integer(row['ms'])), generation: null, waitingForLedger: null }
      }),
    countActive: () => guard(async () => integer((await read(sql.countOpen))[0]?.['n'])),
  }
}
