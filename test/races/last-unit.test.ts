import { describe, expect, it } from 'vitest'
import { serve } from '../../src/http/serve.ts'
import { createRandom, runs, seed } from '../support/random.ts'
import { accepted, nextTurn, openShop, verdict } from '../support/shop.ts'

const buyers = Array.from({ length: 200 }, (_, index) => `buyer-${index}`)

describe('the last unit', () => {
  console.log(`HOLDFAST_SEED=${seed}`)

  it('goes to exactly one of 200 buyers who ask in the same turn (S1, S6, S9)', async () => {
    const { shop, stock, batches, expectSound } = await openShop()
    accepted(await shop.createProduct({ sku: 'last', name: 'Last', totalStock: 1 }))
    batches.length = 0
    const outcomes = await Promise.all(buyers.map((userId) => shop.reserve({ userId, items: [{ sku: 'last', quantity: 1 }] })))
    expect(batches.map(({ commands }) => commands.length)).toEqual([200])
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1)
    const refusal = { code: 'insufficient_stock', items: [{ sku: 'last', requested: 1, available: 0 }] }
    for (const outcome of outcomes) if (!outcome.ok) expect(outcome.refusal).toEqual(refusal)
    expect(await stock('last')).toMatchObject({ reserved: 1, sold: 0, available: 0, status: 'all_reserved' })
    await expectSound()
  })

  it('is sold once however the buyers arrive, and everything is sold in the end (S1, S6, S9, U1)', async () => {
    const random = createRandom(seed)
    for (let round = 0; round < runs(40); round++) {
      const { shop, stock, expectSound } = await openShop()
      const total = 1 + random.int(12)
      const maxPerUser = random.pick([null, 1, 2])
      accepted(await shop.createProduct({ sku: 'few', name: 'Few', totalStock: total, maxPerUser }))
      let sold = 0
      const soldTo = new Map<string, number>()
      const buy = async (userId: string): Promise<void> => {
        const quantity = 1 + random.int(3)
        const reserved = await shop.reserve({ userId, items: [{ sku: 'few', quantity }] })
        if (!reserved.ok) return
        // Some change their mind, and what they leave must find another buyer.
        if (random.int(3) === 0) accepted(await shop.cancel(reserved.value.id))
        else {
          accepted(await shop.confirm(reserved.value.id, { userId }))
          sold += quantity
          soldTo.set(userId, (soldTo.get(userId) ?? 0) + quantity)
        }
      }
      const arrivals: Promise<void>[] = []
      for (const userId of random.shuffle([...buyers, ...buyers])) {
        arrivals.push(buy(userId))
        if (random.int(20) === 0) await nextTurn()
      }
      await Promise.all(arrivals)
      const rest = Array.from({ length: total }, async (_, index) => {
        const reserved = await shop.reserve({ userId: `late-${index}`, items: [{ sku: 'few', quantity: 1 }] })
        if (!reserved.ok) return
        const order = accepted(await shop.confirm(reserved.value.id))
        sold += order.items[0]!.quantity
      })
      await Promise.all(rest)
      expect(sold).toBe(total)
      expect(await stock('few')).toMatchObject({ total, reserved: 0, sold: total, available: 0, status: 'sold_out' })
      if (maxPerUser !== null) expect(Math.max(...soldTo.values())).toBeLessThanOrEqual(maxPerUser)
      await expectSound()
    }
  })

  it('keeps every limit per user against many requests of one user at once (U1)', async () => {
    const { shop, expectSound } = await openShop()
    accepted(await shop.createProduct({ sku: 'two-each', name: 'Two each', totalStock: 100, maxPerUser: 2 }))
    const ask = () =>
      Promise.all(Array.from({ length: 50 }, () => shop.reserve({ userId: 'one', items: [{ sku: 'two-each', quantity: 1 }] })))
    const outcomes = await ask()
    expect(outcomes.map(verdict).toSorted()).toEqual([...Array<string>(2).fill('ok'), ...Array<string>(48).fill('user_limit_exceeded')])
    for (const outcome of outcomes) if (outcome.ok) accepted(await shop.confirm(outcome.value.id))
    expect((await ask()).map(verdict)).toEqual(Array<string>(50).fill('user_limit_exceeded'))
    await expectSound()
  })

  it('goes to exactly one of 200 buyers over HTTP (S1, S6)', async () => {
    const service = await serve({ host: '127.0.0.1', port: 0, storeUrl: 'sqlite::memory:', version: '0', report: () => {} })
    try {
      const post = (path: string, body: object) =>
        fetch(`${service.address}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
      expect((await post('/v1/products', { sku: 'last', name: 'Last', totalStock: 1 })).status).toBe(201)
      const answers = await Promise.all(buyers.map((userId) => post('/v1/reservations', { userId, items: [{ sku: 'last', quantity: 1 }] })))
      expect(answers.map(({ status }) => `${status}`).toSorted()).toEqual(['201', ...Array<string>(199).fill('409')])
      const { id } = (await answers.find(({ status }) => status === 201)!.json()) as { id: string }
      const confirms = await Promise.all(Array.from({ length: 20 }, () => post(`/v1/reservations/${id}/confirm`, {})))
      expect(confirms.map(({ status }) => `${status}`).toSorted()).toEqual([...Array<string>(19).fill('200'), '201'])
      expect(new Set(await Promise.all(confirms.map((answer) => answer.text()))).size).toBe(1)
    } finally {
      await service.close()
    }
  })
})
