import { describe, expect, it } from 'vitest'
import type { PromiseId } from '../../../src/cli/simulate/findings.ts'
import type { SimulateOptions } from '../../../src/cli/simulate/options.ts'
import { renderResult } from '../../../src/cli/simulate/report.ts'
import { simulate, type SimulationResult } from '../../../src/cli/simulate/simulation.ts'
import { faultyShop, type Fault } from './faulty-shop.ts'

const options: SimulateOptions = {
  buyers: 120,
  stock: 30,
  skus: 2,
  confirm: 0.8,
  abandon: 0,
  concurrency: 20,
  ttlSeconds: 1,
  maxLines: 2,
  seed: 1,
}

function sale(fault: Fault): Promise<SimulationResult> {
  return simulate(faultyShop(fault), options, { signal: new AbortController().signal, onStart: () => {}, onServed: () => {} })
}

const brokenIn = ({ checks }: SimulationResult): PromiseId[] => checks.filter((check) => check.broken > 0).map((check) => check.promise)

describe('simulate()', () => {
  it('finds nothing wrong with an honest shop, and counts every buyer once', async () => {
    const result = await sale('none')
    expect(brokenIn(result)).toEqual([])
    expect(result).toMatchObject({ ok: true, units: { onSale: 30, sold: 30, oversold: 0, expired: 0 } })
    const { total, bought, cancelled, walkedAway, tooLate, emptyHanded } = result.buyers
    expect(bought + cancelled + walkedAway + tooLate + emptyHanded).toBe(total)
    expect(renderResult(result)).toContain('✓ Sold 30 of 30, oversold 0. Every promise held.')
  })

  it.each<[Fault, PromiseId[]]>([
    ['sells what it has not', ['S6', 'S7']],
    ['gives back what is sold', ['S6', 'S7']],
    ['leaves out a line', ['S5']],
    ['keeps a unit to itself', ['S9']],
    ['forgets an order', ['O1']],
    ['changes an order', ['O1']],
    ['miscounts its sales', ['S2']],
    ['ends reservations early', ['H4']],
  ])('catches a shop that %s: %j', async (fault, expected) => {
    const result = await sale(fault)
    expect(result.ok).toBe(false)
    expect(brokenIn(result)).toEqual(expect.arrayContaining(expected))
    expect(renderResult(result)).toMatch(new RegExp(`✗ Sold .* Broken: .*${expected[0]}`))
  })

  it('counts the units that were oversold', async () => {
    const { units } = await sale('sells what it has not')
    expect(units.oversold).toBe(units.sold - 30)
    expect(units.oversold).toBeGreaterThan(0)
  })

  it('passes on what the audit of the shop found', async () => {
    const result = await sale('fails its audit')
    expect(result.ok).toBe(false)
    expect(brokenIn(result)).toEqual([])
    expect(renderResult(result)).toContain('Broken: the audit.')
  })

  it('stops when it is told to', async () => {
    const stop = new AbortController()
    const watch = { signal: stop.signal, onStart: () => stop.abort(new Error('enough')), onServed: () => {} }
    await expect(simulate(faultyShop('none'), options, watch)).rejects.toThrow('enough')
  })

  it('fails with the fault of a shop that does not answer any more', async () => {
    const shop = { ...faultyShop('none'), confirm: () => Promise.reject(new Error('away')) }
    const watch = { signal: new AbortController().signal, onStart: () => {}, onServed: () => {} }
    await expect(simulate(shop, options, watch)).rejects.toThrow('away')
  })
})
