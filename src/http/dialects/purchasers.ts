import type { Product } from '../../domain/product.ts'
import type { Holdfast } from '../../engine/holdfast.ts'
import { instant } from '../views.ts'

export interface Purchaser {
  readonly userId: string
  readonly purchasedAt: string
}

interface Known {
  readonly version: number
  readonly purchasers: Promise<readonly Purchaser[]>
}

const purchasersMax = 3
/** Reservations are listed by when they were made, which is not quite the order in which they were bought. */
const lookedAtMax = 20
const productsKnownMax = 1_000

/**
 * Who bought of a product last. Everybody may ask, and no index answers it, so it is looked up once for each version of the stock: a sale makes another version.
 */
export function createPurchasers(shop: Holdfast): (product: Product) => Promise<readonly Purchaser[]> {
  const known = new Map<string, Known>()

  const look = async (sku: string): Promise<readonly Purchaser[]> => {
    const { data } = await shop.reservations({ sku, status: 'confirmed', limit: lookedAtMax })
    return data
      .toSorted((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0))
      .slice(0, purchasersMax)
      .map(({ userId, endedAt, createdAt }) => ({ userId, purchasedAt: instant(endedAt ?? createdAt) }))
  }

  return ({ sku, stock: { version, sold } }) => {
    if (sold === 0) return Promise.resolve([])
    const last = known.get(sku)
    if (last?.version === version) return last.purchasers
    const purchasers = look(sku)
    if (known.size >= productsKnownMax) known.clear()
    known.set(sku, { version, purchasers })
    // What failed is looked up anew.
    purchasers.catch(() => known.delete(sku))
    return purchasers
  }
}
