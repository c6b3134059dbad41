import { describe, expect, it } from 'vitest'
import { createFindings, type Findings } from '../../../src/cli/simulate/findings.ts'
import type { Held, Sale } from '../../../src/cli/simulate/shop.ts'
import { createTally, type Tally } from '../../../src/cli/simulate/tally.ts'
import { checkSales, checkStock } from '../../../src/cli/simulate/verify.ts'

const ttlMs = 1_000

function tallyOf(stock: Record<string, number>): { tally: Tally; findings: Findings; broken: () => string[] } {
  const findings = createFindings()
  const tally = createTally(new Map(Object.entries(stock)), ttlMs, findings)
  const broken = (): string[] => findings.checks().flatMap(({ promise, broken: times }) => (times > 0 ? [promise] : []))
  return { tally, findings, broken }
}

const held = (id: string, ...skus: string[]): Held => ({ id, items: skus.map((sku) => ({ sku, quantity: 1 })) })

const saleOf = ({ id, items }: Held, userId = 'u'): Sale => ({ id: `order-${id}`, reservationId: id, userId, status: 'placed', items })

/** Ask at `sentAt`, hear of it 10 ms later. */
function take(tally: Tally, reservation: Held, sentAt: number): void {
  const asked = reservation.items.map((item) => item.sku)
  tally.accepted(reservation, 'u', asked, sentAt, sentAt + 10)
}

describe('createTally()', () => {
  it('S7: notices two certain holders of one unit', () => {
    const { tally, broken } = tallyOf({ a: 1 })
    take(tally, held('1', 'a'), 0)
    expect(broken()).toEqual([])
    take(tally, held('2', 'a'), 20)
    expect(broken()).toEqual(['S7'])
  })

  it('S7: notices a unit that is sold and held', () => {
    const { tally, broken } = tallyOf({ a: 1 })
    const first = held('1', 'a')
    take(tally, first, 0)
    tally.confirmed('1', saleOf(first), 20, 30)
    expect(broken()).toEqual([])
    take(tally, held('2', 'a'), 40)
    expect(broken()).toEqual(['S7'])
  })

  it('S7: claims nothing about a holder whose cancel is on its way, or whose time may be over', () => {
    const { tally, broken } = tallyOf({ a: 1 })
    take(tally, held('1', 'a'), 0)
    tally.cancelRequested('1')
    take(tally, held('2', 'a'), 20)
    take(tally, held('3', 'a'), 20 + ttlMs)
    expect(broken()).toEqual([])
    expect(tally.unitsAt(30 + ttlMs).held).toBe(1)
  })

  it('S7: claims nothing about a reservation whose answer took longer than it lasts', () => {
    const { tally, broken } = tallyOf({ a: 1 })
    tally.accepted(held('1', 'a'), 'u', ['a'], 0, ttlMs)
    take(tally, held('2', 'a'), ttlMs)
    expect(broken()).toEqual([])
  })

  it('S6: counts an oversell from the orders, and only then', () => {
    const { tally, findings, broken } = tallyOf({ a: 1, b: 1 })
    for (const reservation of [held('1', 'a', 'b'), held('2', 'a')]) {
      take(tally, reservation, 0)
      tally.confirmed(reservation.id, saleOf(reservation), 20, 30)
    }
    expect(checkSales(tally, findings)).toBe(1)
    expect(broken()).toEqual(['S6', 'S7'])
  })

  it('S5: notices a reservation that lacks a line', () => {
    const { tally, broken } = tallyOf({ a: 1, b: 1 })
    tally.accepted(held('1', 'a'), 'u', ['a', 'b'], 0, 10)
    expect(broken()).toEqual(['S5'])
  })

  it('S9: notices a unit left over although somebody wanted it', () => {
    const { tally, findings, broken } = tallyOf({ a: 1, b: 1 })
    tally.leftWanting('a')
    expect(checkSales(tally, findings)).toBe(0)
    expect(broken()).toEqual(['S9'])
  })

  it('H4: notices an end before the time, and accepts one that may have been in time', () => {
    const { tally, broken } = tallyOf({ a: 2 })
    take(tally, held('1', 'a'), 0)
    tally.toldExpired('1', ttlMs)
    expect(broken()).toEqual([])
    take(tally, held('2', 'a'), 0)
    tally.toldExpired('2', ttlMs / 2)
    expect(broken()).toEqual(['H4'])
  })

  it('H5: notices a confirm after the end', () => {
    const { tally, broken } = tallyOf({ a: 2 })
    for (const [id, sentAt] of [
      ['1', ttlMs],
      ['2', 2 * ttlMs],
    ] as const) {
      expect(broken()).toEqual([])
      take(tally, held(id, 'a'), 0)
      tally.confirmed(id, saleOf(held(id, 'a')), sentAt, sentAt + 10)
    }
    expect(broken()).toEqual(['H5'])
  })

  it('H1: notices a reservation that was given, or confirmed, twice', () => {
    const twice = tallyOf({ a: 5 })
    take(twice.tally, held('1', 'a'), 0)
    take(twice.tally, held('1', 'a'), 0)
    expect(twice.broken()).toEqual(['H1'])

    const { tally, broken } = tallyOf({ a: 5 })
    take(tally, held('1', 'a'), 0)
    tally.confirmed('1', saleOf(held('1', 'a')), 20, 30)
    tally.confirmed('1', saleOf(held('1', 'a')), 40, 50)
    expect(broken()).toEqual(['H1'])
  })

  it('O1: notices an order that is not what was reserved', () => {
    const { tally, broken } = tallyOf({ a: 1, b: 1 })
    take(tally, held('1', 'a'), 0)
    tally.confirmed('1', saleOf(held('1', 'b')), 20, 30)
    expect(broken()).toEqual(['O1'])
  })

  it('S2: notices stock figures that are not those of the buyers, and units that stay reserved', () => {
    const figures = { total: 2, reserved: 0, sold: 0, status: 'available', nextReleaseInMs: null } as const
    const right = tallyOf({ a: 2 })
    checkStock('a', figures, right.tally, right.findings)
    expect(right.broken()).toEqual([])
    for (const wrong of [{ total: 3 }, { sold: 1 }, { reserved: 1 }]) {
      const { tally, findings, broken } = tallyOf({ a: 2 })
      checkStock('a', { ...figures, ...wrong }, tally, findings)
      expect(broken()).toEqual(['S2'])
    }
  })

  it('counts as resold what a buyer got after the fresh units had gone', () => {
    const { tally } = tallyOf({ a: 1 })
    take(tally, held('1', 'a'), 0)
    tally.cancelRequested('1')
    tally.cancelled('1')
    take(tally, held('2', 'a'), 20)
    tally.confirmed('2', saleOf(held('2', 'a')), 40, 50)
    expect(tally.unitsAt(60)).toEqual({ held: 0, sold: 1, resold: 1, cancelled: 1, expired: 0 })
  })
})
