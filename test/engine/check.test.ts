import { describe, expect, it } from 'vitest'
import { compileCheck, findBadText } from '../../src/engine/check.ts'
import * as schemas from '../../src/engine/schemas.ts'

const reserve = compileCheck(schemas.ReserveInput)
const create = compileCheck(schemas.CreateProductBody)
const patch = compileCheck(schemas.UpdateProductBody)
const adjust = compileCheck(schemas.AdjustStockInput)

const line = { sku: 'a', quantity: 1 }
const paths = (errors: ReturnType<typeof reserve>): string[] => (errors ?? []).map(({ path }) => path)

describe('compileCheck()', () => {
  it('accepts what is within the limits', () => {
    expect(
      reserve({ userId: 'x'.repeat(128), items: Array.from({ length: 20 }, () => line), ttlSeconds: 86_400, metadata: { k: 'v' } }),
    ).toBeNull()
    expect(reserve({ userId: '😀'.repeat(128), items: [{ sku: '__proto__', quantity: 1_000_000 }] })).toBeNull()
    expect(create({ sku: 'a', name: 'A', totalStock: 0, price: null, saleStartsAt: '2026-12-01T00:00:00+01:00' })).toBeNull()
    expect(patch({})).toBeNull()
  })

  it.each([
    [0, '/items/0/quantity'],
    [-1, '/items/0/quantity'],
    [1.5, '/items/0/quantity'],
    [1_000_001, '/items/0/quantity'],
    [1e21, '/items/0/quantity'],
    [Number.NaN, '/items/0/quantity'],
    [Infinity, '/items/0/quantity'],
    ['1', '/items/0/quantity'],
    [true, '/items/0/quantity'],
    [null, '/items/0/quantity'],
    [[1], '/items/0/quantity'],
  ])('does not take %j for a quantity, and changes nothing to make it one', (quantity, path) => {
    expect(paths(reserve({ userId: 'ann', items: [{ sku: 'a', quantity }] }))).toEqual([path])
  })

  it.each([
    [undefined, ['']],
    [null, ['']],
    [[], ['']],
    ['text', ['']],
    [{}, ['/userId', '/items']],
    [{ userId: '', items: [] }, ['/userId', '/items']],
    [{ userId: 'x'.repeat(129), items: Array.from({ length: 21 }, () => line) }, ['/userId', '/items']],
    [{ userId: 'a\nb', items: [line] }, ['/userId']],
    [{ userId: 'a\u0085b', items: [line] }, ['/userId']],
    [{ userId: 'ann', items: [line], ttlSeconds: 0 }, ['/ttlSeconds']],
    [{ userId: 'ann', items: [line], ttlSeconds: 86_401 }, ['/ttlSeconds']],
    [{ userId: 'ann', items: [{ ...line, price: 1 }] }, ['/items/0/price']],
    [{ userId: 'ann', items: [line], 'a/b~c': 1 }, ['/a~1b~0c']],
    [{ userId: 'ann', items: [line], metadata: { 'a/b': 1 } }, ['/metadata/a~1b']],
    [{ userId: 'ann', items: [{ sku: 'ä', quantity: 1 }] }, ['/items/0/sku']],
    [{ userId: 'ann', items: [{ sku: 'x'.repeat(65), quantity: 1 }] }, ['/items/0/sku']],
    [JSON.parse('{"userId":"ann","items":[{"sku":"a","quantity":1}],"__proto__":{"admin":true}}'), ['/__proto__']],
    [Object.create({ userId: 'ann', items: [line] }), ['/userId', '/items']],
  ])('points to what is wrong with %j', (value, expected) => {
    expect(paths(reserve(value)).toSorted()).toEqual(expected.toSorted())
  })

  it('says of a union what is wrong, not that a branch failed', () => {
    expect(create({ sku: 'a', name: 'A', totalStock: 1, price: { amount: -1, currency: 'eur' } })).toEqual([
      { path: '/price/amount', message: 'must be >= 0' },
      { path: '/price/currency', message: expect.stringContaining('pattern') },
    ])
    expect(paths(create({ sku: 'a', name: 'A', totalStock: 1, maxPerUser: 0, description: 5 })).toSorted()).toEqual([
      '/description',
      '/maxPerUser',
    ])
    expect(patch({ name: null })).toEqual([{ path: '/name', message: 'must be string' }])
    expect(create({ sku: 'a', name: 'A', totalStock: 1, saleEndsAt: '2026-02-30T00:00:00Z' })).toEqual([
      { path: '/saleEndsAt', message: expect.stringContaining('RFC 3339') },
    ])
  })

  it('refuses an adjustment by nothing', () => {
    for (const delta of [0, -0]) expect(adjust({ delta })).toEqual([{ path: '/delta', message: 'must not be 0' }])
    expect(adjust({ delta: -1, reason: 'x'.repeat(500) })).toBeNull()
    expect(paths(adjust({ delta: 1_000_000_001, reason: 'x'.repeat(501) }))).toEqual(['/delta', '/reason'])
  })

  it('tells at most 20 mistakes', () => {
    const unknown = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`k${index}`, 1]))
    expect(reserve({ userId: 'ann', items: [line], ...unknown })).toHaveLength(20)
  })
})

describe('findBadText()', () => {
  it.each([
    [{ a: 'x\u0000' }, '/a'],
    [{ a: [{ b: 'ok' }, { 'c/d': '\ud800' }] }, '/a/1/c~1d'],
    [{ a: '\udc00\ud800' }, '/a'],
    [{ metadata: { 'k\u0000': 'v' } }, '/metadata'],
    [{ metadata: { '\ud800': 'v' } }, '/metadata'],
    ['\u0000', ''],
  ])('finds what no store keeps in %j', (value, path) => {
    expect(findBadText(value)?.path).toBe(path)
  })

  it('takes any other text', () => {
    expect(findBadText({ a: '😀 \u0001 \u2028', b: [1, null, true, { c: 'é' }] })).toBeNull()
  })
})
