import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Fault } from '../../src/domain/faults.ts'
import { createHoldfast, sqliteStore, type Store } from '../../src/index.ts'
import { startRetention, type RetentionTime } from '../../src/engine/retention.ts'
import { accepted } from '../support/shop.ts'
import { manualClock } from '../support/clock.ts'

const day = 86_400_000

/** Time that goes by only while somebody sleeps, and at `work`; after some sleeps it stands still. */
function countedTime(sleepsMax: number) {
  const sleeps: number[] = []
  let ticks = 0
  let ended = (): void => {}
  const end = new Promise<void>((resolve) => (ended = resolve))
  const sleep: RetentionTime['sleep'] = async (ms, signal) => {
    if (sleeps.length === sleepsMax) {
      ended()
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      return
    }
    sleeps.push(ms)
    ticks += ms
    await nextTurn()
  }
  return { sleeps, end, sleep, ticks: () => ticks, work: (ms: number) => void (ticks += ms) }
}

/** A sale that is 100 days old: 1,000 reservations, of which all but one expired. */
async function openOld(): Promise<Store> {
  const clock = manualClock()
  const store = await sqliteStore({ path: ':memory:', clock })
  const shop = createHoldfast({ store: { ...store, close: async () => {} }, expiry: 'manual' })
  accepted(await shop.createProduct({ sku: 'a', name: 'A', totalStock: 10_000 }))
  const reserve = () =>
    shop.reserve({ userId: 'ann', items: [{ sku: 'a', quantity: 1 }], ttlSeconds: 1 }, { idempotencyKey: `${Math.random()}` })
  await Promise.all(Array.from({ length: 1_000 }, reserve))
  clock.advance(1_000)
  await shop.sweep()
  accepted(await reserve())
  await shop.close()
  clock.advance(100 * day)
  return store
}

describe('retention', () => {
  it('looks once a minute, and removes in steps that take a twentieth of the time', async () => {
    const store = await openOld()
    const time = countedTime(24)
    const steps: string[] = []
    const prune: Store['execute'] extends never ? never : NonNullable<Store['retention']>['prune'] = async (query) => {
      const { events, reservations, answers } = await store.retention!.prune(query)
      steps.push(`${Math.sign(events)}${Math.sign(reservations)}${Math.sign(answers)}`)
      expect(events + reservations + answers).toBeLessThanOrEqual(256)
      time.work(3)
      return { events, reservations, answers, more: events + reservations + answers > 0 }
    }
    const stop = startRetention({ retention: { prune }, keep: {}, isBusy: () => false, time })
    await time.end
    await stop()
    expect(time.sleeps[0]).toBe(60_000)
    const pauses = time.sleeps.slice(1, steps.indexOf('000') + 1)
    expect(new Set(pauses)).toEqual(new Set([3 * 19]))
    // Events and answers in turns, then what ended, and nothing more from then on.
    expect([...new Set(steps)].toSorted()).toEqual(['000', '001', '010', '100'])
    expect(time.sleeps.slice(pauses.length + 1).every((ms) => ms === 60_000)).toBe(true)
    expect((await store.events({ limit: 200, cursor: null })).data.length).toBeLessThan(20)
    await store.close()
  })

  it('gives way while commands wait, goes on after a fault, and stops at once', async () => {
    const store = await openOld()
    const time = countedTime(6)
    let looks = 0
    let calls = 0
    const prune: NonNullable<Store['retention']>['prune'] = async (query) => {
      if (++calls === 1) throw new Fault('store_unavailable', 'away')
      return { ...(await store.retention!.prune(query)), more: true }
    }
    const stop = startRetention({ retention: { prune }, keep: {}, isBusy: () => ++looks <= 3, time })
    await time.end
    expect(time.sleeps).toEqual([60_000, 20, 20, 20, 60_000, 10])
    await stop()
    expect(calls).toBe(3)
    expect((await store.retention!.removed()).events).not.toBeNull()
    await store.close()
  })

  it('is told what is a bug, and keeps what it is told to keep', async () => {
    const time = countedTime(2)
    const reports: unknown[] = []
    const queries: unknown[] = []
    const bug = new TypeError('a bug')
    const stop = startRetention({
      retention: {
        prune: async (query) => {
          queries.push(query)
          throw bug
        },
      },
      keep: { eventsMs: null, reservationsMs: day },
      isBusy: () => false,
      time,
      report: (error) => reports.push(error),
    })
    await time.end
    await stop()
    expect(reports).toEqual([bug, bug])
    expect(queries[0]).toEqual({ eventsMs: null, reservationsMs: day, answersMs: day, limit: 256 })
  })

  it('is off in a library that does not ask for it, and ends with the shop', async () => {
    for (const keep of [undefined, {}]) {
      const store = await openOld()
      const shop = createHoldfast({ store, expiry: 'manual', keep })
      await shop.close()
      await expect(shop.events()).rejects.toMatchObject({ code: 'closed' })
    }
  })
})
