import { describe, expect, it } from 'vitest'
import type { Command } from '../../src/domain/command.ts'
import { needsOf, usageWanted, wantedOf } from '../../src/domain/needs.ts'
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
    slots: [
      { name: 'one', max: 1 },
      { name: 'two', max: 2 },
    ],
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
  it('collects what a batch names, and adds up what adjustments take away and new products bring', () => {
    const needs = needsOf(commands, false)
    expect([...needs.taken]).toEqual([
      ['a', 4],
      ['b', 0],
      ['c', 0],
      ['d', 0],
      ['e', 0],
      ['f', 0],
    ])
    expect([...needs.added]).toEqual([
      ['c', 1],
      ['f', 4],
    ])
    expect([...needs.shown]).toEqual(['c', 'd', 'e', 'a', 'f'])
    expect([...needs.limiting]).toEqual(['c', 'd'])
    expect(needs.reserves).toEqual([commands[0]])
    expect(needs.reservationIds).toEqual(['r2', 'r3', 'r4'])
    expect(needs.extendedIds).toEqual(['r4'])
    expect(needs.orderIds).toEqual(['o9'])
    expect(needs.slots).toEqual(['one', 'two'])
    expect(needs.keys).toEqual([key])
    expect(needs.expireLimit).toBe(12)
  })

  it('looks for the reservations of a batch that is repeated', () => {
    expect(needsOf(commands, true).reservationIds).toEqual(['r1', 'r2', 'r3', 'r4'])
  })
})

function cart(userId: string, ...lines: readonly (readonly [sku: string, quantity: number])[]): Command {
  return {
    type: 'reserve',
    id: userId,
    userId,
    items: lines.map(([sku, quantity]) => ({ sku, quantity })),
    ttlMs: null,
    metadata: {},
    slots: [{ name: 'two', max: 3 }],
    idempotency,
  }
}

describe('wantedOf()', () => {
  const stock = (sku: string, total: number) => [sku, { sku, total, reserved: 0, sold: 0, version: 1 }] as const
  const books = new Map([stock('a', 5), stock('b', 2)])

  it('adds up what carts and adjustments ask for', () => {
    const needs = needsOf([...commands.slice(-3), cart('x', ['a', 2], ['b', 1]), cart('y', ['a', 1], ['a', 1])], false)
    const { wanted, impossible } = wantedOf(needs, books)
    expect([...wanted]).toEqual([
      ['a', 8],
      ['f', 0],
      ['b', 1],
    ])
    expect(impossible.size).toBe(0)
  })

  it('leaves out every line of a cart that could never be had, and names its skus', () => {
    const { wanted, impossible } = wantedOf(
      needsOf([cart('x', ['a', 1], ['b', 3]), cart('y', ['b', 2]), cart('z', ['gone', 1])], false),
      books,
    )
    expect([...wanted]).toEqual([
      ['a', 0],
      ['b', 2],
      ['gone', 0],
    ])
    expect([...impossible]).toEqual(['a', 'b', 'gone'])
  })

  it('counts what the batch itself puts on sale as possible', () => {
    const { wanted } = wantedOf(needsOf([commands.at(-2)!, cart('x', ['f', 4]), cart('y', ['f', 5])], false), books)
    expect(wanted.get('f')).toBe(4)
  })
})

describe('usageWanted()', () => {
  it('names each user and sku with a limit once, whether it has it already or gets it in this batch', () => {
    const needs = needsOf(
      [commands[7]!, cart('x', ['a', 1], ['a', 1], ['d', 1], ['free', 1]), cart('x', ['a', 1]), cart('y', ['a', 1])],
      false,
    )
    expect(usageWanted(needs, (sku) => sku === 'a')).toEqual([
      ['a', 'x', true],
      ['d', 'x', false],
      ['a', 'y', true],
    ])
  })
})
