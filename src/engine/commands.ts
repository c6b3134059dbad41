import { createHash } from 'node:crypto'
import { newId } from './ids.ts'
import type {
  AdjustStock,
  Cancel,
  CancelOrder,
  Confirm,
  CreateProduct,
  Extend,
  Idempotency,
  Reserve,
  Slot,
  UpdateProduct,
} from '../domain/command.ts'
import { engineScope } from '../domain/facts.ts'
import type { ProductDetails } from '../domain/product.ts'
import type {
  AdjustStockInput,
  CancelInput,
  CancelOrderInput,
  ConfirmInput,
  CreateProductInput,
  ExtendInput,
  ReserveInput,
  UpdateProductInput,
} from './schemas.ts'

/** Checked input to commands. Ids are made here, before the first attempt. */

type Key = Idempotency | null

export function reserveCommand(input: ReserveInput, idempotency: Key, slots: readonly Slot[] = []): Reserve {
  const { userId, ttlSeconds, metadata } = input
  const ttlMs = ttlSeconds === undefined ? null : ttlSeconds * 1000
  // Copies: what was checked is what is decided, whatever the caller does with its objects meanwhile.
  const items = input.items.map(({ sku, quantity }) => ({ sku, quantity }))
  return { type: 'reserve', id: newId(), userId, items, ttlMs, metadata: { ...metadata }, slots, idempotency }
}

export function confirmCommand(reservationId: string, { userId, metadata }: ConfirmInput, idempotency: Key): Confirm {
  return { type: 'confirm', reservationId, orderId: newId(), userId: userId ?? null, metadata: { ...metadata }, idempotency }
}

export function cancelCommand(reservationId: string, { userId }: CancelInput, idempotency: Key): Cancel {
  return { type: 'cancel', reservationId, userId: userId ?? null, idempotency }
}

export function extendCommand(reservationId: string, { ttlSeconds, userId }: ExtendInput, idempotency: Key): Extend {
  return { type: 'extend', reservationId, ttlMs: ttlSeconds * 1000, userId: userId ?? null, idempotency }
}

export function createProductCommand(input: CreateProductInput, idempotency: Key): CreateProduct {
  const { sku, totalStock, name, description = null, price = null, maxPerUser = null } = input
  const { reservationTtlSeconds = null, saleStartsAt = null, saleEndsAt = null } = input
  const details: ProductDetails = { name, description, price, maxPerUser, reservationTtlSeconds, saleStartsAt, saleEndsAt }
  return { type: 'createProduct', sku, totalStock, details, idempotency: idempotency ?? ownKey() }
}

export function updateProductCommand(sku: string, patch: UpdateProductInput, idempotency: Key): UpdateProduct {
  // Without types a caller may write `undefined` for what is left out; spread over the product it would be a value.
  const named = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
  return { type: 'updateProduct', sku, patch: named, idempotency }
}

export function adjustStockCommand(sku: string, { delta, reason }: AdjustStockInput, idempotency: Key): AdjustStock {
  return { type: 'adjustStock', sku, delta, reason: reason ?? null, idempotency: idempotency ?? ownKey() }
}

export function cancelOrderCommand(orderId: string, { reason }: CancelOrderInput, idempotency: Key): CancelOrder {
  return { type: 'cancelOrder', orderId, reason: reason ?? null, idempotency }
}

/** A command whose effect would add up when a batch of unknown outcome is repeated gets a key of its own. */
function ownKey(): Idempotency {
  return { scope: engineScope, key: newId(), fingerprint: '' }
}

/** A digest that is equal for equal JSON, whatever the order of properties. */
export function fingerprint(request: unknown): string {
  return createHash('sha256').update(canonicalJson(request)).digest('base64url')
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  })
}
