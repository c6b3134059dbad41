import type { Store } from '../port.ts'
import { integer } from '../sql/rows.ts'
import type { Read } from './read.ts'
import type { Queries } from './statements.ts'
import { columnsOf } from './write.ts'

/** Part of the statements. */
export const requestQueries = {
  /** In the order of their names, so that nodes that count the same clients wait for each other instead of blocking each other. */
  countRequests: `with at as materialized (select {now_ms}() as now)
    insert into {requests} as r (client, requests, ends_at)
      select d.client, d.requests, at.now + d.window_ms from unnest($1::text[], $2::bigint[], $3::bigint[]) d (client, requests, window_ms), at
      order by d.client collate "C"
    on conflict (client) do update set
      requests = excluded.requests + case when r.ends_at > (select now from at) then r.requests else 0 end,
      ends_at = case when r.ends_at > (select now from at) then r.ends_at else excluded.ends_at end
    returning client, requests, ends_at - (select now from at) as ends_in_ms`,
  /** None that somebody counts at this moment. */
  forgetRequests: `delete from {requests} where client in (
      select client from {requests} where ends_at <= {now_ms}() order by ends_at limit 10000 for update skip locked)`,
} as const

/** Windows that are over go now and then, while somebody counts. */
const forgetEveryMs = 1_000

export function createRequestCounts(read: Read, sql: Queries): NonNullable<Store['countRequests']> {
  let forgottenAt = -Infinity

  const forgetOver = async (): Promise<void> => {
    const now = performance.now()
    if (now - forgottenAt < forgetEveryMs) return
    forgottenAt = now
    await read(sql.forgetRequests)
  }

  return async (requests) => {
    const values = requests.flatMap((one) => [one.client, one.requests, one.windowMs])
    const rows = await read(sql.countRequests, columnsOf(values, ['text', 'bigint', 'bigint']))
    const found = new Map(
      rows.map((row) => [String(row['client']), { requests: integer(row['requests']), endsInMs: integer(row['ends_in_ms']) }]),
    )
    void forgetOver().catch(() => {})
    return requests.map(({ client }) => found.get(client)!)
  }
}
