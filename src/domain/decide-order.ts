import type { Books } from './books.ts'
import type { CancelOrder, Outcome } from './command.ts'
import { viewOrder, type Order, type OrderRow } from './order.ts'

/** The sale is undone and its units are back on sale, once. Repeating gives the same answer. */
export function cancelOrder(books: Books, command: CancelOrder): Outcome<Order> {
  const order = books.orders.get(command.orderId)
  if (order === undefined) return { ok: false, refusal: { code: 'order_not_found' } }
  if (order.status === 'cancelled') return { ok: true, value: viewOrder(order), created: false, replayed: false }

  const cancelled: OrderRow = { ...order, status: 'cancelled', cancelledAt: books.now }
  books.orders.set(cancelled.id, cancelled)
  for (const { sku, quantity } of cancelled.items) {
    books.count(cancelled.userId, sku, -quantity)
    books.move(sku, { sold: -quantity })
  }
  const value = viewOrder(cancelled)
  books.record('order.cancelled', cancelled.id, value, command.reason)
  return { ok: true, value, created: false, replayed: false }
}
