export { createClient, type ClientOptions } from './client.ts'
export { ServiceError } from './errors.ts'
export type { Fetch, Key } from './exchange.ts'
export type { CallOptions, FollowOptions, Shop, WriteOptions } from '../engine/shop.ts'
export type {
  AdjustStockInput,
  CancelInput,
  CancelOrderInput,
  ConfirmInput,
  CreateProductInput,
  ExtendInput,
  ReserveInput,
  UpdateProductInput,
} from '../engine/schemas.ts'
export type { Accepted, Outcome, Refused } from '../domain/command.ts'
export type { EventType, ShopEvent } from '../domain/event.ts'
export { Fault, faultCode, type FaultCode } from '../domain/faults.ts'
export type { Order, OrderStatus } from '../domain/order.ts'
export { listAll, type Page, type PageQuery } from '../domain/pages.ts'
export type { Money, Product } from '../domain/product.ts'
export { explainRefusal, type InputError, type Refusal, type RefusalCode, type Shortage } from '../domain/refusals.ts'
export type { Reservation, ReservationStatus, ReservedItem } from '../domain/reservation.ts'
export type { Stock, StockStatus } from '../domain/stock.ts'
