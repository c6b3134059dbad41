import { Fault } from '../../domain/faults.ts'
import type { Page, PageQuery } from '../../domain/pages.ts'

/** A page of a short list whose newest items come first. Its cursor is the last item: where that is gone, as an attempt that was pushed out, so is what came after it. */
export function pageAfter<Item extends { readonly id: string }>(items: readonly Item[], { limit, cursor }: PageQuery): Page<Item> {
  if (cursor !== null && !/^[0-9a-f-]{36}$/.test(cursor))
    throw new Fault('invalid_cursor', `"${cursor}" is not a cursor of this list; use the nextCursor of the page before.`)
  const at = cursor === null ? -1 : items.findIndex(({ id }) => id === cursor)
  const start = cursor !== null && at < 0 ? items.length : at + 1
  const data = items.slice(start, start + limit)
  return { data, nextCursor: start + limit < items.length ? data.at(-1)!.id : null }
}
