import Type, { type Static, type TSchema } from 'typebox'
import { limits } from '../domain/limits.ts'

/** What may be asked, as JSON Schema: the HTTP service validates and documents with it, the library validates with it. */

const closed = { additionalProperties: false } as const
const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])

export const Sku = Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$', description: '1 to 64 of A-Z a-z 0-9 . _ -' })
export const UserId = Type.String({
  pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*$',
  minLength: 1,
  maxLength: limits.userIdLengthMax,
  description: 'Your own name for the buyer; no control characters.',
})
export const Quantity = Type.Integer({ minimum: 1, maximum: limits.quantityMax })
export const Line = Type.Object({ sku: Sku, quantity: Quantity }, closed)
export const TtlSeconds = Type.Integer({ minimum: 1, maximum: limits.ttlSecondsMax })
export const MetadataSchema = Type.Record(Type.String(), Type.String(), {
  maxProperties: limits.metadataPairsMax,
  description: `At most ${limits.metadataPairsMax} string pairs and ${limits.metadataBytesMax} bytes of JSON.`,
})
export const MoneySchema = Type.Object(
  {
    amount: Type.Integer({ minimum: 0, maximum: limits.priceAmountMax, description: 'In minor units: 1999 is 19.99.' }),
    currency: Type.String({ pattern: '^[A-Z]{3}$' }),
  },
  closed,
)
const Reason = Type.String({ maxLength: limits.reasonLengthMax, description: 'Why, for the books.' })

/** An instant inside is epoch milliseconds, outside an RFC 3339 date-time. */
const EpochMs = Type.Integer({ minimum: 0, maximum: 253_402_300_799_999 })
export const DateTime = Type.String({ format: 'date-time', description: 'RFC 3339, any offset.' })

function details<Instant extends TSchema>(instant: Instant) {
  return {
    description: Type.Optional(nullable(Type.String({ maxLength: limits.descriptionLengthMax }))),
    price: Type.Optional(nullable(MoneySchema)),
    maxPerUser: Type.Optional(
      nullable(Type.Integer({ minimum: 1, maximum: limits.maxPerUserMax, description: 'Units a user may hold and buy together.' })),
    ),
    reservationTtlSeconds: Type.Optional(nullable(TtlSeconds)),
    saleStartsAt: Type.Optional(nullable(instant)),
    saleEndsAt: Type.Optional(nullable(instant)),
  }
}

const Name = Type.String({ minLength: 1, maxLength: limits.nameLengthMax })
const TotalStock = Type.Integer({ minimum: 0, maximum: limits.totalStockMax })

const createProduct = <Instant extends TSchema>(instant: Instant) =>
  Type.Object({ sku: Sku, name: Name, totalStock: TotalStock, ...details(instant) }, closed)
const updateProduct = <Instant extends TSchema>(instant: Instant) => Type.Object({ name: Type.Optional(Name), ...details(instant) }, closed)

export const CreateProductBody = createProduct(DateTime)
export const CreateProductInput = createProduct(EpochMs)
export const UpdateProductBody = updateProduct(DateTime)
export const UpdateProductInput = updateProduct(EpochMs)

export const AdjustStockInput = Type.Object(
  {
    delta: Type.Integer({
      minimum: -limits.totalStockMax,
      maximum: limits.totalStockMax,
      not: { const: 0 },
      description: 'Units to add, or to take away when negative; not 0.',
    }),
    reason: Type.Optional(Reason),
  },
  closed,
)

export const ReserveInput = Type.Object(
  {
    userId: UserId,
    items: Type.Array(Line, {
      minItems: 1,
      maxItems: limits.itemsMax,
      description: 'All lines or none. Lines of the same sku are one line.',
    }),
    ttlSeconds: Type.Optional(TtlSeconds),
    metadata: Type.Optional(MetadataSchema),
  },
  closed,
)
export const ConfirmInput = Type.Object({ userId: Type.Optional(UserId), metadata: Type.Optional(MetadataSchema) }, closed)
export const CancelInput = Type.Object({ userId: Type.Optional(UserId) }, closed)
export const ExtendInput = Type.Object({ ttlSeconds: TtlSeconds, userId: Type.Optional(UserId) }, closed)
export const CancelOrderInput = Type.Object({ reason: Type.Optional(Reason) }, closed)

export type CreateProductInput = Static<typeof CreateProductInput>
export type UpdateProductInput = Static<typeof UpdateProductInput>
export type AdjustStockInput = Static<typeof AdjustStockInput>
export type ReserveInput = Static<typeof ReserveInput>
export type ConfirmInput = Static<typeof ConfirmInput>
export type CancelInput = Static<typeof CancelInput>
export type ExtendInput = Static<typeof ExtendInput>
export type CancelOrderInput = Static<typeof CancelOrderInput>
