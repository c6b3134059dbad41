import type { Store } from '../port.ts'
import { integer } from '../sql/rows.ts'
import type { Read } from './read.ts'
import type { Prepared } from './statements.ts'
import { columnsOf } from './write.ts'

/** Windows that are over go now and then, while somebody counts. */
const forgetEveryMs = 1_000

/** In the order of their names, so that nodes that count the same clients wait for each other instead of blocking each other. */
function countStatement(schema: string): Prepared {
  const over = 'r.ends_at <= (select now from at)'
  return {
    name: 'countRequests',
    text: `with at as materialized (select "${schema}".now_ms() as now)
      insert into "${schema}".requests as r (client, requests, ends_at)
        select d.client, d.requests, at.now + d.window_ms from unnest($1::text[], $2::bigint[], $3::bigint[]) d (client, requests, window_ms), at
        order by d.client collate "C"
      on conflict (client) do update set
        requests = excluded.requests + case when ${over} then 0 else r.requests end,
        ends_at = case when ${over} then excluded.ends_at else r.ends_at end
      returning client, requests, ends_at - (select now from at) as ends_in_ms`,
  }
}

/** None that somebody counts at this moment. */
function forgetStatement(schema: string): Prepared {
  return {
    name: 'forgetRequests',
    text: `delete from "${schema}".requests where client in (
      select client from "${schema}".requests where ends_at <= "${schema}".now_ms() order by ends_at limit 10000 for update skip locked)`,
  }
}

export function createRequestCounts(read: Read, schema: string): NonNullable<Store['countRequests']> {
  const count = countStatement(schema)
  const forget = forgetStatement(schema)
  let forgottenAt = -Infinity

  const forgetOver = async (): Promise<void> => {
    const now = performance.now()
    if (now - forgottenAt < forgetEveryMs) return
    forgottenAt = now
    await read(forget)
  }

  return async (requests) => {
    const values = requests.flatMap((one) => [one.client, one.requests, one.windowMs])
    const rows = await read(count, columnsOf(values, ['text', 'bigint', 'bigint']))
    const found = new Map(
      rows.map((row) => [String(row['client']), { requests: integer(row['requests']), endsInMs: integer(row['ends_in_ms']) }]),
    )
    void forgetOver().catch(() => {})
    return requests.map(({ client }) => found.get(client)!)
  }
}
