import Type, { type TSchema } from 'typebox'
import { limits } from '../domain/limits.ts'
import { MoneySchema, Quantity, Sku } from '../engine/schemas.ts'
import { statusOf, type Dialect, type ErrorCode } from './problem.ts'

/** What the service answers, for the documentation and for the contract tests. */

const closed = { additionalProperties: false } as const
const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])
export const Instant = Type.String({ format: 'date-time', description: 'ISO 8601, UTC, with milliseconds.' })
export const Id = Type.String()
const Metadata = Type.Record(Type.String(), Type.String())
const Item = Type.Object({ sku: Sku, quantity: Type.Integer({ minimum: 1 }), unitPrice: nullable(MoneySchema) }, closed)
export const Count = Type.Integer({ minimum: 0 })

export const StockSchema = Type.Object(
  {
    sku: Sku,
    total: Count,
    reserved: Count,
    sold: Count,
    available: Count,
    version: Type.Integer({ minimum: 1, description: '+1 on every change of total, reserved or sold.' }),
    status: Type.Enum(['available', 'all_reserved', 'sold_out']),
    nextReleaseAt: nullable(Instant),
  },
  { ...closed, title: 'Stock' },
)

export const ProductSchema = Type.Object(
  {
    sku: Sku,
    name: Type.String(),
    description: nullable(Type.String()),
    price: nullable(MoneySchema),
    maxPerUser: nullable(Quantity),
    reservationTtlSeconds: nullable(Type.Integer()),
    saleStartsAt: nullable(Instant),
    saleEndsAt: nullable(Instant),
    stock: StockSchema,
    createdAt: Instant,
    updatedAt: Instant,
  },
  { ...closed, title: 'Product' },
)

const statuses = ['active', 'confirmed', 'cancelled', 'expired'] as const

export const ReservationSchema = Type.Object(
  {
    id: Id,
    userId: Type.String(),
    status: Type.Enum([...statuses]),
    items: Type.Array(Item),
    metadata: Metadata,
    createdAt: Instant,
    expiresAt: Instant,
    expiresInMs: Count,
    endedAt: nullable(Instant),
    orderId: nullable(Id),
  },
  { ...closed, title: 'Reservation' },
)

/** Whoever asks for a reservation that was lost is refused; the feed tells of it. */
const ReservationOfEvent = Type.Object(
  { ...ReservationSchema.properties, status: Type.Enum([...statuses, 'lost']) },
  { ...closed, title: 'Reservation after a change' },
)

export const OrderSchema = Type.Object(
  {
    id: Id,
    reservationId: Id,
    userId: Type.String(),
    status: Type.Enum(['placed', 'cancelled']),
    items: Type.Array(Item),
    total: nullable(Type.Object({ amount: Count, currency: Type.String() }, closed)),
    metadata: Metadata,
    createdAt: Instant,
    cancelledAt: nullable(Instant),
  },
  { ...closed, title: 'Order' },
)

export const EventSchema = Type.Object(
  {
    specversion: Type.Literal('1.0'),
    id: Type.String(),
    source: Type.String(),
    type: Type.String({ examples: ['reservation.created', 'order.created', 'stock.sold_out'] }),
    time: Instant,
    subject: Type.String(),
    data: Type.Union([ReservationOfEvent, OrderSchema, ProductSchema, StockSchema]),
  },
  { ...closed, title: 'Event', description: 'CloudEvents 1.0; data is the thing after the change.' },
)

export function pageOf(item: TSchema) {
  return Type.Object({ data: Type.Array(item), nextCursor: nullable(Type.String()) }, closed)
}

export const PageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.pageSizeMax, default: limits.pageSizeDefault })),
  cursor: Type.Optional(Type.String({ description: 'nextCursor of the page before.' })),
}

export const IdempotencyHeaders = {
  type: 'object',
  properties: {
    'idempotency-key': {
      type: 'string',
      description: 'The same key and the same request within 24 h: the first answer again, one effect. 1–255 printable ASCII characters.',
    },
  },
} as const

export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: '`urn:holdfast:` and the code.' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'A sentence for a person.' }),
    code: Type.String({ description: 'For programs.' }),
    errors: Type.Optional(
      Type.Array(Type.Object({ path: Type.String(), message: Type.String() }, closed), {
        description: 'Of `validation_failed`. A path is a JSON Pointer into the body, or the name of a query parameter or header.',
      }),
    ),
    sku: Type.Optional(Type.String({ description: 'Of `product_not_found`, `user_limit_exceeded`, `sale_not_started`, `sale_ended`.' })),
    items: Type.Optional(
      Type.Array(Type.Object({ sku: Sku, requested: Count, available: Count }, closed), {
        description: 'Of `insufficient_stock`: every line that does not fit.',
      }),
    ),
    limit: Type.Optional(Type.Integer({ description: 'Of `user_limit_exceeded` and `reservation_limit_exceeded`.' })),
    remaining: Type.Optional(Type.Integer({ description: 'Of `user_limit_exceeded`.' })),
    saleStartsAt: Type.Optional(Type.String({ format: 'date-time', description: 'Of `sale_not_started`.' })),
    saleEndsAt: Type.Optional(Type.String({ format: 'date-time', description: 'Of `sale_ended`.' })),
    total: Type.Optional(Type.Integer({ description: 'Of `stock_below_committed`.' })),
    reserved: Type.Optional(Type.Integer({ description: 'Of `stock_below_committed`.' })),
    sold: Type.Optional(Type.Integer({ description: 'Of `stock_below_committed`.' })),
    oldestCursor: Type.Optional(Type.String({ description: 'Of `cursor_expired`: the first that can still be given as `after`.' })),
  },
  { title: 'Problem', description: 'RFC 9457, with the members that belong to the code.' },
)

const PlainErrorSchema = Type.Object(
  { error: Type.String({ description: 'A sentence for a person.' }), code: Type.String() },
  { ...closed, title: 'Error', description: 'How the older APIs tell an error.' },
)

/** Document the error answers of a route: one entry for each status, naming its codes. What a problem looks like, openapi.ts adds once for all of them. */
export function problems(...codes: readonly ErrorCode[]): Record<number, object> {
  return byStatus(
    codes,
    (code) => statusOf(code),
    () => ({ 'application/problem+json': { schema: {} } }),
  )
}

/** The same for a route of an older API. */
export function plainProblems(dialect: Dialect, ...codes: readonly ErrorCode[]): Record<number, object> {
  return byStatus(
    codes,
    (code) => statusOf(code, dialect),
    () => ({ 'application/json': { schema: PlainErrorSchema } }),
  )
}

function byStatus(codes: readonly ErrorCode[], status: (code: ErrorCode) => number, content: () => object): Record<number, object> {
  const groups = new Map<number, ErrorCode[]>()
  for (const code of codes) groups.set(status(code), [...(groups.get(status(code)) ?? []), code])
  return Object.fromEntries(
    Array.from(groups, ([group, ofGroup]) => [group, { description: ofGroup.map((code) => `\`${code}\``).join(', '), content: content() }]),
  )
}

/** The answer of a route that has no end. */
export const eventStream = {
  200: { description: 'Server-sent events', content: { 'text/event-stream': { schema: Type.String() } } },
}

export const readProblems = ['validation_failed', 'rate_limited', 'store_unavailable', 'internal'] as const

export const writeProblems = [
  ...readProblems,
  'idempotency_key_reused',
  'payload_too_large',
  'unsupported_media_type',
  'overloaded',
] as const

export const reserveProblems = [
  ...writeProblems,
  'product_not_found',
  'insufficient_stock',
  'user_limit_exceeded',
  'reservation_limit_exceeded',
  'sale_not_started',
  'sale_ended',
] as const

const endProblems = [
  ...writeProblems,
  'reservation_not_found',
  'not_owner',
  'reservation_cancelled',
  'reservation_expired',
  'reservation_lost',
] as const
export const confirmProblems = [...endProblems, 'order_cancelled'] as const
export const cancelProblems = [...endProblems, 'reservation_confirmed'] as const
