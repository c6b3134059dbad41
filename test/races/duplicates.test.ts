import { describe, expect, it } from 'vitest'
import { serve } from '../../src/http/serve.ts'
import type { Outcome } from '../../src/index.ts'
import { createRandom, runs, seed } from '../support/random.ts'
import { accepted, nextTurn, openShop, verdict } from '../support/shop.ts'
import { createSometimes } from '../support/sometimes.ts'

const copies = Array.from({ length: 50 }, (_, index) => index)

describe('50 requests with one idempotency key at once', () => {
  console.log(`HOLDFAST_SEED=${seed}`)

  it('have one effect and equal answers, for every kind of write (I1, I2)', async () => {
    const random = createRandom(seed)
    const sometimes = createSometimes(['replayed in the batch of the first', 'replayed in a later batch'])
    for (let round = 0; round < runs(10); round++) {
      const { shop, stock, batches, expectSound } = await openShop()
      const together = async <Value>(ask: () => Promise<Outcome<Value>>): Promise<Value> => {
        const before = batches.length
        const pending: Promise<Outcome<Value>>[] = []
        for (const _ of copies) {
          pending.push(ask())
          if (random.int(25) === 0) await nextTurn()
        }
        const [first, ...others] = await Promise.all(pending)
        const value = accepted(first!)
        expect(first).toMatchObject({ replayed: false })
        for (const other of others) expect(other).toEqual({ ...first, replayed: true })
        if (batches[before]!.commands.length > 1) sometimes.hit('replayed in the batch of the first')
        if (batches.length > before + 1) sometimes.hit('replayed in a later batch')
        return value
      }
      // One key for all of them: its scope is the caller and the route (I6).
      const options = { idempotencyKey: 'same' }
      await together(() => shop.createProduct({ sku: 'one', name: 'One', totalStock: 5 }, options))
      await together(() => shop.adjustStock('one', { delta: 2 }, options))
      await together(() => shop.updateProduct('one', { maxPerUser: 3 }, options))
      const { id } = await together(() => shop.reserve({ userId: 'u', items: [{ sku: 'one', quantity: 3 }] }, options))
      await together(() => shop.extend(id, { ttlSeconds: 900 }, options))
      expect(await stock('one')).toMatchObject({ total: 7, reserved: 3, sold: 0 })
      const order = await together(() => shop.confirm(id, {}, options))
      expect(await stock('one')).toMatchObject({ total: 7, reserved: 0, sold: 3 })
      await together(() => shop.cancelOrder(order.id, {}, options))
      const again = accepted(await shop.reserve({ userId: 'u', items: [{ sku: 'one', quantity: 3 }] }))
      await together(() => shop.cancel(again.id, {}, options))
      expect(await stock('one')).toMatchObject({ total: 7, reserved: 0, sold: 0 })
      await expectSound()
    }
    if (runs(10) === 10) sometimes.expectAll('duplicates')
  })

  it('refuse those that ask for something else, without effect (I3)', async () => {
    const { shop, stock, expectSound } = await openShop()
    accepted(await shop.createProduct({ sku: 'one', name: 'One', totalStock: 10 }))
    const outcomes = await Promise.all(
      copies.map((copy) => shop.reserve({ userId: 'u', items: [{ sku: 'one', quantity: 1 + (copy % 2) }] }, { idempotencyKey: 'k' })),
    )
    expect(outcomes.map(verdict)).toEqual(copies.map((copy) => (copy % 2 === 0 ? 'ok' : 'idempotency_key_reused')))
    expect(await stock('one')).toMatchObject({ reserved: 1 })
    await expectSound()
  })

  it('do not keep a refusal: the key still buys when units come back (I5)', async () => {
    const { shop, expectSound } = await openShop()
    accepted(await shop.createProduct({ sku: 'one', name: 'One', totalStock: 0 }))
    const ask = () => shop.reserve({ userId: 'u', items: [{ sku: 'one', quantity: 1 }] }, { idempotencyKey: 'k' })
    const refused = await Promise.all(copies.map(ask))
    expect(new Set(refused.map(verdict))).toEqual(new Set(['insufficient_stock']))
    const [, ...bought] = await Promise.all([shop.adjustStock('one', { delta: 1 }), ...copies.map(ask)])
    expect(new Set(bought.map((outcome) => accepted(outcome).id)).size).toBe(1)
    await expectSound()
  })

  it('get the same bytes over HTTP, where one answer is the first and all others say that they are replays (I1, I2)', async () => {
    const service = await serve({ host: '127.0.0.1', port: 0, storeUrl: 'sqlite::memory:', version: '0', report: () => {} })
    try {
      const post = (path: string, body: object, key: string) =>
        fetch(`${service.address}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'idempotency-key': key },
          body: JSON.stringify(body),
        })
      const together = async (path: string, body: object, status: number): Promise<{ id: string }> => {
        const answers = await Promise.all(copies.map(() => post(path, body, 'same')))
        expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([status]))
        expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')).toHaveLength(copies.length - 1)
        expect(new Set(answers.map(({ headers }) => headers.get('location'))).size).toBe(1)
        const bodies = await Promise.all(answers.map((answer) => answer.text()))
        expect(new Set(bodies).size).toBe(1)
        return JSON.parse(bodies[0]!) as { id: string }
      }
      await together('/v1/products', { sku: 'one', name: 'One', totalStock: 5 }, 201)
      const { id } = await together('/v1/reservations', { userId: 'u', items: [{ sku: 'one', quantity: 2 }] }, 201)
      await together(`/v1/reservations/${id}/confirm`, {}, 201)
      const stock = await fetch(`${service.address}/v1/products/one/stock`)
      expect(await stock.json()).toMatchObject({ total: 5, reserved: 0, sold: 2 })
    } finally {
      await service.close()
    }
  })
})
