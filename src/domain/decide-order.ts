import type { Books } from './books.ts'
import type { CancelOrder, Outcome } from './command.ts'
import { viewOrder, type Order } from './order.ts'
import { undoOrder } from './transitions.ts'

/** The sale is undone and its units are back on sale, once. Repeating gives the same answer. */
export function cancelOrder(books: Books, command: CancelOrder): Outcome<Order> {
  const order = books.orders.get(command.orderId)
  if (order === undefined) return { ok: false, refusal: { code: 'order_not_found' } }
  if (order.status === 'cancelled') return { ok: true, value: viewOrder(order), created: false, replayed: false }

  return { ok: true, value: undoOrder(books, order, command.reason), created: false, replayed: false }
}
