/** One thing that is wrong with a request. `path` is a JSON Pointer into the body ('' is the whole body) or the bare name of a query parameter or header. */
export interface InputError {
  readonly path: string
  readonly message: string
}

/**
 * Every "no" an operation can answer. Refusals are values: "sold out" is the most frequent answer of a sale and costs no stack trace.
 * A refused command left no trace; whether to repeat it is the caller's business.
 */
export type Refusal =
  | { readonly code: 'validation_failed'; readonly errors: readonly InputError[] }
  | { readonly code: 'product_not_found'; readonly sku: string }
  | { readonly code: 'reservation_not_found' }
  | { readonly code: 'order_not_found' }
  | { readonly code: 'not_owner' }
  | { readonly code: 'product_exists' }
  | { readonly code: 'insufficient_stock'; readonly items: readonly Shortage[] }
  | { readonly code: 'user_limit_exceeded'; readonly sku: string; readonly limit: number; readonly remaining: number }
  | { readonly code: 'reservation_limit_exceeded'; readonly limit: number }
  | { readonly code: 'sale_not_started'; readonly sku: string; readonly saleStartsAt: number }
  | { readonly code: 'sale_ended'; readonly sku: string; readonly saleEndsAt: number }
  | { readonly code: 'reservation_confirmed' }
  | { readonly code: 'reservation_cancelled' }
  | { readonly code: 'reservation_expired' }
  | { readonly code: 'reservation_lost' }
  | { readonly code: 'order_cancelled' }
  | { readonly code: 'stock_below_committed'; readonly total: number; readonly reserved: number; readonly sold: number }
  | { readonly code: 'idempotency_key_reused' }

export interface Shortage {
  readonly sku: string
  readonly requested: number
  readonly available: number
}

export type RefusalCode = Refusal['code']

/** The refusal as a sentence for a person. */
export function explainRefusal(refusal: Refusal): string {
  switch (refusal.code) {
    case 'validation_failed':
      return refusal.errors.map((error) => (error.path === '' ? error.message : `${error.path} ${error.message}`)).join('; ')
    case 'product_not_found':
      return `There is no product with the sku "${refusal.sku}".`
    case 'reservation_not_found':
      return 'There is no reservation with this id.'
    case 'order_not_found':
      return 'There is no order with this id.'
    case 'not_owner':
      return 'The reservation belongs to another user.'
    case 'product_exists':
      return 'A product with this sku exists already; change it with PATCH, or its stock with a stock adjustment.'
    case 'insufficient_stock':
      return refusal.items.map((item) => `Of "${item.sku}" ${item.requested} were requested and ${item.available} are available.`).join(' ')
    case 'user_limit_exceeded':
      return `A user may hold and buy ${refusal.limit} of "${refusal.sku}" at most; this user may take ${refusal.remaining} more.`
    case 'reservation_limit_exceeded':
      return `At most ${refusal.limit} ${refusal.limit === 1 ? 'reservation' : 'reservations'} of this kind may be active at once; confirm or cancel one, or wait until one expires.`
    case 'sale_not_started':
      return `The sale of "${refusal.sku}" has not started yet.`
    case 'sale_ended':
      return `The sale of "${refusal.sku}" has ended.`
    case 'reservation_confirmed':
      return 'The reservation was confirmed already; cancel its order instead.'
    case 'reservation_cancelled':
      return 'The reservation was cancelled.'
    case 'reservation_expired':
      return 'The reservation has expired and its units are back on sale.'
    case 'reservation_lost':
      return 'The reservation was lost with the memory of the store and its units are back on sale.'
    case 'order_cancelled':
      return 'The reservation was confirmed, and its order was cancelled afterwards.'
    case 'stock_below_committed':
      return `${refusal.reserved} units are reserved and ${refusal.sold} are sold of ${refusal.total}; the total cannot fall below their sum.`
    case 'idempotency_key_reused':
      return 'This idempotency key was used with another request; use a new key for a new request.'
  }
}
