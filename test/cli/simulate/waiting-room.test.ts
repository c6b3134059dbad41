import { describe, expect, it } from 'vitest'
import type { StockView } from '../../../src/cli/simulate/shop.ts'
import { createWaitingRoom, type WaitingRoom } from '../../../src/cli/simulate/waiting-room.ts'

const allReserved: StockView = { total: 2, reserved: 2, sold: 0, status: 'all_reserved', nextReleaseInMs: null }
const oneFree: StockView = { total: 2, reserved: 1, sold: 0, status: 'available', nextReleaseInMs: null }
const soldOut: StockView = { total: 2, reserved: 0, sold: 2, status: 'sold_out', nextReleaseInMs: null }

/** A room before a shop that shows these figures, one after the other, and then the last one for ever. */
function roomBefore(figures: readonly StockView[], isStalled = () => false): { room: WaitingRoom; looks: () => number } {
  let looks = 0
  const stock = async (): Promise<StockView> => figures[Math.min(looks++, figures.length - 1)]!
  const onError = (error: unknown): void => {
    throw error
  }
  return { room: createWaitingRoom({ shop: { stock }, isStalled, signal: new AbortController().signal, onError }), looks: () => looks }
}

describe('createWaitingRoom()', () => {
  it('calls those who wait when units come back, and looks only once for all of them', async () => {
    const { room, looks } = roomBefore([oneFree])
    expect(await Promise.all([room.waitFor('a'), room.waitFor('a'), room.waitFor('a')])).toEqual(['come_back', 'come_back', 'come_back'])
    expect(looks()).toBe(1)
    expect(room.waiting).toBe(0)
  })

  it('calls a few more than there are units, not everybody', async () => {
    const { room } = roomBefore([oneFree, soldOut])
    const calls = await Promise.all(Array.from({ length: 10 }, () => room.waitFor('a')))
    expect(calls.filter((call) => call === 'come_back')).toHaveLength(3)
    expect(calls.filter((call) => call === 'sold_out')).toHaveLength(7)
  })

  it('looks again when it is woken, long before it would by itself', async () => {
    const { room } = roomBefore([allReserved, soldOut])
    const startedAt = performance.now()
    const call = room.waitFor('a')
    await new Promise(setImmediate)
    room.wake('a')
    expect(await call).toBe('sold_out')
    expect(performance.now() - startedAt).toBeLessThan(200)
  })

  it('sends everybody home when nothing moves any more', async () => {
    const { room } = roomBefore([allReserved], () => true)
    expect(await Promise.all([room.waitFor('a'), room.waitFor('b')])).toEqual(['closed', 'closed'])
  })
})
