import fc from 'fast-check'
import type { Command, Idempotency, Outcome } from '../../src/domain/command.ts'
import { engineScope } from '../../src/domain/facts.ts'
import { someInstant as base } from '../support/clock.ts'

/** Random commands for a store. They name reservations and orders by number, so that every part of a run is a run and can be shrunk. */

const long = (letter: string, length: number): string => letter.repeat(length)
const skus = ['a', 'b', '.', '__proto__', 'constructor', '-', '0', 'A-b_c.9', long('z', 64)] as const
const users = ['u1', 'u2', 'u 2', ' ', '"', "'", '|', ':', ',', '%s\\n', '🎟️ ä\u2028', '__proto__', '0', '-', long('x', 128)] as const

const plain = { noNullPrototype: true } as const
const nullable = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> => fc.option(arbitrary, { nil: null, freq: 2 })
const rarely = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, { weight: 1, arbitrary })

const sku = fc.oneof(
  { weight: 40, arbitrary: fc.constantFrom('a', 'b', '.', '__proto__') },
  { weight: 3, arbitrary: fc.constantFrom(...skus) },
  { weight: 1, arbitrary: fc.constant('unknown') },
)
const userId = fc.oneof({ weight: 4, arbitrary: fc.constantFrom('u1', 'u2') }, { weight: 1, arbitrary: fc.constantFrom(...users) })
const which = fc.oneof({ weight: 8, arbitrary: fc.nat(3) }, { weight: 6, arbitrary: fc.nat(60) }, { weight: 1, arbitrary: fc.constant(-1) })
const owner = fc.constantFrom('nobody', 'nobody', 'owner', 'owner', 'other')
const ttlMs = fc.oneof(
  fc.constantFrom(1_000, 2_000, 3_000),
  fc.integer({ min: 1, max: 90 }).map((seconds) => seconds * 1_000),
  fc.constant(86_400_000),
)
const metadata = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  {
    weight: 4,
    arbitrary: fc.dictionary(fc.constantFrom('note', '__proto__', 'ü'), fc.constantFrom('', 'x\t\n', '"🎟"'), { maxKeys: 2, ...plain }),
  },
  // Two of these together are more than an order may carry.
  {
    weight: 1,
    arbitrary: fc.constantFrom('a', 'b').map((letter) => Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`${letter}${i}`, '1']))),
  },
)
/** `own`: the key that the engine gives. */
const key = fc.oneof(
  { weight: 5, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constant('own' as const) },
  {
    weight: 2,
    arbitrary: fc.record({
      scope: fc.constantFrom('shop', 'a\t"🎟'),
      key: fc.constantFrom('k1', 'k2', 'k:|\t\n"'),
      fingerprint: fc.constantFrom('one', 'one', 'one', 'an\tother'),
    }),
  },
)
const quantity = fc.oneof(
  { weight: 8, arbitrary: fc.constant(1) },
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom(999_999, 1_000_000) },
)
const total = fc.oneof({ weight: 8, arbitrary: fc.nat(14) }, { weight: 1, arbitrary: fc.constantFrom(1_000_000, 2_000_001, 1_000_000_000) })
const delta = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(-4, -2, -1, 1, 2, 6) },
  { weight: 1, arbitrary: fc.constantFrom(-1_000_000_000, -1_000_000, 1_000_000, 1_000_000_000) },
)
const detailsOf = {
  name: fc.constantFrom('one', 'two'),
  description: nullable(fc.constantFrom('', 'a\ttext\n"🎟')),
  price: nullable(fc.record({ amount: fc.constantFrom(0, 5, 1_999, 100_000_000), currency: fc.constantFrom('EUR', 'EUR', 'USD') }, plain)),
  maxPerUser: nullable(fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constant(1_000_000))),
  reservationTtlSeconds: nullable(fc.constantFrom(1, 2, 5, 30, 86_400)),
  saleStartsAt: rarely(fc.constantFrom(base - 1, base, base + 2_000, base + 60_000)),
  saleEndsAt: rarely(fc.constantFrom(base, base + 2_000, base + 60_000, base + 40 * 60 * 60 * 1_000)),
}

/** What a caller may make up. */
export const slotNames = ['one', 'two', 'a\t\n"🎟\\']
const slots = fc.oneof(
  { weight: 2, arbitrary: fc.constant([]) },
  {
    weight: 1,
    arbitrary: fc.array(fc.record({ name: fc.constantFrom(...slotNames), max: fc.integer({ min: 1, max: 4 }) }, plain), {
      minLength: 1,
      maxLength: 3,
    }),
  },
)

const reserve = fc.oneof(
  // The shape that has a path of its own.
  fc.record({
    verb: fc.constant('reserve' as const),
    userId,
    items: fc.tuple(fc.record({ sku, quantity })),
    ttlMs: fc.constant(null),
    metadata: fc.constant({}),
    slots: fc.constant([]),
    key: fc.constant(null),
  }),
  fc.record({
    verb: fc.constant('reserve' as const),
    userId,
    items: fc.array(fc.record({ sku, quantity }), { minLength: 1, maxLength: 5 }),
    ttlMs: nullable(ttlMs),
    metadata,
    slots,
    key,
  }),
)
const creation = (ofSku: fc.Arbitrary<string>) =>
  fc.record({ verb: fc.constant('createProduct' as const), sku: ofSku, total, details: fc.record(detailsOf, plain), key })
const plan = fc.oneof(
  { weight: 24, arbitrary: reserve },
  { weight: 8, arbitrary: fc.record({ verb: fc.constant('confirm' as const), which, owner, metadata, key }) },
  { weight: 5, arbitrary: fc.record({ verb: fc.constant('cancel' as const), which, owner, key }) },
  { weight: 5, arbitrary: fc.record({ verb: fc.constant('extend' as const), which, owner, ttlMs, key }) },
  { weight: 4, arbitrary: fc.record({ verb: fc.constant('cancelOrder' as const), which, reason: nullable(fc.constant('a\t"why"')), key }) },
  {
    weight: 4,
    arbitrary: fc.record({ verb: fc.constant('adjustStock' as const), sku, delta, reason: nullable(fc.constant('a\t"why"')), key }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      verb: fc.constant('updateProduct' as const),
      sku,
      patch: fc.record(detailsOf, { requiredKeys: [], ...plain }),
      key,
    }),
  },
  { weight: 1, arbitrary: creation(fc.constantFrom(...skus)) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('expire' as const), limit: fc.constantFrom(1, 3, 1_000) }) },
)

const batch = fc.record({
  batch: fc.oneof(
    { weight: 4, arbitrary: fc.array(plan, { minLength: 1, maxLength: 3 }) },
    { weight: 3, arbitrary: fc.array(plan, { minLength: 1, maxLength: 12 }) },
    { weight: 1, arbitrary: fc.array(plan, { minLength: 1, maxLength: 30, size: 'max' }) },
  ),
  held: fc.boolean(),
})
/** An earlier batch once more, as when nobody heard its answer. */
const again = fc.record({ again: fc.nat(3), held: fc.boolean() })
const timeStep = fc.oneof(
  { weight: 6, arbitrary: fc.record({ toExpiryOf: fc.nat(5), offsetMs: fc.constantFrom(-1, 0, 0, 1) }) },
  { weight: 2, arbitrary: fc.record({ byMs: fc.constantFrom(1, 999, 1_000, 5_000, 30_000) }) },
  { weight: 1, arbitrary: fc.record({ byMs: fc.constantFrom(600_000, 23 * 60 * 60 * 1_000, 24 * 60 * 60 * 1_000) }) },
)

export const opening = fc.tuple(...['a', 'b', '.', '__proto__'].map((one) => creation(fc.constant(one))))
export const plannedSteps = fc.array(
  fc.oneof({ weight: 12, arbitrary: batch }, { weight: 2, arbitrary: again }, { weight: 5, arbitrary: timeStep }),
  { minLength: 1, maxLength: 60, size: 'max' },
)

type Generated<Of> = Of extends fc.Arbitrary<infer Values> ? Values : never
type Plan = Generated<typeof plan>
type PlannedStep = Generated<typeof plannedSteps>[number]

/** What is done: time goes on to an instant, or a batch is executed. `held`: what it decides stays out of the ledger for the time being, where it may. */
export type Step = { readonly at: number } | { readonly commands: readonly Command[]; readonly repeat: boolean; readonly held: boolean }
export type AnyStep = PlannedStep | Step

/** Knows what was named and heard, and so makes steps of plans. */
export class Knowing {
  /** That were made, and those of the batch that is next. */
  reservations: { readonly id: string; readonly userId: string }[] = []
  #orders: string[] = []
  readonly #clock: () => number
  readonly #batches: (readonly Command[])[] = []
  readonly #expiries = new Map<string, number>()
  readonly #keysOfEnds = new Set<string>()
  #ids = 0

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** Whether it waits for nothing that the ledger has to say or to take. */
  isAnsweredAtOnce(command: Command): boolean {
    if (command.type === 'reserve' || command.type === 'expire') return true
    return (command.type === 'cancel' || command.type === 'extend') && this.#expiries.has(command.reservationId)
  }

  hear(command: Command, outcome: Outcome): void {
    if (outcome.ok && 'expiresAt' in outcome.value) this.#expiries.set(outcome.value.id, outcome.value.expiresAt)
    if (outcome.ok && outcome.created && !outcome.replayed) return
    if (command.type === 'reserve') this.reservations = this.reservations.filter(({ id }) => id !== command.id)
    if (command.type === 'confirm') this.#orders = this.#orders.filter((id) => id !== command.orderId)
  }

  resolve(step: AnyStep): Step {
    if ('at' in step || 'commands' in step) return step
    if ('byMs' in step) return { at: this.#clock() + step.byMs }
    if ('toExpiryOf' in step) return { at: this.#expiry(step) }
    this.#keysOfEnds.clear()
    const commands = 'batch' in step ? step.batch.map((one) => this.#command(one)) : (this.#batches.at(-1 - (step.again % 4)) ?? [])
    this.#batches.push(commands)
    return { commands, repeat: 'again' in step, held: step.held }
  }

  /** One of those that come next. */
  #expiry({ toExpiryOf, offsetMs }: { readonly toExpiryOf: number; readonly offsetMs: number }): number {
    const ahead = [...this.#expiries.values()].filter((expiresAt) => expiresAt + offsetMs > this.#clock()).toSorted((a, b) => a - b)
    const expiresAt = ahead[toExpiryOf % Math.max(1, ahead.length)]
    return expiresAt === undefined ? this.#clock() : expiresAt + offsetMs
  }

  #command(one: Plan): Command {
    if (one.verb === 'expire') return { type: 'expire', limit: one.limit, idempotency: null }
    const idempotency = this.#key(one)
    switch (one.verb) {
      case 'reserve': {
        const { userId: by, items, ttlMs: ttl } = one
        const id = idOf(++this.#ids)
        this.reservations.push({ id, userId: by })
        return { type: 'reserve', id, userId: by, items, ttlMs: ttl, metadata: one.metadata, slots: one.slots, idempotency }
      }
      case 'confirm': {
        const orderId = idOf(++this.#ids)
        const named = this.#reservation(one)
        this.#orders.push(orderId)
        return { type: 'confirm', ...named, orderId, metadata: one.metadata, idempotency }
      }
      case 'cancel':
        return { type: 'cancel', ...this.#reservation(one), idempotency }
      case 'extend':
        return { type: 'extend', ...this.#reservation(one), ttlMs: one.ttlMs, idempotency }
      case 'cancelOrder':
        return { type: 'cancelOrder', orderId: nth(this.#orders, one.which) ?? idOf(0), reason: one.reason, idempotency }
      case 'adjustStock':
        return { type: 'adjustStock', sku: one.sku, delta: one.delta, reason: one.reason, idempotency }
      case 'updateProduct':
        return { type: 'updateProduct', sku: one.sku, patch: one.patch, idempotency }
      case 'createProduct':
        return { type: 'createProduct', sku: one.sku, totalStock: one.total, details: one.details, idempotency }
    }
  }

  /**
   * Of each verb its own, as each route has. For the ends of reservations a key stands once in a batch: of two different requests with one key that come at once either may be the first,
   * and the one that is answered without the ledger may be.
   */
  #key({ verb, key: chosen }: Exclude<Plan, { verb: 'expire' }>): Idempotency | null {
    if (chosen === null) return null
    if (chosen === 'own') return { scope: engineScope, key: idOf(++this.#ids), fingerprint: '' }
    const scope = `${chosen.scope} ${verb}`
    const isEnd = verb === 'confirm' || verb === 'cancel' || verb === 'extend'
    if (isEnd && this.#keysOfEnds.has(scope + chosen.key)) return null
    this.#keysOfEnds.add(scope + chosen.key)
    return { ...chosen, scope }
  }

  #reservation({ which: at, owner: by }: { readonly which: number; readonly owner: string }): {
    reservationId: string
    userId: string | null
  } {
    const named = nth(this.reservations, at)
    const asked = by === 'nobody' ? null : by === 'owner' ? (named?.userId ?? 'u1') : 'somebody else'
    return { reservationId: named?.id ?? idOf(0), userId: asked }
  }
}

function idOf(number: number): string {
  return `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`
}

/** The newest first; -1 is none. */
function nth<Row>(rows: readonly Row[], at: number): Row | undefined {
  return at < 0 || rows.length === 0 ? undefined : rows.at(-1 - (at % rows.length))
}
