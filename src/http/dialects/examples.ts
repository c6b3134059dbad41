import type { Example } from '../examples.ts'
import { frame } from '../sse.ts'

/** What the documentation shows of the older APIs: one sale through each of them. */

const createdAt = '2026-11-27T09:00:01.250Z'
const inSeconds = (seconds: number): string => new Date(Date.parse(createdAt) + seconds * 1_000).toISOString()
const sku = 'ticket-berlin'
const userId = 'ada'
const productId = '019ab1c2-6f00-7000-8000-000000000001'
const reservationId = '019ab1c2-7d32-7000-8000-000000000002'
const orderId = '019ab1c2-9a10-7000-8000-000000000003'

const cartStatus = { sku, total_stock: 500, reserved: 2, available: 498 }

const deal = { reservationId, productId, userId, quantity: 2, status: 'active', createdAt, expiresAt: inSeconds(600) }

const drop = {
  id: productId,
  name: 'A sneaker',
  unitPrice: 99.99,
  offeringStock: 500,
  availableStock: 499,
  reservedStock: 1,
  soldStock: 0,
  createdAt,
}
const dropReservation = { id: reservationId, dropId: productId, userId, status: 'active', createdAt, expiresAt: inSeconds(60) }

/** By `operationId`. */
export const dialectExamples: Readonly<Record<string, Example>> = {
  cartCreateProduct: {
    body: { sku, name: 'A concert in Berlin', total_stock: 500 },
    answer: { sku, name: 'A concert in Berlin', total_stock: 500 },
  },
  cartProductStatus: { answer: cartStatus },
  cartStatus: { answer: cartStatus },
  cartReserve: { body: { userId, items: [{ sku, qty: 2 }] }, answer: { reservationId } },
  cartCancel: { body: { userId }, answer: { reservationId, status: 'cancelled' } },
  cartCheckout: {
    body: { reservationId, userId },
    answer: { orderId, reservationId, userId, items: [{ sku, qty: 2 }], createdAt: inSeconds(48) },
  },

  flashCreateProduct: {
    body: { name: 'A sneaker', description: 'Size 42.', price: 99.99, totalStock: 500 },
    answer: { id: productId, name: 'A sneaker', description: 'Size 42.', price: 99.99, totalStock: 500, createdAt },
  },
  flashStatus: { answer: { totalStock: 500, reservedStock: 2, availableStock: 498 } },
  flashReserve: { body: { userId, quantity: 2 }, answer: deal },
  flashCancel: { body: { userId }, answer: { ...deal, status: 'cancelled' } },
  flashCheckout: {
    body: { userId },
    answer: { orderId, reservationId, productId, userId, quantity: 2, createdAt: inSeconds(48) },
  },

  createDrop: {
    body: { name: 'A sneaker', unitPrice: 99.99, offeringStock: 500 },
    answer: { message: 'Drop made', drop: { ...drop, availableStock: 500, reservedStock: 0 } },
  },
  listDrops: { answer: { data: [{ ...drop, purchasers: [{ userId: 'grace', purchasedAt: inSeconds(30) }] }], nextCursor: null } },
  streamDrops: {
    answer: [
      frame({ id: 11, event: 'CONNECTED', data: { resumed: false } }),
      frame({ id: 12, event: 'NEW_DROP', data: { ...drop, availableStock: 500, reservedStock: 0 } }),
      frame({ id: 13, event: 'STOCK_UPDATED', data: drop }),
    ].join(''),
  },
  reserveDrop: { body: {}, answer: { reservation: dropReservation, drop } },
  purchaseDrop: {
    body: {},
    answer: {
      order: { id: orderId, dropId: productId, reservationId, userId, createdAt: inSeconds(48) },
      drop: { ...drop, reservedStock: 0, soldStock: 1 },
    },
  },
  getMyDropReservation: { answer: { reservation: dropReservation } },
  cancelMyDropReservation: { answer: { reservation: { ...dropReservation, status: 'cancelled' } } },

  inventoryReserve: {
    body: { sku, quantity: 2, userId },
    answer: { reservationId, sku, quantity: 2, userId, createdAt, expiresAt: inSeconds(300) },
  },
  checkoutConfirm: {
    body: { reservationId },
    answer: { reservationId, status: 'confirmed', orderId, userId, items: [{ sku, quantity: 2 }], createdAt: inSeconds(48) },
  },
  checkoutCancel: { body: { reservationId }, answer: { reservationId, status: 'cancelled' } },
  inventoryStatus: { answer: { sku, available: 498, reserved: 2 } },

  productPageReserve: { answer: { message: 'Reserved', inventory: 497, reservationKey: reservationId, expiredAt: inSeconds(600) } },
}
