import type { Refusal, RefusalCode } from '../domain/refusals.ts'
import { instantOf, objectOf, Unreadable } from './read.ts'

/** What each refusal says besides its code. Whoever adds a refusal adds it here, or this does not compile. */
const members = {
  validation_failed: ['errors'],
  product_not_found: ['sku'],
  reservation_not_found: [],
  order_not_found: [],
  not_owner: [],
  product_exists: [],
  insufficient_stock: ['items'],
  user_limit_exceeded: ['sku', 'limit', 'remaining'],
  reservation_limit_exceeded: ['limit'],
  sale_not_started: ['sku', 'saleStartsAt'],
  sale_ended: ['sku', 'saleEndsAt'],
  reservation_confirmed: [],
  reservation_cancelled: [],
  reservation_expired: [],
  reservation_lost: [],
  order_cancelled: [],
  stock_below_committed: ['total', 'reserved', 'sold'],
  idempotency_key_reused: [],
} as const satisfies { readonly [Code in RefusalCode]: readonly Exclude<keyof Extract<Refusal, { readonly code: Code }>, 'code'>[] }

/** The refusal that a problem document tells of; null: it tells of something else. */
export function readRefusal(problem: unknown): Refusal | null {
  const told = objectOf(problem, 'a problem document')
  const code = String(told['code'])
  if (!Object.hasOwn(members, code)) return null
  const refusal: Record<string, unknown> = { code }
  for (const member of members[code as RefusalCode]) {
    if (told[member] === undefined) throw new Unreadable(`is no ${code}: it has no ${member}`)
    refusal[member] = member.endsWith('At') ? instantOf(member, told[member]) : told[member]
  }
  return refusal as unknown as Refusal
}
