import type { Command, Idempotency, Outcome, OutcomeOf, Refused, Results } from '../domain/command.ts'
import { limits, metadataProblem, type Metadata } from '../domain/limits.ts'
import type { Order } from '../domain/order.ts'
import type { Product } from '../domain/product.ts'
import type { InputError } from '../domain/refusals.ts'
import type { Reservation } from '../domain/reservation.ts'
import type { OrderFilter, Page, PageQuery, ReservationFilter } from '../store/port.ts'
import type { Event } from '../domain/event.ts'
import { compileCheck, findBadText, type Check } from './check.ts'
import * as commands from './commands.ts'
import { createEngine, type EngineOptions } from './engine.ts'
import type { FollowOptions } from './feed.ts'
import * as schemas from './schemas.ts'

export interface WriteOptions {
  /** 1–255 printable ASCII characters. The same key and the same request within 24 h are answered as the first time, with one effect. */
  readonly idempotencyKey?: string
}

/**
 * A shop's reservations inside a Node program. Every write answers with an outcome: `ok` with the value, or a refusal. It throws only faults
 * (`store_unavailable`, `overloaded`, `closed`); their outcome is unknown or nothing was done, and repeating with the same idempotency key is safe.
 * Instants are epoch milliseconds.
 */
export interface Holdfast extends AsyncDisposable {
  /** Set units aside for one user: all lines or none. Repeating without a key makes another reservation. */
  readonly reserve: (input: schemas.ReserveInput, options?: WriteOptions) => Promise<Outcome<Results['reserve']>>
  /** Turn a reservation into an order. Safe to repeat: the same order again, with `created` false. */
  readonly confirm: (reservationId: string, input?: schemas.ConfirmInput, options?: WriteOptions) => Promise<Outcome<Results['confirm']>>
  /** Give the units back. Safe to repeat. */
  readonly cancel: (reservationId: string, input?: schemas.CancelInput, options?: WriteOptions) => Promise<Outcome<Results['cancel']>>
  /** More time from now on; `expiresAt` never moves back. */
  readonly extend: (reservationId: string, input: schemas.ExtendInput, options?: WriteOptions) => Promise<Outcome<Results['extend']>>
  readonly createProduct: (input: schemas.CreateProductInput, options?: WriteOptions) => Promise<Outcome<Results['createProduct']>>
  /** null clears an optional property. */
  readonly updateProduct: (
    sku: string,
    patch: schemas.UpdateProductInput,
    options?: WriteOptions,
  ) => Promise<Outcome<Results['updateProduct']>>
  /** Put units on sale or take unsold ones off. Repeating without a key adds up. */
  readonly adjustStock: (sku: string, input: schemas.AdjustStockInput, options?: WriteOptions) => Promise<Outcome<Results['adjustStock']>>
  /** Undo a sale; the units are back on sale. Safe to repeat. */
  readonly cancelOrder: (
    orderId: string,
    input?: schemas.CancelOrderInput,
    options?: WriteOptions,
  ) => Promise<Outcome<Results['cancelOrder']>>

  readonly product: (sku: string) => Promise<Product | null>
  readonly products: (query?: Partial<PageQuery>) => Promise<Page<Product>>
  readonly reservation: (id: string) => Promise<Reservation | null>
  readonly reservations: (query?: Partial<PageQuery & ReservationFilter>) => Promise<Page<Reservation>>
  readonly order: (id: string) => Promise<Order | null>
  readonly orders: (query?: Partial<PageQuery & OrderFilter>) => Promise<Page<Order>>
  /** Oldest first; `nextCursor` continues, now or tomorrow. */
  readonly events: (query?: Partial<PageQuery>) => Promise<Page<Event>>
  /** Events as they come, until the signal aborts or Holdfast is closed. */
  readonly follow: (options?: FollowOptions) => AsyncGenerator<Event, void, void>

  /** Give back everything that is due now; how many reservations that were. The timer does it by itself. */
  readonly sweep: () => Promise<number>
  /** A command that is checked already, as the HTTP service gives them. */
  readonly submit: <C extends Command>(command: C) => Promise<OutcomeOf<C>>
  /** Commands that wait for the store. */
  readonly queueLength: number
  /** Milliseconds until the next reservation is due; throws `store_unavailable` when the store does not answer. */
  readonly nextDueInMs: () => Promise<number | null>
  /** Take no more, finish what is queued, close the store. Safe to repeat; `await using` does it. */
  readonly close: () => Promise<void>
}

export function createHoldfast(engineOptions: EngineOptions): Holdfast {
  const engine = createEngine(engineOptions)
  const { store } = engine

  const write = async <C extends Command>(
    verb: string,
    check: Check,
    params: readonly string[],
    input: unknown,
    { idempotencyKey }: WriteOptions,
    build: (key: Idempotency | null) => C,
  ): Promise<OutcomeOf<C>> => {
    const errors = paramErrors(params) ?? check(input) ?? textErrors(input) ?? metadataErrors(input) ?? keyErrors(idempotencyKey)
    if (errors !== null) return refuse(errors)
    const key =
      idempotencyKey === undefined
        ? null
        : { scope: `library ${verb}`, key: idempotencyKey, fingerprint: commands.fingerprint([params, input]) }
    return engine.submit(build(key))
  }

  return {
    reserve: (input, options = {}) => write('reserve', checks.reserve, [], input, options, (key) => commands.reserveCommand(input, key)),
    confirm: (id, input = {}, options = {}) =>
      write('confirm', checks.confirm, [id], input, options, (key) => commands.confirmCommand(id, input, key)),
    cancel: (id, input = {}, options = {}) =>
      write('cancel', checks.cancel, [id], input, options, (key) => commands.cancelCommand(id, input, key)),
    extend: (id, input, options = {}) =>
      write('extend', checks.extend, [id], input, options, (key) => commands.extendCommand(id, input, key)),
    createProduct: (input, options = {}) =>
      write('createProduct', checks.createProduct, [], input, options, (key) => commands.createProductCommand(input, key)),
    updateProduct: (sku, patch, options = {}) =>
      write('updateProduct', checks.updateProduct, [sku], patch, options, (key) => commands.updateProductCommand(sku, patch, key)),
    adjustStock: (sku, input, options = {}) =>
      write('adjustStock', checks.adjustStock, [sku], input, options, (key) => commands.adjustStockCommand(sku, input, key)),
    cancelOrder: (id, input = {}, options = {}) =>
      write('cancelOrder', checks.cancelOrder, [id], input, options, (key) => commands.cancelOrderCommand(id, input, key)),

    product: (sku) => store.product(sku),
    products: (query = {}) => store.products(pageOf(query)),
    reservation: (id) => store.reservation(id),
    reservations: ({ userId = null, sku = null, status = null, slot = null, ...query } = {}) =>
      store.reservations({ userId, sku, status, slot }, pageOf(query)),
    order: (id) => store.order(id),
    orders: ({ userId = null, ...query } = {}) => store.orders({ userId }, pageOf(query)),
    events: (query = {}) => store.events(pageOf(query)),
    follow: engine.follow,

    sweep: engine.sweep,
    submit: engine.submit,
    get queueLength() {
      return engine.queueLength
    },
    nextDueInMs: () => store.nextDueInMs(),
    close: engine.close,
    [Symbol.asyncDispose]: engine.close,
  }
}

const checks = {
  reserve: compileCheck(schemas.ReserveInput),
  confirm: compileCheck(schemas.ConfirmInput),
  cancel: compileCheck(schemas.CancelInput),
  extend: compileCheck(schemas.ExtendInput),
  createProduct: compileCheck(schemas.CreateProductInput),
  updateProduct: compileCheck(schemas.UpdateProductInput),
  adjustStock: compileCheck(schemas.AdjustStockInput),
  cancelOrder: compileCheck(schemas.CancelOrderInput),
}

function refuse(errors: readonly InputError[]): Refused {
  return { ok: false, refusal: { code: 'validation_failed', errors } }
}

/** Ids and skus of callers without types. */
function paramErrors(params: readonly unknown[]): InputError[] | null {
  return params.every((param) => typeof param === 'string') ? null : [{ path: '', message: 'the id or sku must be a string' }]
}

function textErrors(input: unknown): InputError[] | null {
  // JSON writes both kinds of bad text as escapes, so almost every input is done with here.
  if (!JSON.stringify(input).includes('\\u')) return null
  const found = findBadText(input)
  return found === null ? null : [found]
}

/** The limit in bytes, which JSON Schema cannot say. */
export function metadataErrors(input: unknown): InputError[] | null {
  const { metadata } = input as { metadata?: Metadata }
  const problem = metadata === undefined ? null : metadataProblem(metadata)
  return problem === null ? null : [{ path: '/metadata', message: problem }]
}

const printableAscii = /^[\x20-\x7e]+$/

/** What is wrong with an idempotency key; `path` is the name of the header or option it came in. */
export function keyErrors(key: string | undefined, path = 'idempotencyKey'): InputError[] | null {
  if (key === undefined || (key.length <= limits.idempotencyKeyLengthMax && printableAscii.test(key))) return null
  return [{ path, message: `must be 1 to ${limits.idempotencyKeyLengthMax} printable ASCII characters` }]
}

function pageOf({ limit = limits.pageSizeDefault, cursor = null }: Partial<PageQuery>): PageQuery {
  return { limit: Math.min(Math.max(1, Math.trunc(limit)), limits.pageSizeMax), cursor }
}
