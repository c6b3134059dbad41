import Type from 'typebox'
import type { Product } from '../../domain/product.ts'
import { instant } from '../../engine/views.ts'
import type { Dialect } from '../problem.ts'
import { Count, Id, Instant } from '../schemas.ts'
import { answerOf } from './common.ts'
import { priceOf } from './prices.ts'

/** What all routes of the Drop API have in common. */

export const tags = ['Drop API']
export const dialect: Dialect = {
  sentences: {
    product_not_found: 'There is no such drop.',
    reservation_not_found: 'This user has no active reservation of a drop here.',
    reservation_limit_exceeded: 'This user has an active reservation of a drop already, or as many as a user may have.',
  },
}

export const Drop = answerOf('Drop API: drop', {
  id: Id,
  name: Type.String(),
  unitPrice: Type.Union([Type.Number(), Type.Null()]),
  offeringStock: Count,
  availableStock: Count,
  reservedStock: Count,
  soldStock: Count,
  createdAt: Instant,
})

export function viewDrop({ sku, name: ownName, price, stock, createdAt }: Product): object {
  const { total, available, reserved, sold } = stock
  return {
    id: sku,
    name: ownName,
    unitPrice: priceOf(price),
    offeringStock: total,
    availableStock: available,
    reservedStock: reserved,
    soldStock: sold,
    createdAt: instant(createdAt),
  }
}
