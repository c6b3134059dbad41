import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Accepted, Holdfast, Order, Outcome, Reservation, Store } from '../../src/index.ts'
import type { Random } from './random.ts'
import { createSometimes, type Sometimes } from './sometimes.ts'
import { expectSound } from './sound.ts'

export const saleCases = [
  'a reservation that was open when the memory was lost',
  'a confirm acknowledged after a repeat',
  'an unknown outcome that had been executed',
] as const

export interface SaleOptions {
  readonly buyers?: number
  /** The store may lose its memory: reservations that were not confirmed may end as lost, visibly. */
  readonly isForgetful?: boolean
  /** Counts what happened to the buyers. */
  readonly sometimes?: Sometimes<(typeof saleCases)[number]>
}

/** What buyers were told, and what they could not find out. */
export interface Sale {
  /** Answers that somebody heard. */
  readonly acknowledged: number
  /** Faults that somebody heard. */
  readonly faults: number
  /** Resolves when so many more answers have been heard; rejects when that takes too long. */
  readonly moreAnswers: (count: number) => Promise<void>
  readonly moreFaults: (count: number) => Promise<void>
  /** No more purchases; those that are under way come to their end. */
  readonly stop: () => Promise<void>
  /** Everything that was acknowledged is there (O1), each reservation has one end (H1), nothing was sold twice (S6), and the audit is content. The sale must be over. */
  readonly verify: (store: Store) => Promise<void>
}

export const saleTotals: ReadonlyMap<string, number> = new Map([
  ['few', 500],
  ['many', 1_000_000],
  ['each', 100_000],
])

/** A buyer whose answer is lost asks again with the same key, so often. */
const patience = 2_000
const waitMsMax = 30_000

export async function createSaleProducts(shop: Holdfast): Promise<void> {
  for (const [sku, totalStock] of saleTotals) {
    const made = await shop.createProduct({ sku, name: sku, totalStock, ...(sku === 'each' ? { maxPerUser: 50 } : {}) })
    expect(made.ok).toBe(true)
  }
}

interface Known {
  readonly made: Reservation
  end: 'confirmed' | 'cancelled' | 'lost' | null
}

function mayHaveEndedAsLost({ end }: Known, found: Reservation | null): boolean {
  return end !== 'confirmed' && (found === null || found.status === 'lost')
}

/** Buyers at several nodes who reserve, confirm, cancel and extend, and hold on through every fault. */
export function startSale(
  shops: readonly Holdfast[],
  random: Random,
  { buyers = 24, isForgetful = false, sometimes = createSometimes(saleCases) }: SaleOptions = {},
): Sale {
  const reservations = new Map<string, Known>()
  const orders = new Map<string, Order>()
  let acknowledged = 0
  let faults = 0
  let stopped = false

  /** The same request with the same key until it is answered, each time at any of the nodes. */
  const ask = async <Value>(
    call: (shop: Holdfast, idempotencyKey: string) => Promise<Outcome<Value>>,
    isConfirm = false,
  ): Promise<Outcome<Value>> => {
    const key = `${random.int(2 ** 30)}-${random.int(2 ** 30)}`
    for (let attempt = 1; ; attempt++) {
      try {
        const outcome = await call(random.pick(shops), key)
        acknowledged++
        if (attempt > 1 && outcome.ok && isConfirm) sometimes.hit('a confirm acknowledged after a repeat')
        if (attempt > 1 && outcome.ok && outcome.replayed) sometimes.hit('an unknown outcome that had been executed')
        return outcome
      } catch (error) {
        const code = (error as { code?: unknown }).code
        if (code !== 'store_unavailable' && code !== 'overloaded') throw error
        faults++
        if (attempt > patience) throw error
        await delay(5)
      }
    }
  }

  const buy = async (): Promise<void> => {
    const skus = random.shuffle([...saleTotals.keys()]).slice(0, 1 + random.int(2))
    const items = skus.map((sku) => ({ sku, quantity: 1 + random.int(2) }))
    const reserved = await ask((shop, idempotencyKey) =>
      shop.reserve({ userId: `u${random.int(1_000)}`, items, ttlSeconds: 3_600 }, { idempotencyKey }),
    )
    if (!reserved.ok) return
    const { id } = reserved.value
    const known: Known = { made: reserved.value, end: null }
    expect(reservations.has(id), 'H2: ids are not used twice').toBe(false)
    reservations.set(id, known)
    const wish = random.pick(['confirm', 'confirm', 'cancel', 'extend', 'leave'] as const)
    if (wish === 'extend') isGranted(known, await ask((shop, idempotencyKey) => shop.extend(id, { ttlSeconds: 7_200 }, { idempotencyKey })))
    if (wish === 'confirm') {
      const order = await ask((shop, idempotencyKey) => shop.confirm(id, {}, { idempotencyKey }), true)
      if (!isGranted(known, order)) return
      known.end = 'confirmed'
      orders.set(order.value.id, order.value)
    }
    if (wish === 'cancel') {
      const ended = await ask((shop, idempotencyKey) => shop.cancel(id, {}, { idempotencyKey }))
      if (isGranted(known, ended)) known.end = 'cancelled'
    }
  }

  /** A yes; or else the reservation is lost, where that may be. */
  const isGranted = <Value>(known: Known, outcome: Outcome<Value>): outcome is Accepted<Value> => {
    if (outcome.ok) return true
    const { code } = outcome.refusal
    if (!isForgetful || (code !== 'reservation_lost' && code !== 'reservation_not_found')) {
      throw new Error(`refused: ${JSON.stringify(outcome)}`)
    }
    known.end = 'lost'
    return false
  }

  const running = Promise.all(
    Array.from({ length: buyers }, async () => {
      while (!stopped) await buy()
    }),
  )
  // Whoever waits for more answers hears of it.
  let failure: Error | null = null
  running.catch((error: unknown) => (failure ??= error instanceof Error ? error : new Error(String(error))))

  const until = async (isEnough: () => boolean, what: string): Promise<void> => {
    const deadline = performance.now() + waitMsMax
    while (!isEnough()) {
      if (failure !== null) throw failure
      if (performance.now() > deadline) throw new Error(`waited for ${what}; ${acknowledged} answers, ${faults} faults so far`)
      await delay(2)
    }
  }

  return {
    get acknowledged() {
      return acknowledged
    },
    get faults() {
      return faults
    },
    moreAnswers: (count) => {
      const goal = acknowledged + count
      return until(() => acknowledged >= goal, `${count} more answers`)
    },
    moreFaults: (count) => {
      const goal = faults + count
      return until(() => faults >= goal, `${count} more faults`)
    },
    stop: async () => {
      stopped = true
      await running
    },
    verify: async (store) => {
      await inTurns(reservations, async ([id, known]) => {
        const found = await store.reservation(id)
        if (isForgetful && mayHaveEndedAsLost(known, found)) {
          if (known.end === null) sometimes.hit('a reservation that was open when the memory was lost')
          return
        }
        const { made, end } = known
        expect(found, `reservation ${id} was acknowledged`).not.toBeNull()
        expect(found, `reservation ${id}`).toMatchObject({ status: end ?? 'active', items: made.items, createdAt: made.createdAt })
      })
      const sold = new Map<string, number>()
      await inTurns(orders, async ([id, order]) => {
        expect(await store.order(id), `order ${id} was acknowledged (O1)`).toEqual(order)
        for (const { sku, quantity } of order.items) sold.set(sku, (sold.get(sku) ?? 0) + quantity)
      })
      for (const [sku, total] of saleTotals) expect(sold.get(sku) ?? 0, `S6 of ${sku}`).toBeLessThanOrEqual(total)
      await expectSound(store)
    },
  }
}

/** A few at a time. */
async function inTurns<Item>(items: Iterable<Item>, work: (item: Item) => Promise<void>): Promise<void> {
  const queue = [...items]
  const take = async (): Promise<void> => {
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) await work(item)
  }
  await Promise.all(Array.from({ length: 16 }, take))
}
