import { setTimeout as delay } from 'node:timers/promises'
import type { Product } from '../../domain/product.ts'
import type { Holdfast } from '../../engine/holdfast.ts'
import { instant } from '../../engine/views.ts'

export interface Purchaser {
  readonly userId: string
  readonly purchasedAt: string
}

interface Known {
  readonly version: number
  readonly purchasers: readonly Purchaser[]
}

const purchasersMax = 3
/** Reservations are listed by when they were made, which is not quite the order in which they were bought. */
const lookedAtMax = 20
const productsKnownMax = 1_000
/** Everybody may ask, and no index answers it: looking takes this part of the time at most. */
const busyShare = 0.1
/** How long a caller waits for others who look; after that they hear what was known last. */
const waitMsMax = 250

/** Who bought of a product last, as long as the order stands. It is looked up once for each version of the stock: a sale makes another version. */
export function createPurchasers(shop: Holdfast): (product: Product) => Promise<readonly Purchaser[]> {
  const known = new Map<string, Known>()
  let turn: Promise<unknown> = Promise.resolve()
  let freeAt = 0

  const look = async (sku: string): Promise<Purchaser[]> => {
    const { data } = await shop.reservations({ sku, status: 'confirmed', limit: lookedAtMax })
    const purchasers: Purchaser[] = []
    for (const { userId, orderId, endedAt, createdAt } of data.toSorted((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0))) {
      const order = orderId === null ? null : await shop.order(orderId)
      if (order?.status === 'placed') purchasers.push({ userId, purchasedAt: instant(endedAt ?? createdAt) })
      if (purchasers.length === purchasersMax) break
    }
    return purchasers
  }

  const lookInTurn = async ({ sku, stock: { version } }: Product, askedAt: number): Promise<readonly Purchaser[]> => {
    const last = known.get(sku)
    if (last?.version === version) return last.purchasers
    const waitMs = freeAt - performance.now()
    if (performance.now() + Math.max(0, waitMs) - askedAt > waitMsMax) return last?.purchasers ?? []
    if (waitMs > 0) await delay(waitMs)
    const startedAt = performance.now()
    try {
      const purchasers = await look(sku)
      if (known.size >= productsKnownMax) known.clear()
      known.set(sku, { version, purchasers })
      return purchasers
    } finally {
      freeAt = performance.now() + (performance.now() - startedAt) * (1 / busyShare - 1)
    }
  }

  return (product) => {
    if (product.stock.sold === 0) return Promise.resolve([])
    const askedAt = performance.now()
    const looked = turn.then(() => lookInTurn(product, askedAt))
    turn = looked.catch(() => {})
    return looked
  }
}
