import { describe, expect, it } from 'vitest'
import { Fault, faultCode } from '../../src/domain/faults.ts'
import { limits, metadataProblem } from '../../src/domain/limits.ts'
import { viewOrder } from '../../src/domain/order.ts'
import { viewProduct } from '../../src/domain/product.ts'
import { explainRefusal, type Refusal } from '../../src/domain/refusals.ts'
import { isDue, mergeLines, viewReservation } from '../../src/domain/reservation.ts'
import { viewStock } from '../../src/domain/stock.ts'
import { now, order, product, reservation, seen, stock } from './facts.ts'

describe('viewStock()', () => {
  it.each([
    [stock('a', 5), 0, { available: 5, status: 'available' }],
    [stock('a', 5, { reserved: 4 }), 0, { available: 1, status: 'available' }],
    [stock('a', 5, { reserved: 2, sold: 3 }), 0, { available: 0, status: 'all_reserved' }],
    [stock('a', 5, { sold: 5 }), 0, { available: 0, status: 'sold_out' }],
    [stock('a', 0), 0, { available: 0, status: 'sold_out' }],
    [stock('a', 5, { reserved: 5 }), 1, { available: 1, reserved: 4, status: 'available' }],
    [stock('a', 5, { reserved: 5 }), 5, { available: 5, reserved: 0, status: 'available' }],
  ])('of %j with %i due is %j', (row, dueUnits, expected) => {
    expect(viewStock(row, { dueUnits, nextReleaseAt: null })).toMatchObject({ version: row.version, ...expected })
  })

  it('tells when the next units may come back', () => {
    expect(viewStock(stock('a', 5), { dueUnits: 0, nextReleaseAt: now })).toMatchObject({ nextReleaseAt: now })
    expect(viewProduct(product('a'), stock('a', 5), { dueUnits: 0, nextReleaseAt: now })).toMatchObject({
      sku: 'a',
      stock: { nextReleaseAt: now },
    })
  })
})

describe('viewReservation()', () => {
  it('reads as expired from expiresAt on', () => {
    const row = reservation('r', { a: 1 })
    expect(viewReservation(row, row.expiresAt - 1)).toEqual(seen(row, 1))
    expect(viewReservation(row, row.expiresAt)).toEqual(seen({ ...row, status: 'expired', endedAt: row.expiresAt }, 0))
  })

  it('leaves another end as it was', () => {
    const row = reservation('r', { a: 1 }, { status: 'cancelled', endedAt: 5, expiresAt: 9 })
    expect(isDue(row, now)).toBe(false)
    expect(viewReservation(row, now)).toEqual(seen(row, 0))
  })
})

describe('mergeLines()', () => {
  it.each([
    [[['a', 1]], [['a', 1]]],
    [
      [
        ['a', 1],
        ['b', 2],
      ],
      [
        ['a', 1],
        ['b', 2],
      ],
    ],
    [
      [
        ['b', 1],
        ['a', 2],
        ['b', 3],
      ],
      [
        ['b', 4],
        ['a', 2],
      ],
    ],
    [
      [
        ['__proto__', 1],
        ['constructor', 1],
        ['__proto__', 1],
      ],
      [
        ['__proto__', 2],
        ['constructor', 1],
      ],
    ],
  ] as [[string, number][], [string, number][]][])('makes of %j %j', (given, merged) => {
    const toLines = (pairs: [string, number][]) => pairs.map(([sku, quantity]) => ({ sku, quantity }))
    expect(mergeLines(toLines(given))).toEqual(toLines(merged))
  })
})

describe('viewOrder()', () => {
  const totalOf = (...prices: ({ amount: number; currency: string } | null)[]) => {
    const items = prices.map((unitPrice, index) => ({ sku: `sku-${index}`, quantity: index + 1, unitPrice }))
    return viewOrder(order('o', { ...reservation('r', {}), items })).total
  }
  const eur = (amount: number) => ({ amount, currency: 'EUR' })

  it('adds up what all lines cost', () => {
    expect(totalOf(eur(100), eur(1))).toEqual(eur(102))
    expect(totalOf(eur(0))).toEqual(eur(0))
  })

  it('has no total if a price is missing or the currencies differ', () => {
    expect(totalOf(eur(100), null)).toBeNull()
    expect(totalOf(null, eur(100))).toBeNull()
    expect(totalOf(eur(100), { amount: 100, currency: 'USD' })).toBeNull()
    expect(totalOf()).toBeNull()
  })

  it('is exact for the largest cart', () => {
    const items = Array.from({ length: 20 }, (_, index) => ({
      sku: `sku-${index}`,
      quantity: limits.quantityMax,
      unitPrice: eur(limits.priceAmountMax),
    }))
    const { total } = viewOrder(order('o', { ...reservation('r', {}), items }))
    expect(total).toEqual(eur(2_000_000_000_000_000))
    expect(Number.isSafeInteger(total?.amount)).toBe(true)
  })
})

describe('metadataProblem()', () => {
  it('allows 16 keys', () => {
    const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))
    expect(metadataProblem({})).toBeNull()
    expect(metadataProblem(pairs(16))).toBeNull()
    expect(metadataProblem(pairs(17))).toBe('has 17 keys; at most 16 are allowed')
  })

  it.each([
    ['x', 1],
    ['é', 2],
    ['€', 3],
    ['😀', 4],
    ['"', 2],
    ['\n', 2],
    ['\u0001', 6],
  ])('counts %j as %i bytes of JSON', (text, bytes) => {
    const around = Buffer.byteLength(JSON.stringify({ k: '' }))
    const room = 2_048 - around
    const full = { k: text.repeat(Math.floor(room / bytes)) + 'x'.repeat(room % bytes) }
    expect(Buffer.byteLength(JSON.stringify(full))).toBe(2_048)
    expect(metadataProblem(full)).toBeNull()
    expect(metadataProblem({ k: `${full.k}x` })).toBe('is 2049 bytes of JSON; at most 2048 are allowed')
  })
})

describe('explainRefusal()', () => {
  const refusals: Refusal[] = [
    {
      code: 'validation_failed',
      errors: [
        { path: '/a', message: 'is required' },
        { path: '', message: 'must be an object' },
      ],
    },
    { code: 'product_not_found', sku: 'a' },
    { code: 'reservation_not_found' },
    { code: 'order_not_found' },
    { code: 'not_owner' },
    { code: 'product_exists' },
    {
      code: 'insufficient_stock',
      items: [
        { sku: 'a', requested: 2, available: 1 },
        { sku: 'b', requested: 3, available: 0 },
      ],
    },
    { code: 'user_limit_exceeded', sku: 'a', limit: 2, remaining: 1 },
    { code: 'reservation_limit_exceeded', limit: 2 },
    { code: 'reservation_limit_exceeded', limit: 1 },
    { code: 'sale_not_started', sku: 'a', saleStartsAt: 1 },
    { code: 'sale_ended', sku: 'a', saleEndsAt: 1 },
    { code: 'reservation_confirmed' },
    { code: 'reservation_cancelled' },
    { code: 'reservation_expired' },
    { code: 'reservation_lost' },
    { code: 'order_cancelled' },
    { code: 'stock_below_committed', total: 3, reserved: 2, sold: 1 },
    { code: 'idempotency_key_reused' },
  ]

  it('has another sentence for every refusal', () => {
    const sentences = refusals.map(explainRefusal)
    expect(new Set(sentences).size).toBe(refusals.length)
    expect(sentences.filter((sentence) => sentence.length < 15 || /undefined|\[object/.test(sentence))).toEqual([])
  })

  it('names what a person needs to know', () => {
    expect(explainRefusal(refusals[0]!)).toBe('/a is required; must be an object')
    expect(explainRefusal(refusals[6]!)).toBe('Of "a" 2 were requested and 1 are available. Of "b" 3 were requested and 0 are available.')
  })
})

describe('faultCode()', () => {
  it('knows a fault by its name and code, also one of another copy of this package', () => {
    const cause = new Error('disk')
    const fault = new Fault('store_unavailable', 'away', cause)
    expect([faultCode(fault), fault.cause, fault.message]).toEqual(['store_unavailable', cause, 'away'])
    expect('cause' in new Fault('closed', 'closed')).toBe(false)
    expect(faultCode(Object.assign(new Error('x'), { name: 'Fault', code: 'closed' }))).toBe('closed')
    expect([new Error('x'), 'closed', null, { name: 'Fault', code: 'closed' }].map(faultCode)).toEqual([null, null, null, null])
  })
})
