import type { Store } from '../port.ts'
import { integer } from '../sql/rows.ts'
import type { Read } from './read.ts'
import type { Queries } from './statements.ts'
import { columnsOf } from './write.ts'

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
