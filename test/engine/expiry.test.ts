import { describe, expect, it } from 'vitest'
import { createHoldfast, sqliteStore, type Event, type Holdfast, type Store } from '../../src/index.ts'
import type { Sweep } from '../../src/engine/expiry.ts'
import { manualClock } from '../support/clock.ts'

const product = { sku: 'a', name: 'A', totalStock: 10_000 }
const oneUnit = { userId: 'ann', items: [{ sku: 'a', quantity: 1 }] }

/** Wait for an event rather than for a time. The limit only keeps a broken timer from hanging the run. */
async function firstOf(shop: Holdfast, type: string): Promise<Event> {
  for await (const event of shop.follow({ signal: AbortSignal.timeout(20_000) })) if (event.type === type) return event
  throw new Error(`no ${type}`)
}

describe('sweep()', () => {
  it('gives back everything that is due, in as many batches as it takes', async () => {
    const clock = manualClock()
    await using shop = createHoldfast({ store: await sqliteStore({ path: ':memory:', clock }), expiry: 'manual' })
    await shop.createProduct(product)
    await Promise.all(Array.from({ length: 1_203 }, () => shop.reserve({ ...oneUnit, ttlSeconds: 60 })))
    await shop.reserve({ ...oneUnit, ttlSeconds: 61 })
    clock.advance(59_999)
    expect(await shop.sweep()).toBe(0)
    clock.advance(1)
    expect(await shop.sweep()).toBe(1_203)
    expect(await shop.sweep()).toBe(0)
    expect((await shop.product('a'))?.stock).toMatchObject({ reserved: 1, available: 9_999, version: 1 + 1_204 + 1_203 })
    expect(await shop.nextDueInMs()).toBe(1_000)
  })

  it('is not needed to sell what is due (H6)', async () => {
    const clock = manualClock()
    await using shop = createHoldfast({ store: await sqliteStore({ path: ':memory:', clock }), expiry: 'manual' })
    await shop.createProduct({ ...product, totalStock: 1 })
    await shop.reserve({ ...oneUnit, ttlSeconds: 1 })
    expect((await shop.reserve(oneUnit)).ok).toBe(false)
    clock.advance(1_000)
    expect((await shop.reserve(oneUnit)).ok).toBe(true)
  })
})

describe('the expiry timer', () => {
  it('gives back each reservation at its time, by itself (H4)', async () => {
    const sweeps: Sweep[] = []
    await using shop = createHoldfast({ store: await sqliteStore({ path: ':memory:' }), onSweep: (sweep) => sweeps.push(sweep) })
    await shop.createProduct(product)
    // The longer one first: the timer has to be set again for the shorter, and once more when that has gone.
    const [longer, shorter] = [await shop.reserve({ ...oneUnit, ttlSeconds: 2 }), await shop.reserve({ ...oneUnit, ttlSeconds: 1 })]
    await shop.reserve({ ...oneUnit, ttlSeconds: 600 })
    const expired: Event[] = []
    for await (const event of shop.follow({ signal: AbortSignal.timeout(20_000) })) {
      if (event.type === 'reservation.expired' && expired.push(event) === 2) break
    }
    expect([shorter, longer]).toMatchObject(expired.map((event) => ({ ok: true, value: { id: event.subject } })))
    for (const { time, data } of expired) expect(time).toBeGreaterThanOrEqual((data as { expiresAt: number }).expiresAt)
    expect((await shop.product('a'))?.stock.reserved).toBe(1)
    expect(sweeps.map((sweep) => sweep.expired)).toEqual([1, 1])
    // A second apart: each is late by itself, not by what came before it.
    for (const { lagMs } of sweeps) expect(lagMs).toBeLessThan(900)
  })

  it('tells how late it was, from the time that was due, when the store was away then', async () => {
    const store = await sqliteStore({ path: ':memory:' })
    let failures = 0
    const sweeps: Sweep[] = []
    await using shop = createHoldfast({
      store: {
        ...store,
        execute: (commands, options) =>
          commands[0]!.type === 'expire' && failures-- > 0 ? Promise.reject(new Error('away')) : store.execute(commands, options),
      },
      onSweep: (sweep) => sweeps.push(sweep),
    })
    await shop.createProduct(product)
    failures = 1
    await shop.reserve({ ...oneUnit, ttlSeconds: 1 })
    await firstOf(shop, 'reservation.expired')
    await expect.poll(() => sweeps).toEqual([{ expired: 1, lagMs: expect.any(Number) as number }])
    expect(sweeps[0]!.lagMs).toBeGreaterThanOrEqual(999)
  })

  it('finds what was due before it was started', async () => {
    const clock = manualClock()
    const store = await sqliteStore({ path: ':memory:', clock })
    const before = createHoldfast({ store: { ...store, close: async () => {} }, expiry: 'manual' })
    await before.createProduct(product)
    await before.reserve({ ...oneUnit, ttlSeconds: 1 })
    await before.close()
    clock.advance(5_000)
    await using shop = createHoldfast({ store })
    expect((await firstOf(shop, 'reservation.expired')).time).toBe(clock())
  })

  it('does not forget a reservation that is made while it asks when the next is due', async () => {
    const store = await sqliteStore({ path: ':memory:' })
    let letGo = (): void => {}
    const gate = new Promise<void>((resolve) => (letGo = resolve))
    let asked = (): void => {}
    const isAsked = new Promise<void>((resolve) => (asked = resolve))
    const slow: Store = {
      ...store,
      nextDueInMs: async () => {
        const next = await store.nextDueInMs()
        asked()
        await gate
        return next
      },
    }
    await using shop = createHoldfast({ store: slow })
    await isAsked
    await shop.createProduct(product)
    await shop.reserve({ ...oneUnit, ttlSeconds: 1 })
    letGo()
    expect((await firstOf(shop, 'reservation.expired')).type).toBe('reservation.expired')
  })

  it('goes on after the store was away', async () => {
    const store = await sqliteStore({ path: ':memory:' })
    let failures = 2
    const flaky: Store = {
      ...store,
      nextDueInMs: async () => {
        if (failures-- > 0) throw new Error('away')
        return store.nextDueInMs()
      },
    }
    await using shop = createHoldfast({ store: flaky })
    await shop.createProduct(product)
    await shop.reserve({ ...oneUnit, ttlSeconds: 1 })
    await shop.reserve({ ...oneUnit, ttlSeconds: 2 })
    await firstOf(shop, 'reservation.expired')
    for await (const event of shop.follow({ signal: AbortSignal.timeout(20_000) })) {
      if (event.type === 'reservation.expired' && (await shop.product('a'))?.stock.reserved === 0) return
    }
    throw new Error('a reservation is stuck')
  })

  it('does not hold up the end of the process or of the engine', async () => {
    const shop = createHoldfast({ store: await sqliteStore({ path: ':memory:' }) })
    await shop.createProduct(product)
    await shop.reserve({ ...oneUnit, ttlSeconds: 86_400 })
    await shop.close()
    await shop.close()
    await expect(shop.sweep()).rejects.toMatchObject({ code: 'closed' })
  })
})
