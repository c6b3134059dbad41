export { createHoldfast, type Holdfast } from './engine/holdfast.ts'
export type { CallOptions, FollowOptions, Shop, WriteOptions } from './engine/shop.ts'
export type { EngineOptions } from './engine/engine.ts'
export type { KeepOptions } from './engine/retention.ts'
export type { BatchReport } from './engine/batcher.ts'
export type {
  AdjustStockInput,
  CancelInput,
  CancelOrderInput,
  ConfirmInput,
  CreateProductInput,
  ExtendInput,
  ReserveInput,
  UpdateProductInput,
} from './engine/schemas.ts'
export { sqliteStore, type SqliteOptions } from './store/sqlite/store.ts'
export { postgresStore, type PostgresOptions } from './store/postgres/store.ts'
export { redisStore, type RedisOptions } from './store/redis/store.ts'
export { sqliteLedger, type SqliteLedgerOptions } from './store/sqlite/ledger.ts'
export { postgresLedger, type PostgresLedgerOptions } from './store/postgres/ledger.ts'
export { openLedger, openStore, type OpenOptions } from './store/open.ts'
export type { Ledger } from './store/ledger.ts'
export type { OrderFilter, Page, PageQuery, ReservationFilter, Store } from './store/port.ts'
export type { Clock } from './store/clock.ts'
export type { Accepted, Command, Outcome, Refused } from './domain/command.ts'
export type { Event, EventType, ShopEvent, StockChange } from './domain/event.ts'
export { Fault, faultCode, type FaultCode } from './domain/faults.ts'
export type { Order, OrderStatus } from './domain/order.ts'
export { listAll } from './domain/pages.ts'
export type { Money, Product } from './domain/product.ts'
export { explainRefusal, type InputError, type Refusal, type RefusalCode, type Shortage } from './domain/refusals.ts'
export type { Reservation, ReservationStatus, ReservedItem } from './domain/reservation.ts'
export type { Stock, StockStatus } from './domain/stock.ts'
