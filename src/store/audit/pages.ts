import type { Order } from '../../domain/order.ts'
import { listAll } from '../../domain/pages.ts'
import type { Reservation } from '../../domain/reservation.ts'
import type { Page, PageQuery, Store } from '../port.ts'

const pageSize = 500

/** Every item of a list, in large pages. */
function all<Item>(readPage: (query: PageQuery) => Promise<Page<Item>>): AsyncGenerator<Item, void, void> {
  return listAll(readPage, { limit: pageSize })
}

export async function* allReservations(store: Store, sku: string | null = null): AsyncGenerator<Reservation, void, void> {
  for (const status of [null, 'lost'] as const) yield* all((query) => store.reservations({ userId: null, sku, status }, query))
}

export function allOrders(store: Store): AsyncGenerator<Order, void, void> {
  return all((query) => store.orders({ userId: null }, query))
}

/** As `Map` by the key that names each item. */
export async function mapOf<Item, Value>(
  readPage: (query: PageQuery) => Promise<Page<Item>>,
  entry: (item: Item) => readonly [string, Value],
): Promise<Map<string, Value>> {
  const map = new Map<string, Value>()
  for await (const item of all(readPage)) map.set(...entry(item))
  return map
}
