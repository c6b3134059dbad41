import { describe, expect, it, onTestFinished } from 'vitest'
import type { SimulationResult } from '../../src/cli/simulate/simulation.ts'
import { temporaryFile } from '../support/folder.ts'
import { startService } from '../support/service.ts'
import { runCli } from './cli.ts'

const small = ['--buyers', '300', '--stock', '40', '--ttl', '1']

function expectSoldOut(result: SimulationResult): void {
  expect(result.checks.filter((check) => check.broken > 0)).toEqual([])
  expect(result.ok).toBe(true)
  const { buyers, units } = result
  expect(units).toMatchObject({ onSale: 40, sold: 40, oversold: 0 })
  expect(buyers.bought + buyers.cancelled + buyers.walkedAway + buyers.tooLate + buyers.emptyHanded).toBe(300)
}

describe('holdfast simulate', () => {
  it('sells every unit exactly once, in a store that is gone afterwards', async () => {
    const { code, stdout } = await runCli(['simulate', ...small, '--json'])
    const result = JSON.parse(stdout) as SimulationResult
    expectSoldOut(result)
    expect(code).toBe(0)
    expect(result.audit).toMatchObject({ ok: true, findings: [] })
    expect(result.latencyMs.reserve.p99).toBeGreaterThan(0)
  })

  it('prints a table and a verdict, and keeps a store that was named', async () => {
    const store = `sqlite:${await temporaryFile()}`
    const { code, stdout } = await runCli(['simulate', ...small, '--seed', '7', '--max-lines', '3', '--store', store])
    expect(stdout).toContain('✓ Sold 40 of 40, oversold 0. Every promise held.')
    expect(stdout).toContain('--seed 7')
    expect(code).toBe(0)
    expect((await runCli(['audit', '--store', store])).code).toBe(0)
  })

  it('sells to whoever comes when there is more than enough', async () => {
    const { code, stdout } = await runCli(['simulate', '--buyers', '20', '--stock', '100', '--skus', '1', '--ttl', '1', '--json'])
    const { ok, buyers, units } = JSON.parse(stdout) as SimulationResult
    expect({ code, ok }).toEqual({ code: 0, ok: true })
    expect(buyers.emptyHanded).toBe(0)
    expect(units.sold).toBe(buyers.bought)
  })

  it('buys from a running service and reads back what it was sold', async () => {
    const service = await startService(`sqlite:${await temporaryFile()}`)
    onTestFinished(() => service.kill())
    const { code, stdout } = await runCli(['simulate', ...small, '--url', service.address, '--concurrency', '50', '--json'])
    const result = JSON.parse(stdout) as SimulationResult
    expectSoldOut(result)
    expect(code).toBe(0)
    expect(result.ordersRead).toBe(result.buyers.bought)
    expect(await service.stop()).toBe(0)
  })

  it('says so when no service answers', async () => {
    const { code, stdout, stderr } = await runCli(['simulate', '--url', 'http://127.0.0.1:1', '--json'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^http:\/\/127\.0\.0\.1:1 does not answer \(ECONNREFUSED\)/)
  })
})
