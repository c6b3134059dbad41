import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import type { Slot } from '../../domain/command.ts'
import type { Reservation } from '../../domain/reservation.ts'
import { cancelCommand, confirmCommand, createProductCommand, reserveCommand } from '../../engine/commands.ts'
import type { Holdfast } from '../../engine/holdfast.ts'
import { newId } from '../../engine/ids.ts'
import { CreateProductBody, Quantity, UserId } from '../../engine/schemas.ts'
import { idempotencyOf, outcomeBody } from '../answer.ts'
import { access, hideOthers } from '../caller.ts'
import { refusalBody, type Dialect } from '../problem.ts'
import {
  Count,
  Id,
  IdempotencyHeaders as headers,
  Instant,
  plainProblems,
  readProblems,
  writeProblems,
  cancelProblems,
  confirmProblems,
  reserveProblems,
} from '../schemas.ts'
import { instant } from '../../engine/views.ts'
import { answerOf, isSku, noProduct } from './common.ts'
import { heldId, oneEach } from './held.ts'
import { moneyOf, priceOf } from './prices.ts'

/** One product for ten minutes; the user and the product say which reservation is meant, so a user has one of each product. */

const tags = ['Flash deal API']
const dialect: Dialect = {
  sentences: {
    reservation_not_found: 'This user has no active reservation of this product.',
    reservation_limit_exceeded: 'This user has an active reservation of this product already, or as many as a user may have.',
  },
}
const ttlSeconds = 10 * 60
const slotOf = (userId: string, sku: string): Slot => oneEach('flash', userId, sku)

const { name, description, totalStock } = CreateProductBody.properties
const Price = Type.Number({ minimum: 0, description: 'Such as 99.99.' })
const NewProduct = Type.Object({ name, description, price: Price, totalStock })
const Purchase = Type.Object({ userId: UserId, quantity: Quantity })
const Buyer = Type.Object({ userId: UserId })
const params = Type.Object({ productId: Type.String() })

const Product = answerOf('Flash deal API: product', {
  id: Id,
  name: Type.String(),
  description: Type.Union([Type.String(), Type.Null()]),
  price: Type.Union([Type.Number(), Type.Null()]),
  totalStock: Count,
  createdAt: Instant,
})
const Status = answerOf('Flash deal API: status', { totalStock: Count, reservedStock: Count, availableStock: Count })
const Reserved = answerOf('Flash deal API: reservation', {
  reservationId: Id,
  productId: Id,
  userId: Type.String(),
  quantity: Count,
  status: Type.Enum(['active', 'cancelled']),
  createdAt: Instant,
  expiresAt: Instant,
})
const Bought = answerOf('Flash deal API: order', {
  orderId: Id,
  reservationId: Id,
  productId: Id,
  userId: Type.String(),
  quantity: Count,
  createdAt: Instant,
})

interface OfProduct {
  Params: Static<typeof params>
}

export function flashRoutes(app: FastifyInstance, shop: Holdfast, currency: string): void {
  app.post<{ Body: Static<typeof NewProduct> }>(
    '/api/products',
    {
      config: { access: access.admin, dialect, rateLimit: 'flash' },
      schema: {
        tags,
        operationId: 'flashCreateProduct',
        summary: 'Put a product on sale',
        headers,
        body: NewProduct,
        response: { 201: Product, ...plainProblems(dialect, ...writeProblems, 'product_exists') },
      },
    },
    async (request, reply) => {
      const { name: ownName, description: text = null, price, totalStock: units } = request.body
      const input = { name: ownName, description: text, price: moneyOf(price, currency, '/price'), totalStock: units }
      const outcome = await shop.submit(createProductCommand({ ...input, sku: newId() }, idempotencyOf(request, input)))
      return outcomeBody(reply, outcome, {
        view: (product) => ({
          id: product.sku,
          name: product.name,
          description: product.description,
          price: priceOf(product.price),
          totalStock: product.stock.total,
          createdAt: instant(product.createdAt),
        }),
        createdStatus: 201,
      })
    },
  )

  app.get<OfProduct>(
    '/api/products/:productId/status',
    {
      config: { access: access.anybody, dialect, rateLimit: 'flash' },
      schema: {
        tags,
        operationId: 'flashStatus',
        summary: 'Read the stock of a product',
        params,
        response: { 200: Status, ...plainProblems(dialect, ...readProblems, 'product_not_found') },
      },
    },
    async (request, reply) => {
      const { productId: sku } = request.params
      const product = isSku(sku) ? await shop.product(sku) : null
      if (product === null) return refusalBody(reply, { code: 'product_not_found', sku })
      const { total, reserved, available } = product.stock
      return { totalStock: total, reservedStock: reserved, availableStock: available }
    },
  )

  app.post<OfProduct & { Body: Static<typeof Purchase> }>(
    '/api/products/:productId/reserve',
    {
      config: { access: access.buyer, userIdIn: 'body', dialect, rateLimit: 'flash' },
      schema: {
        tags,
        operationId: 'flashReserve',
        summary: 'Set units of a product aside for ten minutes',
        description: 'A user has one active reservation of each product.',
        headers,
        params,
        body: Purchase,
        response: { 201: Reserved, ...plainProblems(dialect, ...reserveProblems) },
      },
    },
    async (request, reply) => {
      const { productId: sku } = request.params
      const { userId, quantity } = request.body
      const input = { userId, items: [{ sku, quantity }], ttlSeconds }
      const outcome = isSku(sku)
        ? await shop.submit(reserveCommand(input, idempotencyOf(request, input), [slotOf(userId, sku)]))
        : noProduct(sku)
      return outcomeBody(reply, outcome, { view: viewReserved, createdStatus: 201 })
    },
  )

  app.delete<OfProduct & { Body: Static<typeof Buyer> }>(
    '/api/products/:productId/reserve',
    {
      config: { access: access.buyer, userIdIn: 'body', dialect, rateLimit: 'flash' },
      schema: {
        tags,
        operationId: 'flashCancel',
        summary: 'Give the units back',
        headers,
        params,
        body: Buyer,
        response: { 200: Reserved, ...plainProblems(dialect, ...cancelProblems, 'product_not_found') },
      },
    },
    async (request, reply) => {
      const { productId: sku } = request.params
      const { userId } = request.body
      if (!isSku(sku)) return outcomeBody(reply, noProduct(sku), { view: viewReserved })
      const idempotency = idempotencyOf(request, { sku, userId })
      const outcome = await shop.submit(cancelCommand(await heldId(shop, slotOf(userId, sku), userId, sku), { userId }, idempotency))
      return outcomeBody(reply, hideOthers(request, outcome), { view: viewReserved })
    },
  )

  app.post<OfProduct & { Body: Static<typeof Buyer> }>(
    '/api/products/:productId/checkout',
    {
      config: { access: access.buyer, userIdIn: 'body', dialect, rateLimit: 'flash' },
      schema: {
        tags,
        operationId: 'flashCheckout',
        summary: 'Turn the reservation of a user into an order',
        headers,
        params,
        body: Buyer,
        response: { 201: Bought, 200: Bought, ...plainProblems(dialect, ...confirmProblems, 'product_not_found') },
      },
    },
    async (request, reply) => {
      const { productId: sku } = request.params
      const { userId } = request.body
      if (!isSku(sku)) return refusalBody(reply, { code: 'product_not_found', sku })
      const idempotency = idempotencyOf(request, { sku, userId })
      const outcome = await shop.submit(confirmCommand(await heldId(shop, slotOf(userId, sku), userId, sku), { userId }, idempotency))
      return outcomeBody(reply, hideOthers(request, outcome), {
        view: ({ id, reservationId, items, createdAt }) => ({
          orderId: id,
          reservationId,
          productId: sku,
          userId,
          quantity: items[0]?.quantity ?? 0,
          createdAt: instant(createdAt),
        }),
        createdStatus: 201,
      })
    },
  )
}

function viewReserved({ id, userId, items, status, createdAt, expiresAt }: Reservation): object {
  const [{ sku, quantity } = { sku: '', quantity: 0 }] = items
  return { reservationId: id, productId: sku, userId, quantity, status, createdAt: instant(createdAt), expiresAt: instant(expiresAt) }
}
