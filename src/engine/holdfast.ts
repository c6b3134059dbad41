import type { Command, Idempotency, OutcomeOf, Refused } from '../domain/command.ts'
import type { Event } from '../domain/event.ts'
import { idempotencyKeyProblem, metadataProblem, type Metadata } from '../domain/limits.ts'
import { completeQuery, type Page, type PageQuery } from '../domain/pages.ts'
import type { InputError } from '../domain/refusals.ts'
import type { Reservation } from '../domain/reservation.ts'
import type { ReservationFilter } from '../store/port.ts'
import { compileCheck, findBadText, type Check } from './check.ts'
import * as commands from './commands.ts'
import { createEngine, type EngineOptions } from './engine.ts'
import type { Feed } from './feed.ts'
import * as schemas from './schemas.ts'
import type { CallOptions, FollowOptions, Shop, WriteOptions } from './shop.ts'

/** A shop inside a Node program, with what only its owner needs. Of a `signal` it looks whether it was aborted before the call: what is asked here is answered at once. */
export interface Holdfast extends Shop {
  readonly reservations: (query?: Partial<PageQuery & ReservationFilter>, options?: CallOptions) => Promise<Page<Reservation>>
  readonly events: (query?: Partial<PageQuery>, options?: CallOptions) => Promise<Page<Event>>
  readonly follow: (options?: FollowOptions) => AsyncGenerator<Event, void, void>

  /** Where the feed ends now: `events` and `follow` go on after it; null: it is empty. */
  readonly lastCursor: () => Promise<string | null>
  /** A page of the feed for whoever can wait, as the relay does: the sale of this node goes first. */
  readonly readInTurn: Feed['readInTurn']
  /** Calls when something may have changed, here or on another node: a hint to look. */
  readonly onChange: (listener: () => void) => void

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
    { idempotencyKey, signal }: WriteOptions,
    build: (key: Idempotency | null) => C,
  ): Promise<OutcomeOf<C>> => {
    signal?.throwIfAborted()
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

    product: (sku, options = {}) => read(() => store.product(sku), options),
    products: (query = {}, options = {}) => read(() => store.products(completeQuery(query)), options),
    reservation: (id, options = {}) => read(() => store.reservation(id), options),
    reservations: ({ userId = null, sku = null, status = null, slot = null, ...query } = {}, options = {}) =>
      read(() => store.reservations({ userId, sku, status, slot }, completeQuery(query)), options),
    order: (id, options = {}) => read(() => store.order(id), options),
    orders: ({ userId = null, ...query } = {}, options = {}) => read(() => store.orders({ userId }, completeQuery(query)), options),
    events: (query = {}, options = {}) => read(() => store.events(completeQuery(query)), options),
    follow: engine.follow,
    lastCursor: async () => (await store.events({ limit: 0, cursor: null })).nextCursor,
    onChange: engine.onChange,
    readInTurn: engine.readInTurn,

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

async function read<Value>(ask: () => Promise<Value>, { signal }: CallOptions): Promise<Value> {
  signal?.throwIfAborted()
  return ask()
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

/** What is wrong with an idempotency key; `path` is the name of the header or option it came in. */
export function keyErrors(key: string | undefined, path = 'idempotencyKey'): InputError[] | null {
  const problem = key === undefined ? null : idempotencyKeyProblem(key)
  return problem === null ? null : [{ path, message: problem }]
}
