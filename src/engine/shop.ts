// `AsyncDisposable`, for those who compile for browsers only.
/// <reference lib="esnext.disposable" preserve="true" />
import type { Outcome, Results } from '../domain/command.ts'
import type { ShopEvent } from '../domain/event.ts'
import type { Order } from '../domain/order.ts'
import type { Page, PageQuery } from '../domain/pages.ts'
import type { Product } from '../domain/product.ts'
import type { Reservation } from '../domain/reservation.ts'
import type { OrderFilter, ReservationFilter } from '../store/port.ts'
import type * as inputs from './schemas.ts'

export interface CallOptions {
  /** Stop waiting; the call rejects with the signal's reason. A write that was on its way may be done all the same. */
  readonly signal?: AbortSignal
}

export interface WriteOptions extends CallOptions {
  /** 1–255 printable ASCII characters. The same key and the same request within 24 h are answered as the first time, with one effect. */
  readonly idempotencyKey?: string
}

export interface FollowOptions {
  /** The cursor to go on after; null: from the beginning. */
  readonly after?: string | null
  readonly signal?: AbortSignal
}

/**
 * A shop's reservations, wherever they are kept: in this program (`createHoldfast`) or in a service (`createClient`). Every write answers with an
 * outcome: `ok` with the value, or a refusal. It throws only faults (`store_unavailable`, `overloaded`, `closed`), whose outcome is unknown or nothing
 * was done, so that repeating with the same idempotency key is safe; and a client, what a service says of the request itself. Instants are epoch milliseconds.
 */
export interface Shop extends AsyncDisposable {
  /** Set units aside for one user: all lines or none. Repeating without a key makes another reservation. */
  readonly reserve: (input: inputs.ReserveInput, options?: WriteOptions) => Promise<Outcome<Results['reserve']>>
  /** Turn a reservation into an order. Safe to repeat: the same order again, with `created` false. */
  readonly confirm: (reservationId: string, input?: inputs.ConfirmInput, options?: WriteOptions) => Promise<Outcome<Results['confirm']>>
  /** Give the units back. Safe to repeat. */
  readonly cancel: (reservationId: string, input?: inputs.CancelInput, options?: WriteOptions) => Promise<Outcome<Results['cancel']>>
  /** More time from now on; `expiresAt` never moves back. */
  readonly extend: (reservationId: string, input: inputs.ExtendInput, options?: WriteOptions) => Promise<Outcome<Results['extend']>>
  readonly createProduct: (input: inputs.CreateProductInput, options?: WriteOptions) => Promise<Outcome<Results['createProduct']>>
  /** null clears an optional property. */
  readonly updateProduct: (
    sku: string,
    patch: inputs.UpdateProductInput,
    options?: WriteOptions,
  ) => Promise<Outcome<Results['updateProduct']>>
  /** Put units on sale or take unsold ones off. Repeating without a key adds up. */
  readonly adjustStock: (sku: string, input: inputs.AdjustStockInput, options?: WriteOptions) => Promise<Outcome<Results['adjustStock']>>
  /** Undo a sale; the units are back on sale. Safe to repeat. */
  readonly cancelOrder: (
    orderId: string,
    input?: inputs.CancelOrderInput,
    options?: WriteOptions,
  ) => Promise<Outcome<Results['cancelOrder']>>

  readonly product: (sku: string, options?: CallOptions) => Promise<Product | null>
  readonly products: (query?: Partial<PageQuery>, options?: CallOptions) => Promise<Page<Product>>
  readonly reservation: (id: string, options?: CallOptions) => Promise<Reservation | null>
  readonly reservations: (query?: Partial<PageQuery & Omit<ReservationFilter, 'slot'>>, options?: CallOptions) => Promise<Page<Reservation>>
  readonly order: (id: string, options?: CallOptions) => Promise<Order | null>
  readonly orders: (query?: Partial<PageQuery & OrderFilter>, options?: CallOptions) => Promise<Page<Order>>
  /** Oldest first; `nextCursor` continues, now or tomorrow. */
  readonly events: (query?: Partial<PageQuery>, options?: CallOptions) => Promise<Page<ShopEvent>>
  /** Events as they come, until the signal aborts or the shop is closed. */
  readonly follow: (options?: FollowOptions) => AsyncGenerator<ShopEvent, void, void>

  /** Take no more and finish what was asked. Safe to repeat; `await using` does it. */
  readonly close: () => Promise<void>
}
