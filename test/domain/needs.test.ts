import { describe, expect, it } from 'vitest'
import type { Command } from '../../src/domain/command.ts'
import { needsOf } from '../../src/domain/needs.ts'
import type { ProductDetails } from '../../src/domain/product.ts'

const idempotency = null
const key = { scope: 'a', key: 'k', fingerprint: 'f' }
const details: ProductDetails = {
  name: 'A',
  description: null,
  price: null,
  maxPerUser: null,
  reservationTtlSeconds: null,
  saleStartsAt: null,
  saleEndsAt: null,
}

const commands: readonly Command[] = [
  {
    type: 'reserve',
    id: 'r1',
    userId: 'u',
    items: [
      { sku: 'a', quantity: 2 },
      { sku: 'a', quantity: 3 },
      { sku: 'b', quantity: 1 },
    ],
    ttlMs: null,
    metadata: {},
    idempotency: key,
  },
  { type: 'confirm', reservationId: 'r2', orderId: 'o2', userId: null, metadata: {}, idempotency },
  { type: 'cancel', reservationId: 'r3', userId: null, idempotency },
  { type: 'extend', reservationId: 'r4', userId: null, ttlMs: 1, idempotency },
  { type: 'expire', limit: 5, idempotency },
  { type: 'expire', limit: 7, idempotency },
  { type: 'createProduct', sku: 'c', totalStock: 1, details: { ...details, maxPerUser: 2 }, idempotency },
  { type: 'updateProduct', sku: 'd', patch: { maxPerUser: 3 }, idempotency },
  { type: 'updateProduct', sku: 'e', patch: { maxPerUser: null }, idempotency },
  { type: 'adjustStock', sku: 'a', delta: -4, reason: null, idempotency },
  { type: 'adjustStock', sku: 'f', delta: 4, reason: null, idempotency },
  { type: 'cancelOrder', orderId: 'o9', reason: null, idempotency },
]

describe('needsOf()', () => {
  it('collects what a batch names, and adds up what adjustments take away', () => {
    const needs = needsOf(commands, false)
    expect([...needs.taken]).toEqual([
      ['a', 4],
      ['b', 0],
      ['c', 0],
      ['d', 0],
      ['e', 0],
      ['f', 0],
    ])
    expect([...needs.added]).toEqual([['f', 4]])
    expect([...needs.shown]).toEqual(['c', 'd', 'e', 'a', 'f'])
    expect([...needs.limiting]).toEqual(['c', 'd'])
    expect(needs.reserves).toEqual([commands[0]])
    expect(needs.reservationIds).toEqual(['r2', 'r3', 'r4'])
    expect(needs.orderIds).toEqual(['o9'])
    expect(needs.keys).toEqual([key])
    expect(needs.expireLimit).toBe(12)
  })

  it('looks for the reservations of a batch that is repeated', () => {
    expect(needsOf(commands, true).reservationIds).toEqual(['r1', 'r2', 'r3', 'r4'])
  })
})
