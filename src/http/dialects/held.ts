import type { Slot } from '../../domain/command.ts'
import type { Reservation } from '../../domain/reservation.ts'
import type { Holdfast } from '../../engine/holdfast.ts'
import { slotName } from '../../engine/slots.ts'

/** Reservations without ids: some older APIs know them by their user and product alone, so a user may have one at a time. The store sees to that, by a slot. */

export function oneEach(...parts: readonly string[]): Slot {
  return { name: slotName(...parts), max: 1 }
}

/** To a store it is an id like any other, and none it has. Whoever repeats a request with its key is given the first answer again, so the store is asked also where nothing was found. */
const noReservation = 'none'

/** The active reservation of this product alone: the one in the slot, else the newest that was made in another way. */
export async function heldId(shop: Holdfast, { name }: Slot, userId: string, sku: string): Promise<string> {
  const isOfSku = ({ items }: Reservation): boolean => items.length === 1 && items[0]!.sku === sku
  const occupants = await shop.reservations({ slot: name })
  const found = occupants.data.find(isOfSku) ?? (await shop.reservations({ userId, sku, status: 'active' })).data.find(isOfSku)
  return found?.id ?? noReservation
}

/** The same where the slot is all that is known. */
export async function occupantId(shop: Holdfast, slot: Slot): Promise<string> {
  return (await occupantOf(shop, slot))?.id ?? noReservation
}

export async function occupantOf(shop: Holdfast, { name }: Slot): Promise<Reservation | null> {
  return (await shop.reservations({ slot: name })).data[0] ?? null
}
