import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type {
  AdjustStock,
  Cancel,
  CancelOrder,
  Command,
  Confirm,
  CreateProduct,
  Expire,
  Extend,
  Idempotency,
  Outcome,
  OutcomeOf,
  Reserve,
  Results,
  Slot,
  UpdateProduct,
} from '../../domain/command.ts'
import type { Event } from '../../domain/event.ts'
import type { Metadata } from '../../domain/limits.ts'
import type { ProductDetails } from '../../domain/product.ts'
import type { Refusal } from '../../domain/refusals.ts'
import type { ReservationLine } from '../../domain/reservation.ts'
import type { Stock } from '../../domain/stock.ts'
import type { Store } from '../port.ts'
import type { Opened } from './harness.ts'

/** One promise of the port, tried on an empty store. It throws when the promise is broken. */
export interface ConformanceTest {
  readonly name: string
  /** What the harness must be able to do; null: any. */
  readonly needs: 'durable' | null
  run(context: Context): Promise<void>
}

export interface Group {
  readonly name: string
  readonly tests: readonly ConformanceTest[]
}

export function group(name: string, tests: Readonly<Record<string, ConformanceTest['run']>>): Group {
  return { name, tests: Object.entries(tests).map(([title, run]) => ({ name: title, needs: null, run })) }
}

/** What a test has in hand. Functions as properties, so that a test may take out what it needs. */
export interface Context {
  /** The store that is open now; another one after `reopen`. */
  readonly store: Store
  readonly advance: (ms: number) => Promise<void>
  readonly reopen: () => Promise<void>
  /** One command in a batch of its own. */
  readonly run: <C extends Command>(command: C) => Promise<OutcomeOf<C>>
  /** Several in one. */
  readonly batch: <const C extends readonly Command[]>(...commands: C) => Promise<OutcomesOf<C>>
  /** A command that must be accepted; its value. */
  readonly done: <C extends Command>(command: C) => Promise<Results[C['type']]>
  /** A command that must be refused with exactly this. */
  readonly refused: (command: Command, refusal: Refusal) => Promise<void>
  readonly stock: (sku: string) => Promise<Stock>
  readonly events: () => Promise<readonly Event[]>
}

export type OutcomesOf<C extends readonly Command[]> = { -readonly [Index in keyof C]: OutcomeOf<C[Index]> }

export function createContext(opened: Opened): Context {
  let { store } = opened
  const run = async <C extends Command>(command: C): Promise<OutcomeOf<C>> => (await store.execute([command]))[0] as OutcomeOf<C>
  return {
    get store() {
      return store
    },
    advance: async (ms) => opened.advance(ms),
    reopen: async () => {
      assert.ok(opened.reopen, 'a durable harness can reopen')
      store = await opened.reopen()
    },
    run,
    batch: async (...commands) => (await store.execute(commands)) as OutcomesOf<typeof commands>,
    done: async (command) => valueOf(await run(command)),
    refused: async (command, refusal) => assert.deepEqual(await run(command), { ok: false, refusal }),
    stock: async (sku) => {
      const product = await store.product(sku)
      assert.ok(product, `there is a product ${sku}`)
      return product.stock
    },
    events: () => readEvents(store),
  }
}

export function valueOf<Value>(outcome: Outcome<Value>): Value {
  assert.ok(outcome.ok, `is accepted, not ${JSON.stringify(outcome)}`)
  return outcome.value
}

export async function readEvents(store: Store, after: string | null = null): Promise<readonly Event[]> {
  const events: Event[] = []
  for (let cursor = after; ;) {
    const page = await store.events({ limit: 200, cursor })
    if (page.data.length === 0) return events
    events.push(...page.data)
    cursor = page.nextCursor
  }
}

export function newId(): string {
  return randomUUID()
}

/** `{ a: 2, b: 1 }` for two units of a and one of b; a list where order or duplicates matter. */
export type Cart = Readonly<Record<string, number>> | readonly ReservationLine[]

function linesOf(cart: Cart): readonly ReservationLine[] {
  return Array.isArray(cart) ? cart : Object.entries(cart).map(([sku, quantity]) => ({ sku, quantity }))
}

export const details: ProductDetails = {
  name: 'A thing',
  description: null,
  price: null,
  maxPerUser: null,
  reservationTtlSeconds: null,
  saleStartsAt: null,
  saleEndsAt: null,
}

interface Keyed {
  readonly idempotency?: Idempotency | null
}

export function key(name: string, { scope = 'shop', fingerprint = 'a request' } = {}): Idempotency {
  return { scope, key: name, fingerprint }
}

/** The commands, with the defaults of the engine. */

export function createProduct(
  sku: string,
  totalStock: number,
  { idempotency = null, ...more }: Partial<ProductDetails> & Keyed = {},
): CreateProduct {
  return { type: 'createProduct', sku, totalStock, details: { ...details, ...more }, idempotency }
}

export function updateProduct(sku: string, patch: Partial<ProductDetails>, { idempotency = null }: Keyed = {}): UpdateProduct {
  return { type: 'updateProduct', sku, patch, idempotency }
}

export function adjustStock(
  sku: string,
  delta: number,
  { reason = null, idempotency = null }: { reason?: string | null } & Keyed = {},
): AdjustStock {
  return { type: 'adjustStock', sku, delta, reason, idempotency }
}

interface ReserveOptions extends Keyed {
  readonly id?: string
  readonly ttlMs?: number | null
  readonly metadata?: Metadata
  readonly slots?: readonly Slot[]
}

export function reserve(userId: string, cart: Cart, options: ReserveOptions = {}): Reserve {
  const { id = newId(), ttlMs = null, metadata = {}, slots = [], idempotency = null } = options
  return { type: 'reserve', id, userId, items: linesOf(cart), ttlMs, metadata, slots, idempotency }
}

interface EndOptions extends Keyed {
  readonly userId?: string | null
}

export function confirm(
  reservationId: string,
  { orderId = newId(), userId = null, metadata = {}, idempotency = null }: EndOptions & { orderId?: string; metadata?: Metadata } = {},
): Confirm {
  return { type: 'confirm', reservationId, orderId, userId, metadata, idempotency }
}

export function cancel(reservationId: string, { userId = null, idempotency = null }: EndOptions = {}): Cancel {
  return { type: 'cancel', reservationId, userId, idempotency }
}

export function extend(reservationId: string, ttlMs: number, { userId = null, idempotency = null }: EndOptions = {}): Extend {
  return { type: 'extend', reservationId, userId, ttlMs, idempotency }
}

export function expire(limit = 1_000): Expire {
  return { type: 'expire', limit, idempotency: null }
}

export function cancelOrder(orderId: string, { reason = null, idempotency = null }: { reason?: string | null } & Keyed = {}): CancelOrder {
  return { type: 'cancelOrder', orderId, reason, idempotency }
}

export async function buy({ done }: Context, userId: string, cart: Cart): Promise<Results['confirm']> {
  return done(confirm((await done(reserve(userId, cart))).id))
}
