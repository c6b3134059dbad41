import { describe, expect, it } from 'vitest'
import type { Holdfast, Outcome, Reservation } from '../../src/index.ts'
import { createRandom, runs, seed } from '../support/random.ts'
import { accepted, openShop, skipRaces, verdict, type TestShop } from '../support/shop.ts'
import { createSometimes, type Sometimes } from '../support/sometimes.ts'

const ttlSeconds = 60
const total = 3
const roundsUsual = 4_000
const verbs = ['confirm', 'cancel', 'extend', 'sweep', 'buy'] as const
type Verb = (typeof verbs)[number]
type End = 'confirmed' | 'cancelled' | 'expired'

const cases = [
  'confirm lost to expiry',
  'cancel lost to expiry',
  'extend lost to expiry',
  'confirm lost to cancel',
  'cancel lost to confirm',
  'extend lost to another end',
  'confirm won one millisecond before expiry',
  'extended one millisecond before expiry and confirmed after it',
  'due while it waited in the queue',
  'its units reclaimed for a buyer in a batch without a sweep',
  'buyer refused because it was not due yet',
  'buyer got what was cancelled in the same batch',
] as const

describe.skipIf(skipRaces)('one reservation around its expiresAt', () => {
  console.log(`HOLDFAST_SEED=${seed}`)

  it(`has exactly one end in ${runs(roundsUsual)} rounds of confirm, cancel, extend, expiry and another buyer at once (H1–H7, O2, O3)`, async () => {
    const random = createRandom(seed)
    const sometimes = createSometimes(cases)
    const test = await openShop()
    const { shop, clock } = test
    accepted(await shop.createProduct({ sku: 'hot', name: 'Hot', totalStock: total }))

    for (let round = 0; round < runs(roundsUsual); round++) {
      const quantity = 1 + random.int(total)
      const made = accepted(await shop.reserve({ userId: 'owner', items: [{ sku: 'hot', quantity }], ttlSeconds }))
      const turn: Verb[] = Array.from({ length: 1 + random.int(7) }, () => random.pick(verbs))
      const decidedAt = made.expiresAt + random.pick([-1, 0, 1])
      const submittedAt = random.pick([decidedAt, made.expiresAt - 1])
      clock.set(submittedAt)
      const pending = turn.map((verb) => submit(shop, verb, made.id))
      // What counts is the clock at the decision, not when the request came.
      clock.set(decidedAt)
      const isDue = decidedAt >= made.expiresAt
      if (isDue && submittedAt < made.expiresAt) sometimes.hit('due while it waited in the queue')
      const judged = judge(turn, await Promise.all(pending), isDue, quantity, sometimes)
      await settle(test, made, quantity, judged, sometimes)
    }
    await test.expectSound()
    if (runs(roundsUsual) === roundsUsual) sometimes.expectAll('around expiresAt')
  })
})

function submit(shop: Holdfast, verb: Verb, id: string): Promise<Outcome<unknown>> {
  switch (verb) {
    case 'confirm':
      return shop.confirm(id, { userId: 'owner' })
    case 'cancel':
      return shop.cancel(id)
    case 'extend':
      return shop.extend(id, { ttlSeconds: 30 })
    case 'buy':
      return shop.reserve({ userId: 'other', items: [{ sku: 'hot', quantity: total }], ttlSeconds })
    case 'sweep':
      return shop.sweep().then((value) => ({ ok: true, value, created: false, replayed: false }))
  }
}

interface Judged {
  readonly end: End | null
  readonly bought: number
  readonly orderIds: ReadonlySet<string>
}

/** Every answer must follow from those before it; the first end wins, and time comes first of all. */
function judge(
  turn: readonly Verb[],
  answers: readonly Outcome<unknown>[],
  isDue: boolean,
  quantity: number,
  sometimes: Sometimes<(typeof cases)[number]>,
): Judged {
  let end: End | null = isDue ? 'expired' : null
  let bought = 0
  const orderIds = new Set<string>()
  for (const [index, verb] of turn.entries()) {
    const answer = answers[index]!
    const word = verdict(answer)
    const about = `${turn.join(', ')}: number ${index + 1}`
    if (verb === 'sweep') continue
    if (verb === 'buy') {
      const fits = bought === 0 && (end === 'cancelled' || end === 'expired')
      expect(word, about).toBe(fits ? 'ok' : 'insufficient_stock')
      if (fits) bought = total
      if (fits && end === 'expired' && !turn.includes('sweep')) sometimes.hit('its units reclaimed for a buyer in a batch without a sweep')
      if (fits && end === 'cancelled') sometimes.hit('buyer got what was cancelled in the same batch')
      if (!fits && end === null) sometimes.hit('buyer refused because it was not due yet')
    } else if (end === null) {
      expect(word, about).toBe('ok')
      if (verb === 'confirm') sometimes.hit('confirm won one millisecond before expiry')
      if (verb !== 'extend') end = verb === 'confirm' ? 'confirmed' : 'cancelled'
    } else {
      const isRepeat = (verb === 'confirm' && end === 'confirmed') || (verb === 'cancel' && end === 'cancelled')
      expect(word, about).toBe(isRepeat ? 'ok' : `reservation_${end}`)
      if (end === 'expired') sometimes.hit(`${verb} lost to expiry`)
      else if (verb === 'extend') sometimes.hit('extend lost to another end')
      else if (!isRepeat) sometimes.hit(verb === 'confirm' ? 'confirm lost to cancel' : 'cancel lost to confirm')
    }
    if (verb === 'confirm' && answer.ok) orderIds.add((answer.value as { id: string }).id)
  }
  return { end, bought, orderIds }
}

/** What is read afterwards is what was answered; then everything goes back, so that units that came back twice or never are seen. */
async function settle(
  { shop, clock, stock }: TestShop,
  made: Reservation,
  quantity: number,
  { end, bought, orderIds }: Judged,
  sometimes: Sometimes<(typeof cases)[number]>,
): Promise<void> {
  expect(orderIds.size, 'O2').toBe(end === 'confirmed' ? 1 : 0)
  const seen = (await shop.reservation(made.id))!
  expect(seen, 'H1, O3').toMatchObject({ status: end ?? 'active', orderId: [...orderIds][0] ?? null })
  expect(seen.expiresAt, 'H7').toBeGreaterThanOrEqual(made.expiresAt)
  const reserved = (end === null ? quantity : 0) + bought
  const sold = end === 'confirmed' ? quantity : 0
  expect(await stock('hot')).toMatchObject({ total, reserved, sold, available: total - reserved - sold })

  let lastEnd: End = end ?? 'expired'
  const orders = [...orderIds]
  if (end === null && seen.expiresAt > made.expiresAt) {
    clock.set(made.expiresAt + 1)
    orders.push(accepted(await shop.confirm(made.id)).id)
    lastEnd = 'confirmed'
    sometimes.hit('extended one millisecond before expiry and confirmed after it')
  }
  for (const id of orders) accepted(await shop.cancelOrder(id))
  clock.advance(2 * ttlSeconds * 1000)
  await shop.sweep()
  expect(await stock('hot'), 'H3').toMatchObject({ total, reserved: 0, sold: 0, available: total })
  expect((await shop.reservation(made.id))!.status, 'H2').toBe(lastEnd)
}
