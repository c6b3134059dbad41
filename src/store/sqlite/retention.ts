import type { Pruned, PruneQuery, Removed } from '../port.ts'
import { prune, removedOf } from '../sql/retention.ts'
import type { Base } from './base.ts'

export interface RetentionAt {
  readonly prune: (query: PruneQuery, now: number) => Promise<Pruned>
  readonly removed: () => Promise<Removed>
}

export function createRetention({ sql, guard, transact }: Pick<Base, 'sql' | 'guard' | 'transact'>): RetentionAt {
  let turn = 0
  return {
    prune: (query, now) =>
      guard(() =>
        transact(() => {
          sql.makeRetention.run()
          const asking = prune(sql.retention.get(), query, now, turn++)
          for (let asked = asking.next(); ;) {
            if (asked.done === true) return asked.value
            const [statement, ...values] = asked.value
            asked = asking.next(sql[statement].all(...values))
          }
        }),
      ),
    removed: () => guard(() => removedOf(sql.retention.get())),
  }
}
