import { describe, expect, it } from 'vitest'
import { adjustStock, createProduct, key, reserve, updateProduct } from '../../src/store/conformance/kit.ts'
import { decideAll, decideOne, nothing, now, product, stock } from './facts.ts'

const windowRefusal = { code: 'validation_failed', errors: [{ path: '/saleEndsAt', message: 'must be after saleStartsAt' }] }

describe('decide() on products', () => {
  it('creates a product with its books at version 1', () => {
    const { outcome, changes } = decideOne(createProduct('a', 5, { maxPerUser: 2 }), {})
    const row = product('a', { maxPerUser: 2, createdAt: now, updatedAt: now })
    const first = stock('a', 5, { version: 1 })
    expect(outcome).toMatchObject({ ok: true, value: { ...row, stock: { available: 5, status: 'available' } }, created: true })
    expect(changes).toMatchObject({
      ...nothing,
      newProducts: [row],
      newStock: [first],
      events: [{ type: 'product.created', stock: [first] }],
    })
  })

  it('says what is wrong with a product before it says that there is one', () => {
    const rows = { stock: [stock('a', 5)] }
    expect(decideOne(createProduct('a', 5), rows).outcome).toEqual({ ok: false, refusal: { code: 'product_exists' } })
    const wrong = createProduct('a', 5, { saleStartsAt: 2, saleEndsAt: 2 })
    expect(decideOne(wrong, rows).outcome).toEqual({ ok: false, refusal: windowRefusal })
  })

  it('patches, and notices when a limit is new', () => {
    const rows = { stock: [stock('a', 5)] }
    const { outcome, changes } = decideOne(updateProduct('a', { maxPerUser: 2 }), rows)
    const row = product('a', { maxPerUser: 2, updatedAt: now })
    expect(outcome).toMatchObject({ ok: true, value: { ...row, stock: { version: 7 } }, created: false })
    expect(changes).toMatchObject({
      ...nothing,
      changedProducts: [row],
      newlyLimited: ['a'],
      events: [{ type: 'product.updated', stock: [] }],
    })
    const limited = { products: [product('a', { maxPerUser: 1 })], stock: [stock('a', 5)] }
    expect(decideOne(updateProduct('a', { maxPerUser: 2 }), limited).changes.newlyLimited).toEqual([])
    expect(decideOne(updateProduct('a', { maxPerUser: null }), limited).changes.newlyLimited).toEqual([])
  })

  it('takes a patch that changes nothing for no transition', () => {
    const price = { amount: 5, currency: 'EUR' }
    const rows = { products: [product('a', { price })], stock: [stock('a', 5)] }
    for (const patch of [{}, { price }, { price: { currency: 'EUR', amount: 5 } }, { description: null }]) {
      const { outcome, changes } = decideOne(updateProduct('a', patch), rows)
      expect(outcome).toMatchObject({ ok: true, value: { updatedAt: 1 } })
      expect(changes).toEqual(nothing)
    }
  })

  it('refuses what is not there and a sale that ends before it starts', () => {
    const rows = { products: [product('a', { saleStartsAt: 10 })], stock: [stock('a', 5)] }
    expect(decideOne(updateProduct('b', {}), rows).outcome).toEqual({ ok: false, refusal: { code: 'product_not_found', sku: 'b' } })
    expect(decideOne(updateProduct('a', { saleEndsAt: 10 }), rows).outcome).toEqual({ ok: false, refusal: windowRefusal })
    expect(decideOne(updateProduct('a', { saleEndsAt: 11 }), rows).outcome.ok).toBe(true)
  })
})

describe('decide() on the total', () => {
  const rows = { stock: [stock('a', 10, { reserved: 3, sold: 4 })] }

  it('never goes below what is reserved and sold (S8)', () => {
    expect(decideOne(adjustStock('a', -4), rows).outcome).toEqual({
      ok: false,
      refusal: { code: 'stock_below_committed', total: 10, reserved: 3, sold: 4 },
    })
    expect(decideOne(adjustStock('a', -3), rows).outcome).toMatchObject({ ok: true, value: { total: 7, available: 0, version: 8 } })
  })

  it('never goes beyond 1,000,000,000', () => {
    expect(decideOne(adjustStock('a', 999_999_991), rows).outcome).toMatchObject({
      ok: false,
      refusal: { code: 'validation_failed', errors: [{ path: '/delta' }] },
    })
    expect(decideOne(adjustStock('a', 999_999_990), rows).outcome.ok).toBe(true)
  })

  it('refuses a sku that is not there', () => {
    expect(decideOne(adjustStock('b', 1), rows).outcome).toEqual({ ok: false, refusal: { code: 'product_not_found', sku: 'b' } })
  })

  it('keeps the reason with the event', () => {
    expect(decideOne(adjustStock('a', 1, { reason: 'found' }), rows).changes.events).toMatchObject([
      { type: 'stock.adjusted', reason: 'found' },
    ])
  })
})

describe('decide() on idempotency keys', () => {
  const rows = { stock: [stock('a', 10)] }

  it('stores the first answer and gives it again (I1, I2)', () => {
    const first = decideOne(reserve('ann', { a: 1 }, { idempotency: key('k') }), rows)
    expect(first.changes.answers).toHaveLength(1)
    const again = decideOne(reserve('ann', { a: 1 }, { idempotency: key('k') }), { ...rows, answers: first.changes.answers })
    expect(again.outcome).toEqual({ ...first.outcome, replayed: true })
    expect(again.changes).toEqual(nothing)
  })

  it('refuses another request, before anything else (I3)', () => {
    const { answers } = decideOne(reserve('ann', { a: 1 }, { idempotency: key('k') }), rows).changes
    const other = reserve('ann', { none: 1 }, { idempotency: key('k', { fingerprint: 'another' }) })
    expect(decideOne(other, { ...rows, answers }).outcome).toEqual({ ok: false, refusal: { code: 'idempotency_key_reused' } })
  })

  it('stores no refusal (I5)', () => {
    expect(decideOne(reserve('ann', { a: 99 }, { idempotency: key('k') }), rows).changes).toEqual(nothing)
  })

  it('keeps scopes and keys apart, whatever characters they have (I6)', () => {
    const pairs = [
      ['a', 'b'],
      ['a"', 'b'],
      ['a","b', ''],
      ['', 'a","b'],
      ['ab', ''],
      ['', 'ab'],
    ] as const
    const { outcomes } = decideAll(
      pairs.map(([scope, name]) => reserve('ann', { a: 1 }, { idempotency: key(name, { scope }) })),
      rows,
    )
    expect(outcomes.map((outcome) => outcome.ok && outcome.replayed)).toEqual(pairs.map(() => false))
  })
})
