import type { Event } from '../../domain/event.ts'
import type { Order } from '../../domain/order.ts'
import type { Reservation } from '../../domain/reservation.ts'
import type { Store } from '../port.ts'
import { linesMax, type Findings } from './findings.ts'
import type { Fold } from './fold.ts'
import { allOrders, allReservations } from './pages.ts'

/** Which reservations and orders make the difference of one sku: those whose row and events disagree, or else all that hold units. */
export async function explainSku(store: Store, fold: Fold, sku: string): Promise<readonly string[]> {
  const lines: string[] = []
  const holders: string[] = []
  const unitsOf = (thing: Reservation | Order): number => thing.items.find((item) => item.sku === sku)?.quantity ?? 0

  for await (const reservation of allReservations(store, sku)) {
    if (lines.length >= linesMax) return lines
    const { id, status, expiresAt, orderId } = reservation
    const units = unitsOf(reservation)
    const isOpen = fold.isOpen(reservation)
    if (status === 'active') {
      if (!isOpen) lines.push(`reservation ${id}: ${units} reserved in its row, not by the events`)
      else if (holders.length < linesMax) holders.push(`reservation ${id}: ${units} reserved until ${new Date(expiresAt).toISOString()}`)
    } else if (isOpen && status !== 'expired') {
      lines.push(`reservation ${id}: ${units} reserved by the events, ${status} in its row`)
    }
    if (status === 'confirmed' && (await store.order(orderId ?? '')) === null) {
      lines.push(`reservation ${id}: ${units} confirmed, without an order`)
    }
  }
  for (const [id, items] of fold.open) {
    const units = items.find((item) => item.sku === sku)?.quantity ?? 0
    if (units > 0 && (await store.reservation(id)) === null) lines.push(`reservation ${id}: ${units} reserved by the events, without a row`)
  }
  for await (const order of allOrders(store)) {
    const units = unitsOf(order)
    if (lines.length >= linesMax) return lines.slice(0, linesMax)
    if (units === 0 || order.status !== 'placed') continue
    const reservation = await store.reservation(order.reservationId)
    if (reservation?.status !== 'confirmed' || reservation.orderId !== order.id) {
      lines.push(`order ${order.id}: ${units} sold, its reservation is ${reservation?.status ?? 'missing'}`)
    } else if (holders.length < linesMax) holders.push(`order ${order.id}: ${units} sold`)
  }
  for await (const event of allEvents(store)) {
    if (lines.length >= linesMax) break
    if (event.type !== 'order.created' && event.type !== 'order.cancelled') continue
    const told = event.data as Order
    const order = unitsOf(told) === 0 ? told : await store.order(told.id)
    if (order === null) lines.push(`order ${told.id}: ${unitsOf(told)} sold by event ${event.id}, without a row`)
    else if (event.type === 'order.cancelled' && order.status === 'placed') {
      lines.push(`order ${told.id}: ${unitsOf(told)} back on sale by event ${event.id}, placed in its row`)
    }
  }
  if (lines.length > 0) return lines.slice(0, linesMax)
  const verdict = holders.length === 0 ? 'no reservation and no order has units of it' : 'rows and events agree on these'
  return [...holders.slice(0, linesMax - 1), verdict]
}

/** The sums of rows and events differ: find the rows and events that do. */
export async function explainPairs(store: Store, fold: Fold, findings: Findings): Promise<void> {
  for await (const { id, status, orderId } of allReservations(store)) {
    if (status !== 'confirmed') continue
    const order = orderId === null ? null : await store.order(orderId)
    if (order === null) findings.row('O3', `reservation ${id}: confirmed, without an order`)
    else if (order.reservationId !== id)
      findings.row('O3', `reservation ${id}: confirmed, its order ${order.id} is of ${order.reservationId}`)
  }
  for await (const { id, reservationId } of allOrders(store)) {
    const reservation = await store.reservation(reservationId)
    if (reservation === null) findings.row('O3', `order ${id}: its reservation ${reservationId} is missing`)
    else if (reservation.status !== 'confirmed')
      findings.row('O3', `order ${id}: its reservation ${reservationId} is ${reservation.status}`)
    else if (reservation.orderId !== id)
      findings.row('O2', `order ${id}: its reservation ${reservationId} has the order ${reservation.orderId}`)
  }
  for await (const event of allEvents(store)) await compareWithRow(store, fold, event, findings)
}

async function compareWithRow(store: Store, fold: Fold, event: Event, findings: Findings): Promise<void> {
  switch (event.type) {
    case 'reservation.confirmed':
    case 'reservation.cancelled':
    case 'reservation.expired':
    case 'reservation.lost': {
      const { id } = event.data as Reservation
      const status = event.type.slice('reservation.'.length)
      const row = await store.reservation(id)
      // Open again by a later event: that was found while folding.
      if (row?.status !== status && !fold.open.has(id)) {
        findings.row('H1', `reservation ${id}: ${status} by event ${event.id}, ${row?.status ?? 'missing'} in its row`)
      }
      return
    }
    case 'order.created': {
      const { id } = event.data as Order
      if ((await store.order(id)) === null) findings.row('O3', `order ${id}: made by event ${event.id}, without a row`)
      return
    }
    case 'order.cancelled': {
      const { id } = event.data as Order
      const order = await store.order(id)
      if (order?.status === 'placed') findings.row('O3', `order ${id}: cancelled by event ${event.id}, placed in its row`)
      return
    }
    default:
  }
}

async function* allEvents(store: Store): AsyncGenerator<Event, void, void> {
  let cursor: string | null = null
  for (;;) {
    const page = await store.events({ limit: 500, cursor })
    if (page.data.length === 0) return
    yield* page.data
    cursor = page.nextCursor
  }
}
