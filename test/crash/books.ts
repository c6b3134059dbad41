import assert from 'node:assert/strict'
import type { Client, HttpAnswer } from './client.ts'

/**
 * What the clients know: every request with its answer, if one came. Nothing in here is asked of the service, so that the service cannot be
 * right by agreeing with itself.
 */

export type Kind = 'reserve' | 'confirm' | 'cancel' | 'extend' | 'cancelOrder'

export interface Call {
  readonly kind: Kind
  readonly path: string
  readonly body: object
  readonly key: string | null
  /** null: the service died before the answer came. */
  answer: HttpAnswer | null
}

interface ReservationBody {
  readonly id: string
  readonly userId: string
  readonly items: readonly { readonly sku: string; readonly quantity: number }[]
  readonly status: string
  readonly expiresAt: string
  readonly orderId: string | null
}

interface OrderBody {
  readonly id: string
  readonly reservationId: string
  readonly items: ReservationBody['items']
  readonly status: string
}

export interface KnownReservation {
  readonly made: ReservationBody
  /** Everything that was asked of it, and of its order. */
  readonly calls: Call[]
  /** The end that was seen after a crash, which must stay. */
  seenEnd: string | null
}

export interface KnownOrder {
  readonly made: OrderBody
  readonly cancels: Call[]
  seenCancelled: boolean
}

export interface Books {
  readonly reservations: Map<string, KnownReservation>
  readonly orders: Map<string, KnownOrder>
}

export function createBooks(): Books {
  return { reservations: new Map(), orders: new Map() }
}

/** Writes down what an answer says is there. */
export function note(books: Books, { kind, answer }: Call): void {
  if (answer === null || answer.status >= 300) return
  if (kind === 'reserve') {
    const made = JSON.parse(answer.text) as ReservationBody
    if (!books.reservations.has(made.id)) books.reservations.set(made.id, { made, calls: [], seenEnd: null })
  }
  if (kind === 'confirm') {
    const made = JSON.parse(answer.text) as OrderBody
    const known = books.orders.get(made.id)
    if (known === undefined) books.orders.set(made.id, { made, cancels: [], seenCancelled: false })
  }
}

/** A reservation is there, in a state that everything heard allows (H1, H2, H4, H7, O1, O3, O4). */
export async function checkReservation(client: Client, { made, calls, ...known }: KnownReservation): Promise<string | null> {
  const answer = await client.get(`/v1/reservations/${made.id}`)
  const about = `reservation ${made.id} after ${calls.map(({ kind, answer: heard }) => `${kind} ${heard?.status ?? 'unknown'}`).join(', ')}`
  assert.equal(answer.status, 200, `${about} is gone`)
  const seen = JSON.parse(answer.text) as ReservationBody
  assert.deepEqual([seen.userId, seen.items], [made.userId, made.items], about)

  let leastExpiresAt = made.expiresAt
  const mustBe = new Set<string>(known.seenEnd === null ? [] : [known.seenEnd])
  const mayBe = new Set(['active', 'expired'])
  const heardOrders = new Set<string>()
  for (const { kind, answer: heard } of calls) {
    if (kind === 'cancelOrder') continue
    if (heard === null) mayBe.add(kind === 'confirm' ? 'confirmed' : kind === 'cancel' ? 'cancelled' : 'active')
    else if (heard.status >= 300) {
      const { code } = JSON.parse(heard.text) as { code: string }
      mustBe.add(code === 'order_cancelled' ? 'confirmed' : code.replace('reservation_', ''))
    } else if (kind === 'cancel') mustBe.add('cancelled')
    else if (kind === 'confirm') {
      mustBe.add('confirmed')
      heardOrders.add((JSON.parse(heard.text) as OrderBody).id)
    } else {
      const { expiresAt } = JSON.parse(heard.text) as ReservationBody
      if (expiresAt > leastExpiresAt) leastExpiresAt = expiresAt
    }
  }
  if (mustBe.size === 0) assert.ok(mayBe.has(seen.status), `${about} is ${seen.status}`)
  else assert.deepEqual([...mustBe], [seen.status], `H1: ${about}`)
  assert.ok(seen.expiresAt >= leastExpiresAt, `H7: ${about} expires at ${seen.expiresAt}, promised was ${leastExpiresAt}`)
  assert.ok(heardOrders.size <= 1, `O2: ${about} has orders ${[...heardOrders].join(', ')}`)
  for (const id of heardOrders) assert.equal(seen.orderId, id, `O3: ${about}`)
  return seen.status === 'active' ? null : seen.status
}

/** An order is there with the content that was acknowledged (O1, O5). */
export async function checkOrder(client: Client, { made, cancels, seenCancelled }: KnownOrder): Promise<boolean> {
  const answer = await client.get(`/v1/orders/${made.id}`)
  assert.equal(answer.status, 200, `O1: order ${made.id} is gone`)
  const seen = JSON.parse(answer.text) as OrderBody & { cancelledAt: string | null }
  assert.deepEqual({ ...seen, status: '', cancelledAt: null }, { ...made, status: '', cancelledAt: null })
  const mustBeCancelled = seenCancelled || cancels.some((call) => call.answer?.status === 200)
  if (mustBeCancelled) assert.equal(seen.status, 'cancelled', `order ${made.id}`)
  else if (cancels.length === 0) assert.equal(seen.status, 'placed', `order ${made.id}`)
  return seen.status === 'cancelled'
}

/** S6: units of a sku in orders that were acknowledged and that nobody tried to cancel. */
export function certainlySold(books: Books, sku: string): number {
  let units = 0
  for (const { made, cancels, seenCancelled } of books.orders.values()) {
    if (cancels.length > 0 || seenCancelled) continue
    for (const item of made.items) if (item.sku === sku) units += item.quantity
  }
  return units
}
