import type { EventType, ShopEvent } from '../domain/event.ts'
import type { Order } from '../domain/order.ts'
import type { Page } from '../domain/pages.ts'
import type { Product } from '../domain/product.ts'
import type { Reservation } from '../domain/reservation.ts'
import type { Stock } from '../domain/stock.ts'

/**
 * The JSON of the service as the values of the library: instants become epoch milliseconds. It is looked at just enough to tell the thing that was
 * asked for from anything else; what the service says of it is believed.
 */

/** Not what was asked for; the message says what is wrong with it. */
export class Unreadable extends Error {}

interface Kind {
  /** Members of which each thing of this kind has a text. */
  readonly texts: readonly string[]
  readonly lists?: readonly string[]
  readonly instants: readonly string[]
  /** Instants that may be null. */
  readonly perhaps: readonly string[]
}

const kinds = {
  Stock: { texts: ['sku', 'status'], instants: [], perhaps: ['nextReleaseAt'] },
  Product: { texts: ['sku', 'name'], instants: ['createdAt', 'updatedAt'], perhaps: ['saleStartsAt', 'saleEndsAt'] },
  Reservation: { texts: ['id', 'userId', 'status'], lists: ['items'], instants: ['createdAt', 'expiresAt'], perhaps: ['endedAt'] },
  Order: { texts: ['id', 'reservationId', 'userId', 'status'], lists: ['items'], instants: ['createdAt'], perhaps: ['cancelledAt'] },
} as const satisfies Record<string, Kind>

export const readReservation = (json: unknown): Reservation => readThing('Reservation', json) as unknown as Reservation
export const readOrder = (json: unknown): Order => readThing('Order', json) as unknown as Order
export const readStock = (json: unknown): Stock => readThing('Stock', json) as unknown as Stock

export function readProduct(json: unknown): Product {
  const product = readThing('Product', json)
  return { ...product, stock: readStock(product['stock']) } as unknown as Product
}

export function readEvent(json: unknown): ShopEvent {
  const { id, type, time, subject, data } = objectOf(json, 'an Event')
  if (typeof id !== 'string' || typeof type !== 'string' || typeof subject !== 'string') throw new Unreadable('is no Event')
  // The feed numbers its events: the id of one is the cursor that goes on after it.
  return { id, cursor: id, type: type as EventType, time: instantOf('time', time), subject, data: readData(type, data) }
}

function readData(type: string, data: unknown): ShopEvent['data'] {
  const kind = type.split('.', 1)[0]
  if (kind === 'reservation') return readReservation(data)
  if (kind === 'order') return readOrder(data)
  if (kind === 'product') return readProduct(data)
  // A newer service may tell of things that nobody here knows: whoever follows must not stop at them.
  return kind === 'stock' ? readStock(data) : (data as ShopEvent['data'])
}

export function readPage<Item>(json: unknown, readItem: (json: unknown) => Item): Page<Item> {
  const { data, nextCursor } = objectOf(json, 'a Page')
  if (!Array.isArray(data) || (nextCursor !== null && typeof nextCursor !== 'string')) throw new Unreadable('is no Page')
  return { data: data.map(readItem), nextCursor }
}

export function objectOf(json: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null) throw new Unreadable(`is not ${name}`)
  return json as Readonly<Record<string, unknown>>
}

/** The order of its members stays that of the service, so that equal answers are equal text. */
function readThing(name: keyof typeof kinds, json: unknown): Record<string, unknown> {
  const { texts, lists = [], instants, perhaps }: Kind = kinds[name]
  const thing = { ...objectOf(json, `the JSON of ${name}`) }
  for (const member of texts) if (typeof thing[member] !== 'string') throw new Unreadable(`is no ${name}: it has no ${member}`)
  for (const member of lists) if (!Array.isArray(thing[member])) throw new Unreadable(`is no ${name}: it has no ${member}`)
  for (const member of instants) thing[member] = instantOf(member, thing[member])
  for (const member of perhaps) if (thing[member] !== null) thing[member] = instantOf(member, thing[member])
  return thing
}

export function instantOf(member: string, text: unknown): number {
  const instant = typeof text === 'string' ? Date.parse(text) : Number.NaN
  if (Number.isNaN(instant)) throw new Unreadable(`has no instant ${member}`)
  return instant
}
