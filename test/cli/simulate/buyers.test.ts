import { describe, expect, it } from 'vitest'
import { planBuyer, spread } from '../../../src/cli/simulate/buyers.ts'
import type { SimulateOptions } from '../../../src/cli/simulate/options.ts'

const skus = ['a', 'b', 'c']
const options: SimulateOptions = {
  buyers: 2_000,
  stock: 500,
  skus: 3,
  confirm: 0.7,
  abandon: 0.2,
  concurrency: 1,
  ttlSeconds: 2,
  maxLines: 2,
  seed: 42,
}
const crowd = (seed: number) => Array.from({ length: options.buyers }, (_, index) => planBuyer(index, skus, { ...options, seed }))

describe('planBuyer()', () => {
  it('makes the same crowd from the same seed, and another from another', () => {
    expect(crowd(42)).toEqual(crowd(42))
    expect(crowd(43)).not.toEqual(crowd(42))
  })

  it('keeps to the shares, the cart size and the time to think', () => {
    const buyers = crowd(42)
    const shareOf = (fate: string): number => buyers.filter((buyer) => buyer.fate === fate).length / buyers.length
    expect(shareOf('confirm')).toBeCloseTo(0.7, 1)
    expect(shareOf('abandon')).toBeCloseTo(0.2, 1)
    expect(new Set(buyers.map((buyer) => buyer.skus.length))).toEqual(new Set([1, 2]))
    expect(buyers.filter((buyer) => new Set(buyer.skus).size !== buyer.skus.length || buyer.thinkMs >= 1_000)).toEqual([])
  })
})

describe('spread()', () => {
  it('puts every unit on sale', () => {
    expect([...spread(500, skus).values()]).toEqual([167, 167, 166])
  })
})
