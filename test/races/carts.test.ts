import { describe, expect, it } from 'vitest'
import type { Outcome, Reservation } from '../../src/index.ts'
import { createRandom, runs, seed, type Random } from '../support/random.ts'
import { accepted, nextTurn, openShop, verdict, type TestShop } from '../support/shop.ts'
import { createSometimes } from '../support/sometimes.ts'

interface Line {
  readonly sku: string
  readonly quantity: number
}

const skus = ['a', 'b', 'c', 'd', 'e', '__proto__'] as const
const roundsUsual = 30

describe('carts of several skus in crossing orders', () => {
  console.log(`HOLDFAST_SEED=${seed}`)

  it(`holds all merged lines of a cart or none, and leaves nothing over, in ${runs(roundsUsual)} rounds of 300 carts (S2, S5, S9, H3)`, async () => {
    const random = createRandom(seed)
    const sometimes = createSometimes([
      'a cart refused although some of its lines fit',
      'a sku twice in one cart',
      'a batch with both accepted and refused carts',
    ])
    for (let round = 0; round < runs(roundsUsual); round++) {
      const test = await openShop()
      const totals = new Map<string, number>(skus.map((sku) => [sku, 5 + random.int(60)]))
      for (const [sku, totalStock] of totals) accepted(await test.shop.createProduct({ sku, name: sku, totalStock }))

      const carts = Array.from({ length: 300 }, () => cartOf(random))
      const outcomes = await submitAll(test, carts, random)
      const free = new Map(totals)
      for (const [index, outcome] of outcomes.entries()) {
        const wanted = merge(carts[index]!)
        if (wanted.length < carts[index]!.length) sometimes.hit('a sku twice in one cart')
        const short = wanted.filter(({ sku, quantity }) => quantity > free.get(sku)!)
        expect(verdict(outcome)).toBe(short.length === 0 ? 'ok' : 'insufficient_stock')
        if (!outcome.ok) {
          expect(outcome.refusal).toEqual({
            code: 'insufficient_stock',
            items: short.map(({ sku, quantity }) => ({ sku, requested: quantity, available: free.get(sku)! })),
          })
          if (short.length < wanted.length) sometimes.hit('a cart refused although some of its lines fit')
          continue
        }
        expect(outcome.value.items).toEqual(wanted.map((line) => ({ ...line, unitPrice: null })))
        for (const { sku, quantity } of wanted) free.set(sku, free.get(sku)! - quantity)
      }
      for (const { outcomes: answered } of test.batches) {
        if (answered.some(({ ok }) => ok) && answered.some(({ ok }) => !ok)) sometimes.hit('a batch with both accepted and refused carts')
      }
      await expectReserved(test, totals, free)

      // Back again, in another order and partly as cancelled orders: every unit must be there for the last buyers.
      const held = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.value] : []))
      await Promise.all(random.shuffle(held).map((reservation) => giveBack(test, reservation, random)))
      test.clock.advance(600_000)
      await expectReserved(test, totals, totals)
      const lastLines = skus.map((sku) => ({ sku, quantity: totals.get(sku)! }))
      const last = await Promise.all([0, 1].map((n) => test.shop.reserve({ userId: `last-${n}`, items: random.shuffle(lastLines) })))
      expect(last.map(verdict)).toEqual(['ok', 'insufficient_stock'])
      await test.expectSound()
    }
    if (runs(roundsUsual) === roundsUsual) sometimes.expectAll('carts')
  })
})

function cartOf(random: Random): Line[] {
  const chosen = random.shuffle(skus).slice(0, 1 + random.int(4))
  const cart = chosen.map((sku) => ({ sku, quantity: 1 + random.int(3) }))
  return random.int(4) === 0 ? random.shuffle([...cart, { sku: random.pick(chosen), quantity: 1 + random.int(2) }]) : cart
}

function merge(cart: readonly Line[]): Line[] {
  const merged: Line[] = []
  for (const { sku, quantity } of cart) {
    const at = merged.findIndex((line) => line.sku === sku)
    if (at < 0) merged.push({ sku, quantity })
    else merged[at] = { sku, quantity: merged[at]!.quantity + quantity }
  }
  return merged
}

async function submitAll({ shop }: TestShop, carts: readonly Line[][], random: Random): Promise<Outcome<Reservation>[]> {
  const pending: Promise<Outcome<Reservation>>[] = []
  for (const [index, items] of carts.entries()) {
    pending.push(shop.reserve({ userId: `u${index}`, items }))
    if (random.int(15) === 0) await nextTurn()
  }
  return Promise.all(pending)
}

async function giveBack({ shop }: TestShop, { id }: Reservation, random: Random): Promise<void> {
  const way = random.int(3)
  if (way === 0) accepted(await shop.cancel(id))
  else if (way === 1) accepted(await shop.cancelOrder(accepted(await shop.confirm(id)).id))
  // The third way is to let it expire.
}

async function expectReserved(test: TestShop, totals: ReadonlyMap<string, number>, free: ReadonlyMap<string, number>): Promise<void> {
  for (const [sku, total] of totals) {
    const available = free.get(sku)!
    expect(await test.stock(sku)).toMatchObject({ total, reserved: total - available, sold: 0, available })
  }
}
