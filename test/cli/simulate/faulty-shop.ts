import type { Answer, Held, Sale, Shop, StockView } from '../../../src/cli/simulate/shop.ts'

/** What a shop can do wrong. */
export type Fault =
  | 'none'
  | 'sells what it has not'
  | 'gives back what is sold'
  | 'leaves out a line'
  | 'keeps a unit to itself'
  | 'forgets an order'
  | 'changes an order'
  | 'miscounts its sales'
  | 'ends reservations early'
  | 'fails its audit'

interface Row {
  total: number
  reserved: number
  sold: number
}

/** A shop in memory that forgets nobody and expires nothing, with one fault. */
export function faultyShop(fault: Fault): Shop {
  const stock = new Map<string, Row>()
  const holds = new Map<string, Held & { readonly userId: string }>()
  const orders = new Map<string, Sale>()
  let ids = 0
  const rowOf = (sku: string): Row => stock.get(sku)!
  const freeOf = ({ total, reserved, sold }: Row): number => {
    if (fault === 'sells what it has not') return total
    const free = total - reserved - (fault === 'gives back what is sold' ? 0 : sold)
    return fault === 'keeps a unit to itself' ? free - 1 : free
  }
  const refuse = (code: Extract<Answer<never>, { ok: false }>['code'], shortOf: string[] = []): Answer<never> => ({
    ok: false,
    code,
    shortOf,
  })

  const statusOf = (row: Row): StockView['status'] => (freeOf(row) > 0 ? 'available' : row.reserved > 0 ? 'all_reserved' : 'sold_out')

  return {
    name: fault,
    createProduct: async (sku, units) => void stock.set(sku, { total: units, reserved: 0, sold: 0 }),
    stock: async (sku) => {
      const row = rowOf(sku)
      const sold = fault === 'miscounts its sales' ? row.sold + 1 : row.sold
      return { ...row, sold, status: statusOf(row), nextReleaseInMs: null }
    },
    reserve: async (userId, skus) => {
      const shortOf = skus.filter((sku) => freeOf(rowOf(sku)) <= 0)
      if (shortOf.length > 0) return refuse('insufficient_stock', shortOf)
      const kept = fault === 'leaves out a line' ? skus.slice(0, 1) : skus
      for (const sku of kept) rowOf(sku).reserved++
      const held = { id: `reservation-${++ids}`, items: kept.map((sku) => ({ sku, quantity: 1 })) }
      holds.set(held.id, { ...held, userId })
      return { ok: true, value: held }
    },
    confirm: async (id) => {
      const { items, userId } = holds.get(id)!
      for (const { sku, quantity } of items) {
        rowOf(sku).reserved -= quantity
        if (fault !== 'ends reservations early') rowOf(sku).sold += quantity
      }
      if (fault === 'ends reservations early') return refuse('reservation_expired')
      const order: Sale = { id: `order-of-${id}`, reservationId: id, userId, status: 'placed', items }
      orders.set(order.id, order)
      return { ok: true, value: order }
    },
    cancel: async (id) => {
      const held = holds.get(id)!
      for (const { sku, quantity } of held.items) rowOf(sku).reserved -= quantity
      return { ok: true, value: held }
    },
    order: async (id) => {
      if (fault === 'forgets an order') return null
      const order = orders.get(id) ?? null
      return order !== null && fault === 'changes an order' ? { ...order, status: 'cancelled' } : order
    },
    audit: async () => {
      const findings = fault === 'fails its audit' ? ['S2 a: 1 reserved, counted 2'] : []
      return { ok: findings.length === 0, events: 0, findings }
    },
    close: async () => {},
  }
}
