import { afterEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../src/store/clock.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('systemClock()', () => {
  it('is the clock of the machine', () => {
    expect(Math.abs(systemClock() - Date.now())).toBeLessThan(50)
  })

  it('goes on at its pace when somebody sets the clock of the machine back (H2)', () => {
    const before = systemClock()
    const machine = vi.spyOn(Date, 'now').mockReturnValue(before - 3_600_000)
    const tick = performance.now()
    vi.spyOn(performance, 'now').mockReturnValue(tick + 2_000)
    const later = systemClock()
    expect(later - before).toBeGreaterThanOrEqual(2_000)
    expect(later - before).toBeLessThan(2_100)
    machine.mockReturnValue(later + 7)
    expect(systemClock()).toBe(later + 7)
  })
})
