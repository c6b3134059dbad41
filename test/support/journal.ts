import type { Transition } from '../../src/domain/replay.ts'
import type { Releases } from '../../src/domain/stock.ts'
import type { Event, Order, Product, Reservation, Stock, StockChange } from '../../src/index.ts'

/** What the events of a store say, as the journal of another would tell it. */
export function transitionsOf(events: readonly Event[]): Transition[] {
  const books = new Map<string, StockChange>()
  const transitions: (Transition & { readonly releases: Releases[] })[] = []
  for (const event of events) {
    const before = books.get(event.subject)
    for (const change of event.stock) books.set(change.sku, change)
    const transition = transitionOf(event, before)
    if (transition !== null) transitions.push({ ...transition, releases: [] })
    const shown = shownBy(event)
    if (shown === null) continue
    const dueUnits = books.get(shown.sku)!.reserved - shown.reserved
    transitions.at(-1)!.releases.push({ dueUnits, nextReleaseAt: shown.nextReleaseAt })
  }
  return transitions
}

function transitionOf({ type, time, subject, data, reason }: Event, before: StockChange | undefined): Transition | null {
  switch (type) {
    case 'reservation.created': {
      const { expiresInMs: _, ...row } = data as Reservation
      return { type: 'reserved', row: { ...row, slots: [] }, time }
    }
    case 'order.created': {
      const { id: orderId, reservationId: id, metadata } = data as Order
      return { type: 'confirmed', id, orderId, metadata, time }
    }
    case 'reservation.cancelled':
    case 'reservation.expired':
    case 'reservation.lost':
      return { type: type.slice('reservation.'.length) as 'cancelled' | 'expired' | 'lost', id: subject, time }
    case 'reservation.extended':
      return { type: 'extended', id: subject, expiresAt: (data as Reservation).expiresAt, time }
    case 'order.cancelled':
      return { type: 'orderCancelled', orderId: subject, reason, time }
    case 'product.created':
    case 'product.updated': {
      const { stock, ...product } = data as Product
      return type === 'product.updated'
        ? { type: 'productUpdated', product, time }
        : { type: 'productCreated', product, totalStock: stock.total, time }
    }
    case 'stock.adjusted':
      return { type: 'adjusted', sku: subject, delta: (data as Stock).total - before!.total, reason, time }
    case 'reservation.confirmed':
    case 'stock.sold_out':
    case 'stock.available_again':
      return null
  }
}

/** The stock that an event shows, as far as somebody had to look what comes back of it. */
function shownBy({ type, data }: Event): Stock | null {
  if (type.startsWith('stock.')) return data as Stock
  return type === 'product.updated' ? (data as Product).stock : null
}
