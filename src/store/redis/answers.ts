import type { Accepted, Command, Outcome, Reserve, Result } from '../../domain/command.ts'
import { engineScope } from '../../domain/facts.ts'
import { limits } from '../../domain/limits.ts'
import { viewOrder, type OrderRow } from '../../domain/order.ts'
import { viewProduct, type Money } from '../../domain/product.ts'
import type { Refusal } from '../../domain/refusals.ts'
import { mergeLines, viewReservation, type Reservation } from '../../domain/reservation.ts'
import { viewStock } from '../../domain/stock.ts'
import type { Prior } from './commands.ts'
import { readProduct, readReleases, readReservation, readStock } from './rows.ts'

/** What lua/batch/decide.lua replied to one command: the time a plain reservation expires at, or a letter and fields. */
export type Reply = number | string

/** What the script could not answer. `unknown`: the reservation is not in Redis, so the ledger has the answer; `unsettled`: it will have it when it has all of the journal. `stale`: what was read before is not true any more; ask again. `after`: an earlier command of the batch has the same key, and the ledger its answer. */
export type Open = 'unknown' | 'unsettled' | 'stale' | 'after'

export interface Batch {
  readonly now: number
  /** Of each sku. */
  readonly prices: ReadonlyMap<string, Money | null>
}

export function readReply(command: Command, reply: Reply, batch: Batch, prior: Prior | undefined): Outcome | Open {
  if (typeof reply === 'number') return accept(reserved(command as Reserve, reply, batch), true)
  if (reply === 'u') return 'unknown'
  if (reply === 'y') return 'unsettled'
  if (reply === 'a') return 'after'
  if (reply === 'g') return 'stale'
  if (reply === 'v') return { ok: false, refusal: problemOf(prior) }
  if (reply.startsWith('=')) {
    const first = readAccepted(reply.slice(1))
    return { ...first, replayed: command.idempotency?.scope !== engineScope }
  }
  const refusal = readRefusal(reply)
  return refusal === null ? readAccepted(reply) : { ok: false, refusal }
}

function accept<Value>(value: Value, created: boolean): Accepted<Value> {
  return { ok: true, value, created, replayed: false }
}

/** What `viewReservation` would say, without its copies: this is the hot path. */
function reserved({ id, userId, items, metadata }: Reserve, expiresAt: number, { now, prices }: Batch): Reservation {
  return {
    id,
    userId,
    status: 'active',
    items: mergeLines(items).map(({ sku, quantity }) => ({ sku, quantity, unitPrice: prices.get(sku) ?? null })),
    metadata,
    createdAt: now,
    expiresAt,
    expiresInMs: expiresAt - now,
    endedAt: null,
    orderId: null,
  }
}

function problemOf(prior: Prior | undefined): Refusal {
  const problem = prior?.metadata?.problem ?? prior?.update?.problem ?? prior?.createProblem
  if (problem == null) throw new Error('the script refused input that was not said to be bad')
  return problem
}

function readAccepted(reply: string): Accepted {
  const [head, ...fields] = reply.split('\t') as [string, ...string[]]
  const created = head[1] === '1'
  switch (head[0]) {
    case 'R': {
      const [now, id, ...row] = fields as [string, string, ...string[]]
      return accept(viewReservation(readReservation(id, row).row, Number(now)), created)
    }
    case 'F': {
      const [id, ...row] = fields as [string, ...string[]]
      return accept(viewOrder(placedOrder(id, row)), created)
    }
    case 'J':
      return accept(JSON.parse(fields[0]!) as Result, created)
    case 'E':
      return accept({ expired: Number(head.slice(1)) }, false)
    case 'P': {
      const [sku, stock, dueUnits, next, ...product] = fields as [string, string, string, string, string, string, string]
      return accept(viewProduct(readProduct(sku, ...product), readStock(sku, stock), readReleases(dueUnits, next)), created)
    }
    case 'S': {
      const [sku, stock, dueUnits, next] = fields as [string, string, string, string]
      return accept(viewStock(readStock(sku, stock), readReleases(dueUnits, next)), created)
    }
    case 'O': {
      const [cancelledAt, order] = fields as [string, string]
      const row = JSON.parse(order) as OrderRow
      return accept(viewOrder({ ...row, status: 'cancelled', cancelledAt: Number(cancelledAt) }), created)
    }
    default:
      throw new Error(`a reply of the script that nobody can read: ${reply}`)
  }
}

/** The order that a confirmed reservation became. */
export function placedOrder(reservationId: string, fields: readonly string[]): OrderRow {
  const { row, orderMetadata } = readReservation(reservationId, fields)
  if (row.orderId === null || row.endedAt === null) throw new Error(`the reservation ${reservationId} has no order`)
  return {
    id: row.orderId,
    reservationId,
    userId: row.userId,
    status: 'placed',
    items: row.items,
    metadata: orderMetadata,
    createdAt: row.endedAt,
    cancelledAt: null,
  }
}

const plainRefusals: Readonly<Record<string, Refusal>> = {
  o: { code: 'not_owner' },
  k: { code: 'idempotency_key_reused' },
  p: { code: 'product_exists' },
  q: { code: 'order_not_found' },
  D: { code: 'order_cancelled' },
  dc: { code: 'reservation_confirmed' },
  dx: { code: 'reservation_cancelled' },
  de: { code: 'reservation_expired' },
}

function readRefusal(reply: string): Refusal | null {
  const plain = plainRefusals[reply]
  if (plain !== undefined) return plain
  const fields = reply.slice(1).split('\t') as [string, string, string]
  switch (reply[0]) {
    case 's':
      return { code: 'insufficient_stock', items: fields[0].split(',').map(readShortage) }
    case 'n':
      return { code: 'product_not_found', sku: fields[0] }
    case 'l':
      return { code: 'user_limit_exceeded', sku: fields[0], limit: Number(fields[1]), remaining: Number(fields[2]) }
    case 'L':
      return { code: 'reservation_limit_exceeded', limit: Number(fields[0]) }
    case 'w':
      return { code: 'sale_not_started', sku: fields[0], saleStartsAt: Number(fields[1]) }
    case 'W':
      return { code: 'sale_ended', sku: fields[0], saleEndsAt: Number(fields[1]) }
    case 'b':
      return { code: 'stock_below_committed', total: Number(fields[0]), reserved: Number(fields[1]), sold: Number(fields[2]) }
    case 'T': {
      const message = `would make the total ${fields[0]}; at most ${limits.totalStockMax} are allowed`
      return { code: 'validation_failed', errors: [{ path: '/delta', message }] }
    }
    default:
      return null
  }
}

function readShortage(text: string): { sku: string; requested: number; available: number } {
  const [sku, requested, available] = text.split(':') as [string, string, string]
  return { sku, requested: Number(requested), available: Number(available) }
}
