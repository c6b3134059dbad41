import { viewProduct, type Product } from '../../domain/product.ts'
import { viewReservation, type Reservation } from '../../domain/reservation.ts'
import type { Ledger } from '../ledger.ts'
import type { Page, PageQuery, ReservationFilter, Store, Vitals } from '../port.ts'
import { checkSkuCursor, seqOf } from '../sql/pages.ts'
import type { Drain } from './drain.ts'
import { mayBeLost } from './keys.ts'
import type { Memory } from './memory.ts'
import { readProduct, readReleases, readReservation, readStock } from './rows.ts'

export type Reads = Pick<Store, 'product' | 'products' | 'reservation' | 'reservations' | 'orders' | 'events' | 'nextDueInMs'> & {
  readonly vitals: Vitals
}

interface ReadOptions {
  readonly memory: Memory
  readonly ledger: Ledger
  readonly drain: Drain
}

/** Stock and live reservations are read from Redis, also who occupies a slot; other lists, ended reservations, orders and events from the ledger, after it has everything that was decided before. */
export function createReads({ memory, ledger, drain }: ReadOptions): Reads {
  const read = async (...args: readonly (string | number)[]): Promise<[now: number, ...(string | null)[]]> =>
    (await memory.run('holdfastRead', args)) as [number, ...(string | null)[]]

  return {
    product: async (sku) => {
      const [, found] = await read('product', sku)
      return found == null ? null : toProduct(found)
    },
    products: ({ limit, cursor }: PageQuery): Promise<Page<Product>> => readProducts(limit, cursor),
    reservation: async (id): Promise<Reservation | null> => {
      const [now, found] = await read('reservations', id)
      if (found == null) return (await ledger.reservation(id, now)) ?? ((await wasLost(id)) ? lostWithoutTrace(id) : null)
      const { row } = readReservation(id, found.split('\t'))
      // Nobody shall see an order that a loss of memory could still undo.
      if (row.status === 'confirmed') await drain.catchUp('reading')
      return viewReservation(row, now)
    },
    reservations: async (filter, query) =>
      filter.slot == null
        ? ledger.reservations(filter, query, await drain.catchUp('reading'))
        : readSlot({ ...filter, slot: filter.slot }, query),
    orders: async (filter, query) => {
      await drain.catchUp('reading')
      return ledger.orders(filter, query)
    },
    events: async (query) => {
      await drain.catchUp('reading')
      return ledger.events(query)
    },
    nextDueInMs: async () => {
      const [now, next] = await read('due')
      return next == null ? null : Math.max(0, Number(next) - now)
    },
    vitals: {
      read: async () => {
        const { generation } = memory
        const [now, next, pending] = await read('vitals')
        return { overdueMs: next == null ? 0 : Math.max(0, now - Number(next)), generation, waitingForLedger: Number(pending) }
      },
      countActive: async () => Number((await read('vitals'))[3]),
    },
  }

  async function wasLost(id: string): Promise<boolean> {
    return mayBeLost(id, memory.generation, 0) && mayBeLost(id, memory.generation, (await ledger.removed()).reservationsTime)
  }

  /** Of those that occupy a slot there are few. The cursor is how many of them are older than the page before; so one may be seen twice when an older one ends between two pages, and none is left out. */
  async function readSlot(
    { userId, sku, status, slot }: ReservationFilter & { readonly slot: string },
    { limit, cursor }: PageQuery,
  ): Promise<Page<Reservation>> {
    const [now, ...found] = await read('slot', JSON.stringify(slot))
    const all: Reservation[] = []
    for (let at = 0; at < found.length; at += 2) {
      const { row } = readReservation(found[at]!, found[at + 1]!.split('\t'))
      const isWanted =
        (userId === null || row.userId === userId) &&
        (sku === null || row.items.some((item) => item.sku === sku)) &&
        (status === null || status === row.status)
      if (isWanted) all.push(viewReservation(row, now))
    }
    const end = Math.min(seqOf(cursor, all.length), all.length)
    const start = Math.max(0, end - limit)
    return { data: all.slice(start, end).toReversed(), nextCursor: start > 0 ? String(start) : null }
  }

  async function readProducts(limit: number, cursor: string | null): Promise<Page<Product>> {
    checkSkuCursor(cursor)
    const [, ...found] = await read('products', cursor ?? '', limit + 1)
    const data = found.slice(0, limit).map((text) => toProduct(text!))
    return { data, nextCursor: found.length > limit ? (data.at(-1)?.sku ?? null) : null }
  }
}

/** Of a reservation that was lost before the ledger had it, nothing is known but that. */
function lostWithoutTrace(id: string): Reservation {
  return { id, userId: '', status: 'lost', items: [], metadata: {}, createdAt: 0, expiresAt: 0, expiresInMs: 0, endedAt: 0, orderId: null }
}

/** "sku stock dueUnits nextReleaseAt createdAt updatedAt details", with tabs between. */
export function toProduct(text: string): Product {
  const [sku, stock, dueUnits, next, ...product] = text.split('\t') as [string, string, string, string, string, string, string]
  return viewProduct(readProduct(sku, ...product), readStock(sku, stock), readReleases(dueUnits, next))
}
