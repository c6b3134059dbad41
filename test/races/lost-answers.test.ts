import { describe, expect, it } from 'vitest'
import { faultCode, type Outcome } from '../../src/index.ts'
import { lossyStore, type Loss } from '../support/lossy-store.ts'
import { createRandom, runs, seed } from '../support/random.ts'
import { accepted, nextTurn, openShop } from '../support/shop.ts'
import { createSometimes } from '../support/sometimes.ts'

const roundsUsual = 12

describe('a store that loses requests and answers', () => {
  console.log(`HOLDFAST_SEED=${seed}`)

  it(`never makes a buyer pay twice or sells a unit twice, in ${runs(roundsUsual)} rounds of 100 buyers (S6, O1, O4, I1)`, async () => {
    const random = createRandom(seed)
    const sometimes = createSometimes([
      'batch repeated after its answer was lost',
      'batch repeated after its request was lost',
      'buyer hears of a fault and asks again',
      'unknown outcome that had been committed',
      'sold out',
    ])
    for (let round = 0; round < runs(roundsUsual); round++) {
      let losing = true
      const test = await openShop({
        wrap: (store) =>
          lossyStore(store, () => {
            const loss: Loss = losing ? random.pick(['nothing', 'nothing', 'request', 'answer']) : 'nothing'
            if (loss !== 'nothing') sometimes.hit(`batch repeated after its ${loss} was lost`)
            return loss
          }),
      })
      const { shop, clock, stock, expectSound } = test
      const total = 40
      await untilHeard(() => shop.createProduct({ sku: 'gem', name: 'Gem', totalStock: total }, { idempotencyKey: 'create' }))

      const orders = new Map<string, string>()
      const buy = async (userId: string): Promise<void> => {
        const items = [{ sku: 'gem', quantity: 1 }]
        // Who asks again without a key makes another reservation; the first expires if it was made.
        const options = random.int(2) === 0 ? {} : { idempotencyKey: userId }
        const reserved = await untilHeard(() => shop.reserve({ userId, items }, options))
        if (!reserved.ok) return sometimes.hit('sold out')
        const { id } = reserved.value
        if (random.int(4) === 0) return void accepted(await untilHeard(() => shop.cancel(id)))
        orders.set(id, accepted(await untilHeard(() => shop.confirm(id))).id)
      }
      const arrivals: Promise<void>[] = []
      for (let buyer = 0; buyer < 100; buyer++) {
        arrivals.push(buy(`buyer-${buyer}`))
        if (random.int(8) === 0) await nextTurn()
      }
      await Promise.all(arrivals)
      losing = false

      clock.advance(600_000)
      expect(orders.size, 'S6').toBeLessThanOrEqual(total)
      expect(await stock('gem')).toMatchObject({ reserved: 0, sold: orders.size })
      for (const [reservationId, id] of orders) expect(await shop.order(id)).toMatchObject({ reservationId, status: 'placed' })
      await expectSound()
    }
    if (runs(roundsUsual) === roundsUsual) sometimes.expectAll('lost answers')

    /** Asks as a client does: after a fault, the same again with the same key. */
    async function untilHeard<Value>(ask: () => Promise<Outcome<Value>>): Promise<Outcome<Value>> {
      for (let attempt = 1; ; attempt++) {
        try {
          const outcome = await ask()
          if (attempt > 1 && outcome.ok && (outcome.replayed || !outcome.created)) sometimes.hit('unknown outcome that had been committed')
          return outcome
        } catch (error) {
          expect(faultCode(error)).toBe('store_unavailable')
          sometimes.hit('buyer hears of a fault and asks again')
        }
      }
    }
  })
})
