import assert from 'node:assert/strict'
import { expect } from 'vitest'
import type { Sometimes } from '../support/sometimes.ts'
import { certainlySold, checkOrder, checkReservation, note, type Books, type Call } from './books.ts'
import type { Client } from './client.ts'
import { totals } from './load.ts'

export const cases = [
  'killed with requests in flight',
  'unknown outcome that had been committed',
  'unknown outcome that had not',
  'acknowledged and repeated with its key',
  'reservation that expired',
  'order cancelled',
] as const

/** After a restart: asks for everything that the calls touched, and repeats those that have a key. */
export async function judge(
  client: Client,
  books: Books,
  calls: readonly Call[],
  sometimes: Sometimes<(typeof cases)[number]>,
): Promise<void> {
  await checkTouched(client, books, calls)
  await inTurns(calls, async (call) => {
    if (call.key === null) return
    const heard = call.answer
    const answer = await client.post(call.path, call.body, call.key)
    assert.ok(answer !== null, 'the service ended while nobody killed it')
    if (heard !== null) {
      // Refusals are not kept: a retry may succeed.
      if (heard.status >= 300) return
      assert.deepEqual(answer, { ...heard, isReplay: true }, 'I2: the first answer again, byte for byte')
      sometimes.hit('acknowledged and repeated with its key')
      return
    }
    sometimes.hit(answer.isReplay ? 'unknown outcome that had been committed' : 'unknown outcome that had not')
    call.answer = answer
    note(books, call)
    if (answer.status >= 300) return
    const twice = await client.post(call.path, call.body, call.key)
    assert.deepEqual(twice, { ...answer, isReplay: true }, 'O4: an unknown outcome resolves to one answer')
  })
  await checkTouched(client, books, calls)
  for (const [sku, total] of totals) expect(certainlySold(books, sku), `S6 of ${sku}`).toBeLessThanOrEqual(total)
}

async function checkTouched(client: Client, books: Books, calls: readonly Call[]): Promise<void> {
  const reservations = new Set<string>()
  const orders = new Set<string>()
  for (const { kind, path, answer } of calls) {
    const [, , collection, id = ''] = path.split('/')
    if (id !== '') (collection === 'orders' ? orders : reservations).add(id)
    if (answer === null || answer.status >= 300) continue
    const made = JSON.parse(answer.text) as { id: string }
    if (kind === 'reserve') reservations.add(made.id)
    if (kind === 'confirm') orders.add(made.id)
  }
  await check(client, books, reservations, orders)
}

/** Every reservation and order that anybody ever heard of. */
export function checkEverything(client: Client, books: Books): Promise<void> {
  return check(client, books, books.reservations.keys(), books.orders.keys())
}

async function check(client: Client, books: Books, reservations: Iterable<string>, orders: Iterable<string>): Promise<void> {
  await inTurns(reservations, async (id) => {
    const known = books.reservations.get(id)!
    known.seenEnd = await checkReservation(client, known)
  })
  await inTurns(orders, async (id) => {
    const known = books.orders.get(id)!
    known.seenCancelled = await checkOrder(client, known)
  })
}

/** A few at a time. */
async function inTurns<Item>(items: Iterable<Item>, work: (item: Item) => Promise<void>): Promise<void> {
  const queue = [...items]
  const take = async (): Promise<void> => {
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) await work(item)
  }
  await Promise.all(Array.from({ length: 16 }, take))
}
