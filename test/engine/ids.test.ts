import { expect, it } from 'vitest'
import { newId } from '../../src/engine/ids.ts'

it('an id tells nothing of the next: each of its last 62 bits is 0 as often as 1', () => {
  const ids = Array.from({ length: 4_000 }, newId)
  expect(new Set(ids).size).toBe(4_000)
  const ones = Array.from({ length: 62 }, () => 0)
  for (const id of ids) {
    const bits = BigInt(`0x${id.slice(19).replace('-', '')}`)
    for (const bit of ones.keys()) ones[bit]! += Number((bits >> BigInt(bit)) & 1n)
  }
  // Eight standard deviations from the middle.
  for (const count of ones) expect(Math.abs(count - 2_000)).toBeLessThan(253)
})
