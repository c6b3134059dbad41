import { describe, expect, it } from 'vitest'
import { createMetrics, type MetricsOptions } from '../../src/operation/metrics.ts'
import type { RelayStatus } from '../../src/events/relay/relay.ts'
import { partsOf } from '../../src/operation/relay-metrics.ts'
import { createHoldfast, Fault, openStore, type Store } from '../../src/index.ts'
import { manualClock } from '../support/clock.ts'

const version = '0.0.0-test'

function metricsOf(options: Partial<MetricsOptions> = {}) {
  const metrics = createMetrics({ version, store: 'sqlite', queueLength: () => 0, ...options })
  /** Of this name, without its labels or with them. */
  const values = async (name: string): Promise<Record<string, number>> => {
    const lines = (await metrics.text()).matchAll(new RegExp(`^${name}(\\{.*\\})? (\\S+)$`, 'gm'))
    return Object.fromEntries(Array.from(lines, ([, labels = '', value]) => [labels, Number(value)]))
  }
  return { ...metrics, values }
}

async function shopOn(store: Store, metrics: ReturnType<typeof metricsOf>, queueMax?: number) {
  const shop = createHoldfast({ store: metrics.store.watch(store), expiry: 'manual', ...metrics.engine, ...(queueMax && { queueMax }) })
  await shop.createProduct({ sku: 'a', name: 'a', totalStock: 100 })
  return shop
}

const cart = { userId: 'ann', items: [{ sku: 'a', quantity: 1 }], ttlSeconds: 60 }

describe('what is told of the build', () => {
  it('names version and kinds of stores', async () => {
    const { values } = metricsOf({ store: 'redis', ledger: 'postgres' })
    expect(await values('holdfast_build_info')).toEqual({ '{version="0.0.0-test",store="redis",ledger="postgres"}': 1 })
  })
})

describe('what is told of the store', () => {
  it('counts what is active, and tells how long something that is due has waited', async () => {
    const clock = manualClock()
    let now = 0
    const metrics = metricsOf({ now: () => now })
    const shop = await shopOn(await openStore('sqlite::memory:', { clock }), metrics)
    for (let n = 0; n < 3; n++) await shop.reserve(cart)
    clock.advance(62_500)
    expect(await metrics.values('holdfast_active_reservations')).toEqual({ '': 3 })
    expect(await metrics.values('holdfast_expiry_overdue_seconds')).toEqual({ '': 2.5 })
    await shop.sweep()
    // Counting has its price, so it is not done for every look.
    expect(await metrics.values('holdfast_active_reservations')).toEqual({ '': 3 })
    now = 1_001
    expect(await metrics.values('holdfast_active_reservations')).toEqual({ '': 0 })
    expect(await metrics.values('holdfast_expiry_overdue_seconds')).toEqual({ '': 0 })
    expect(await metrics.values('holdfast_store_generation')).toEqual({})
    expect(await metrics.values('holdfast_store_up')).toEqual({ '': 1 })
    await shop.close()
  })

  it('counts at most for a fiftieth of the time, and one after the other', async () => {
    const store = await openStore('sqlite::memory:')
    let now = 0
    let counts = 0
    const countActive = async (): Promise<number> => {
      counts++
      now += 4_000
      return 5
    }
    const metrics = metricsOf({ now: () => now })
    metrics.store.watch({ ...store, vitals: { ...store.vitals!, countActive } })
    await metrics.text()
    now += 199_000
    await metrics.text()
    expect(counts).toBe(1)
    now += 1_001
    await Promise.all([metrics.text(), metrics.text()])
    expect(counts).toBe(2)
    await store.close()
  })

  it('counts again soon after a store was away', async () => {
    const store = await openStore('sqlite::memory:')
    let now = 0
    let isAway = true
    const countActive = async (): Promise<number> => {
      if (!isAway) return 5
      now += 10_000
      throw new Fault('store_unavailable', 'away')
    }
    const metrics = metricsOf({ now: () => now })
    metrics.store.watch({ ...store, vitals: { ...store.vitals!, countActive } })
    expect(await metrics.values('holdfast_active_reservations')).toEqual({})
    isAway = false
    now += 30_001
    expect(await metrics.values('holdfast_active_reservations')).toEqual({ '': 5 })
    await store.close()
  })

  it('says that a store is away, also one that keeps silent, and shows nothing of it then', async () => {
    const store = await openStore('sqlite::memory:')
    const silent = new Promise<never>(() => {})
    const metrics = metricsOf({ lookMsMax: 20 })
    for (const read of [() => Promise.reject(new Fault('store_unavailable', 'away')), () => silent]) {
      metrics.store.watch({ ...store, vitals: { read, countActive: () => silent } })
      expect(await metrics.values('holdfast_store_up')).toEqual({ '': 0 })
      expect(await metrics.values('holdfast_expiry_overdue_seconds')).toEqual({})
    }
    const { vitals: _vitals, ...without } = store
    metrics.store.watch(without)
    expect(await metrics.values('holdfast_store_up')).toEqual({ '': 1 })
    await store.close()
  })

  it('counts its faults by operation and code, and what callers were told instead of outcomes', async () => {
    const store = await openStore('sqlite::memory:')
    let failing = false
    const metrics = metricsOf()
    const shop = await shopOn(
      {
        ...store,
        execute: (...given) => (failing ? Promise.reject(new Fault('store_unavailable', 'away')) : store.execute(...given)),
        product: () => Promise.reject(new Error('a bug')),
      },
      metrics,
      2,
    )
    failing = true
    const told = await Promise.allSettled([1, 2, 3].map(() => shop.reserve(cart)))
    expect(told.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    await expect(shop.product('a')).rejects.toThrow('a bug')
    await expect(shop.events({ cursor: 'nonsense' })).rejects.toMatchObject({ code: 'invalid_cursor' })
    const faults = await metrics.values('holdfast_store_faults_total')
    expect(faults).toEqual({
      '{operation="execute",code="store_unavailable"}': 3,
      '{operation="product",code="internal"}': 1,
    })
    expect(await metrics.values('holdfast_commands_total')).toEqual({
      '{type="createProduct",outcome="accepted"}': 1,
      '{type="reserve",outcome="overloaded"}': 1,
      '{type="reserve",outcome="store_unavailable"}': 2,
    })
    await shop.close()
  })
})

describe('what is told of expiry', () => {
  it('is how many the timer gave back, and how late', async () => {
    const { engine, values } = metricsOf()
    engine.onSweep({ expired: 3, lagMs: 125 })
    engine.onSweep({ expired: 1, lagMs: 500 })
    expect(await values('holdfast_expired_reservations_total')).toEqual({ '': 4 })
    expect(await values('holdfast_expiry_lag_seconds_sum')).toEqual({ '': 0.625 })
    expect(await values('holdfast_expiry_lag_seconds_bucket')).toMatchObject({
      '{le="0.1"}': 0,
      '{le="0.25"}': 1,
      '{le="0.5"}': 2,
      '{le="+Inf"}': 2,
    })
  })
})

describe('what is told of consumers', () => {
  const one: RelayStatus = { name: 'rabbitmq', isOwner: true, parked: 0, restingForMs: null, lagMs: 1_500, sent: 7, failed: 1, givenUp: 0 }

  it('is shown by their kind, however many there are, and once for all nodes', async () => {
    const relays = [
      one,
      { ...one, name: 'webhook/1', parked: 2, lagMs: 500, restingForMs: 100 },
      { ...one, name: 'webhook/2', parked: 1, lagMs: null, sent: 1 },
      { ...one, name: 'webhook/3', isOwner: false, parked: 9, lagMs: 99_000, sent: 1 },
    ]
    const { values } = metricsOf({ relays: () => relays })
    // One endpoint that is away is its own affair.
    expect(partsOf(relays)).toEqual({ rabbitmq: 'ready', webhook: 'ready' })
    expect(partsOf([{ ...one, restingForMs: 1 }])).toEqual({ rabbitmq: 'resting' })
    expect(await values('holdfast_relay_lag_seconds')).toEqual({ '{kind="rabbitmq"}': 1.5, '{kind="webhook"}': 0.5 })
    expect(await values('holdfast_relay_parked_events')).toEqual({ '{kind="rabbitmq"}': 0, '{kind="webhook"}': 3 })
    expect(await values('holdfast_relay_resting_consumers')).toEqual({ '{kind="rabbitmq"}': 0, '{kind="webhook"}': 1 })
    expect(await values('holdfast_relay_consumers')).toEqual({ '{kind="rabbitmq"}': 1, '{kind="webhook"}': 2 })
    expect(await values('holdfast_relay_deliveries_total')).toEqual({
      '{kind="rabbitmq",outcome="sent"}': 7,
      '{kind="rabbitmq",outcome="failed"}': 1,
      '{kind="rabbitmq",outcome="given_up"}': 0,
      '{kind="webhook",outcome="sent"}': 9,
      '{kind="webhook",outcome="failed"}': 3,
      '{kind="webhook",outcome="given_up"}': 0,
    })
  })

  it('does not forget what was sent to one that is removed', async () => {
    let relays: readonly RelayStatus[] = [one, { ...one, name: 'webhook/1' }, { ...one, name: 'webhook/2' }]
    const { values } = metricsOf({ relays: () => relays })
    const sent = async () => (await values('holdfast_relay_deliveries_total'))['{kind="webhook",outcome="sent"}']
    expect(await sent()).toBe(14)
    relays = [{ ...one, name: 'webhook/2', sent: 9 }]
    expect(await sent()).toBe(16)
    relays = [{ ...one, name: 'webhook/1', sent: 1 }, relays[0]!]
    expect(await sent()).toBe(17)
    relays = [
      { ...one, name: 'webhook/1', sent: 1 },
      { ...one, name: 'webhook/2', sent: 3 },
    ]
    expect(await sent()).toBe(20)
  })
})
