import { limits } from './limits.ts'

export interface PageQuery {
  readonly limit: number
  /** `nextCursor` of the page before; null: from the start. One that this store did not make is the fault `invalid_cursor`. */
  readonly cursor: string | null
}

export interface Page<Item> {
  readonly data: readonly Item[]
  /** null: there is no more. A page may hold fewer than `limit` although more follow: a reader looks at a bounded number of rows. */
  readonly nextCursor: string | null
}

/** The query with what was left out. */
export function completeQuery({ limit = limits.pageSizeDefault, cursor = null }: Partial<PageQuery>): PageQuery {
  return { limit: Math.min(Math.max(1, Math.trunc(limit)), limits.pageSizeMax), cursor }
}

/**
 * Everything that a list has, one page in memory at a time:
 *
 *     for await (const order of listAll(shop.orders, { userId: 'ada' })) …
 *
 * Of the events those that are there now; `follow` waits for more. Throws what the list throws.
 */
export async function* listAll<Item, Query extends Partial<PageQuery>, Options>(
  list: (query: Query, options?: Options) => Promise<Page<Item>>,
  query: Partial<NoInfer<Query>> = {},
  options?: NoInfer<Options>,
): AsyncGenerator<Item, void, void> {
  let cursor = query.cursor ?? null
  for (;;) {
    const { data, nextCursor }: Page<Item> = await list({ limit: limits.pageSizeMax, ...query, cursor } as unknown as Query, options)
    yield* data
    // The feed always has a next cursor, to go on tomorrow: it ends where that stands still.
    if (nextCursor === null || nextCursor === cursor) return
    cursor = nextCursor
  }
}
