import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import type { Vitals } from '../port.ts'
import { integer } from '../sql/rows.ts'
import type { Base } from './base.ts'

export function createVitals({ sql, guard }: Pick<Base, 'sql' | 'guard'>, clock: Clock): Vitals {
  return {
    read: () =>
      guard(() => {
        const next = sql.nextDue.get()?.['next']
        return { overdueMs: next == null ? 0 : Math.max(0, clock() - integer(next)), generation: null, waitingForLedger: null }
      }),
    /** A block at a time, which is some milliseconds at most: nobody waits for all of it. */
    countActive: async () => {
      const range = await guard(() => sql.openRange.get())
      if (range?.['first'] == null) return 0
      let active = 0
      for (let block = integer(range['first']); block <= integer(range['last']); block++) {
        active += await guard(() => integer(sql.countOpenIn.get(block)?.['n']))
        await nextTurn()
      }
      return active
    },
  }
}
