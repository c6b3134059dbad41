import fc from 'fast-check'

/** A run is a list of steps. They name reservations and orders by number, so that every part of a run is a run and can be shrunk. */

export const skus = ['a', 'b.2', '__proto__', 'constructor'] as const
export const users = ['u1', 'u2', '__proto__'] as const
export const base = Date.UTC(2026, 11, 1, 18)

/** Objects as a caller writes them, with a prototype. */
const plain = { noNullPrototype: true } as const

/** The last is rarely on sale, and never at first. */
const sku = fc.oneof(
  { weight: 24, arbitrary: fc.constantFrom('a', 'b.2', '__proto__') },
  { weight: 2, arbitrary: fc.constant('constructor') },
  { weight: 1, arbitrary: fc.constant('unknown') },
)
const userId = fc.constantFrom(...users)
/** Mostly what happened last; one in many is an id that does not exist. */
const which = fc.oneof({ weight: 6, arbitrary: fc.nat(3) }, { weight: 6, arbitrary: fc.nat(40) }, { weight: 1, arbitrary: fc.constant(-1) })
const owner = fc.constantFrom('nobody', 'nobody', 'owner', 'owner', 'other')
const ttlSeconds = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 90 }), fc.constant(86_400))

const optional = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> => fc.option(arbitrary, { nil: undefined })
const nullable = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> => fc.option(arbitrary, { nil: null, freq: 2 })

const metadata = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.dictionary(fc.constantFrom('note', '__proto__', 'ü'), fc.constantFrom('', 'x', '"🎟"'), { maxKeys: 2, ...plain }),
  },
  // Two of these together are more than an order may carry.
  {
    weight: 1,
    arbitrary: fc.constantFrom('a', 'b').map((letter) => Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`${letter}${i}`, '1']))),
  },
)
const price = fc.record({ amount: fc.nat(5_000), currency: fc.constantFrom('EUR', 'EUR', 'EUR', 'USD') }, plain)
/** Mostly a window that is open; the ends are inside what a run can reach. */
const startsAt = fc.constantFrom(base - 1, base, base + 5_000, base + 60_000)
const endsAt = fc.constantFrom(base, base + 5_000, base + 60_000, base + 40 * 60 * 60 * 1000)
const details = {
  name: fc.constantFrom('one', 'two'),
  description: nullable(fc.constant('text')),
  price: nullable(price),
  maxPerUser: nullable(fc.integer({ min: 1, max: 5 })),
  reservationTtlSeconds: nullable(ttlSeconds),
  saleStartsAt: fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: startsAt }),
  saleEndsAt: fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: endsAt }),
}
const item = fc.record({ sku, quantity: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 4 })) }, plain)

const productInput = (ofSkus: readonly string[]) =>
  fc.record(
    { sku: fc.constantFrom(...ofSkus), totalStock: fc.nat(12), ...details },
    { requiredKeys: ['sku', 'name', 'totalStock'], ...plain },
  )

const write = fc.oneof(
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('createProduct' as const), input: productInput(skus) }) },
  {
    weight: 2,
    arbitrary: fc.record({ verb: fc.constant('updateProduct' as const), sku, input: fc.record(details, { requiredKeys: [], ...plain }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      verb: fc.constant('adjustStock' as const),
      sku,
      delta: fc.oneof(
        { weight: 12, arbitrary: fc.constantFrom(-3, -2, -1, 1, 2, 3) },
        { weight: 1, arbitrary: fc.constant(1_000_000_000) },
      ),
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      verb: fc.constant('reserve' as const),
      userId,
      items: fc.array(item, { minLength: 1, maxLength: 4 }),
      ttlSeconds: optional(ttlSeconds),
      metadata: optional(metadata),
    }),
  },
  { weight: 6, arbitrary: fc.record({ verb: fc.constant('confirm' as const), which, owner, metadata: optional(metadata) }) },
  { weight: 4, arbitrary: fc.record({ verb: fc.constant('cancel' as const), which, owner }) },
  { weight: 4, arbitrary: fc.record({ verb: fc.constant('extend' as const), which, owner, ttlSeconds }) },
  { weight: 3, arbitrary: fc.record({ verb: fc.constant('cancelOrder' as const), which, reason: optional(fc.constant('why')) }) },
)

const asked = fc.record({
  write,
  key: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.constantFrom('k1', 'k2', 'k3') }),
  /** How often the very same request is sent in this turn. */
  copies: fc.constantFrom(1, 1, 1, 1, 1, 1, 2, 3),
})
/** A request of an earlier turn with a key, as it was. */
const repeat = fc.record({ repeat: fc.nat(20) })
const sweep = fc.record({ sweep: fc.constant(true as const) })
const one = fc.oneof({ weight: 16, arbitrary: asked }, { weight: 2, arbitrary: repeat }, { weight: 1, arbitrary: sweep })

const turn = fc.record({
  turn: fc.oneof(
    { weight: 2, arbitrary: fc.array(one, { minLength: 1, maxLength: 1 }) },
    { weight: 1, arbitrary: fc.array(one, { minLength: 2, maxLength: 8 }) },
  ),
})
const single = fc.record({ turn: fc.array(one, { minLength: 1, maxLength: 1 }) })
const advance = fc.oneof(
  { weight: 2, arbitrary: fc.record({ byMs: fc.constantFrom(1, 999, 1_000, 5_000, 30_000) }) },
  { weight: 1, arbitrary: fc.record({ byMs: fc.constantFrom(600_000, 23 * 60 * 60 * 1000, 24 * 60 * 60 * 1000) }) },
  { weight: 6, arbitrary: fc.record({ toExpiryOf: fc.nat(3), offsetMs: fc.constantFrom(-1, 0, 0, 1) }) },
)
const page = fc.integer({ min: 1, max: 5 })
const lists = fc.record({
  limit: page,
  userId: nullable(userId),
  sku: nullable(fc.constantFrom(...skus)),
  status: nullable(fc.constantFrom('active' as const, 'confirmed' as const, 'cancelled' as const, 'expired' as const, 'lost' as const)),
})
const reopen = fc.record({ reopen: fc.constant(true as const) })
const lose = fc.record({ lose: fc.constant(true as const) })

const moves = [
  { weight: 4, arbitrary: advance },
  { weight: 1, arbitrary: fc.record({ lists }) },
]
const steps = <Kind>(kind: fc.Arbitrary<Kind>): fc.Arbitrary<Kind[]> => fc.array(kind, { minLength: 1, maxLength: 30, size: 'max' })

/** Products come first in every run, because without them nothing else happens. */
export const opening = fc.tuple(productInput(['a']), productInput(['b.2']), productInput(['__proto__']))
export const stepsInMemory = steps(fc.oneof({ weight: 12, arbitrary: turn }, ...moves))
export const stepsOnFile = steps(fc.oneof({ weight: 12, arbitrary: turn }, ...moves, { weight: 2, arbitrary: reopen }))
/** The store may lose its memory. */
export const stepsInRedis = steps(
  fc.oneof({ weight: 12, arbitrary: turn }, ...moves, { weight: 1, arbitrary: reopen }, { weight: 1, arbitrary: lose }),
)
export const stepsOneByOne = steps(fc.oneof({ weight: 12, arbitrary: single }, ...moves))

type Generated<Of> = Of extends fc.Arbitrary<infer Values> ? Values : never
export type WriteStep = Generated<typeof write>
export type OneStep = Generated<typeof one>
export type Step = Generated<typeof stepsInRedis>[number]
export type Opening = Generated<typeof opening>
