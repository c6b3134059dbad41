import type { FastifyInstance, FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import { limits } from '../../domain/limits.ts'
import { cancelCommand, confirmCommand, createProductCommand, reserveCommand } from '../../engine/commands.ts'
import type { Holdfast } from '../../engine/holdfast.ts'
import { CreateProductBody, Quantity, Sku, UserId } from '../../engine/schemas.ts'
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
import { answerOf, isSku } from './common.ts'

/** Carts of several products, and a checkout. */

const tags = ['Cart API']
const dialect: Dialect = {}
/** Whatever became of a reservation, to a checkout it is gone. */
const checkoutDialect: Dialect = { statuses: { reservation_cancelled: 410 } }

const { name, totalStock } = CreateProductBody.properties
const NewProduct = Type.Object({ sku: Sku, name, total_stock: totalStock })
const Cart = Type.Object({
  userId: UserId,
  items: Type.Array(Type.Object({ sku: Sku, qty: Quantity }), { minItems: 1, maxItems: limits.itemsMax }),
})
const Owner = Type.Object({ userId: UserId })
const Checkout = Type.Object({ reservationId: Id, userId: UserId })

const Product = answerOf('Cart API: product', { sku: Sku, name: Type.String(), total_stock: Count })
const Status = answerOf('Cart API: status', { sku: Sku, total_stock: Count, reserved: Count, available: Count })
const Reserved = answerOf('Cart API: reserved', { reservationId: Id })
const Cancelled = answerOf('Cart API: cancelled', { reservationId: Id, status: Type.Literal('cancelled') })
const Bought = answerOf('Cart API: order', {
  orderId: Id,
  reservationId: Id,
  userId: Type.String(),
  items: Type.Array(Type.Object({ sku: Sku, qty: Count }, { additionalProperties: false })),
  createdAt: Instant,
})

export function cartRoutes(app: FastifyInstance, shop: Holdfast): void {
  app.post<{ Body: Static<typeof NewProduct> }>(
    '/products',
    {
      config: { access: access.admin, dialect },
      schema: {
        tags,
        operationId: 'cartCreateProduct',
        summary: 'Put a product on sale',
        headers,
        body: NewProduct,
        response: { 201: Product, ...plainProblems(dialect, ...writeProblems, 'product_exists') },
      },
    },
    async (request, reply) => {
      const { sku, name: ownName, total_stock: units } = request.body
      const input = { sku, name: ownName, totalStock: units }
      const outcome = await shop.submit(createProductCommand(input, idempotencyOf(request, input)))
      return outcomeBody(reply, outcome, {
        view: (product) => ({ sku: product.sku, name: product.name, total_stock: product.stock.total }),
        createdStatus: 201,
      })
    },
  )

  for (const url of ['/products/:sku/status', '/:sku/status']) {
    app.get<{ Params: { sku: string } }>(
      url,
      {
        config: { access: access.anybody, dialect },
        schema: {
          tags,
          operationId: url === '/:sku/status' ? 'cartStatus' : 'cartProductStatus',
          summary: 'Read the stock of a product',
          description: 'total_stock is what is left to sell: units that are sold do not count.',
          params: Type.Object({ sku: Type.String() }),
          response: { 200: Status, ...plainProblems(dialect, ...readProblems, 'product_not_found') },
        },
      },
      (request, reply) => readStatus(shop, request.params.sku, reply),
    )
  }

  app.post<{ Body: Static<typeof Cart> }>(
    '/reservations',
    {
      config: { access: access.buyer, userIdIn: 'body', dialect },
      schema: {
        tags,
        operationId: 'cartReserve',
        summary: 'Set the units of a cart aside: all lines or none',
        headers,
        body: Cart,
        response: { 201: Reserved, ...plainProblems(dialect, ...reserveProblems) },
      },
    },
    async (request, reply) => {
      const { userId, items } = request.body
      const input = { userId, items: items.map(({ sku, qty }) => ({ sku, quantity: qty })) }
      const outcome = await shop.submit(reserveCommand(input, idempotencyOf(request, input)))
      return outcomeBody(reply, outcome, { view: ({ id }) => ({ reservationId: id }), createdStatus: 201 })
    },
  )

  app.post<{ Params: { id: string }; Body: Static<typeof Owner> }>(
    '/reservations/:id/cancel',
    {
      config: { access: access.buyer, userIdIn: 'body', dialect },
      schema: {
        tags,
        operationId: 'cartCancel',
        summary: 'Give the units back',
        headers,
        params: Type.Object({ id: Type.String() }),
        body: Owner,
        response: { 200: Cancelled, ...plainProblems(dialect, ...cancelProblems) },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const { userId } = request.body
      const outcome = await shop.submit(cancelCommand(id, { userId }, idempotencyOf(request, { id, userId })))
      return outcomeBody(reply, hideOthers(request, outcome), { view: ({ status }) => ({ reservationId: id, status }) })
    },
  )

  app.post<{ Body: Static<typeof Checkout> }>(
    '/checkout',
    {
      config: { access: access.buyer, userIdIn: 'body', dialect: checkoutDialect },
      schema: {
        tags,
        operationId: 'cartCheckout',
        summary: 'Turn a reservation into an order',
        description: 'Safe to repeat: 201 the first time, then 200 with the same order.',
        headers,
        body: Checkout,
        response: { 201: Bought, 200: Bought, ...plainProblems(checkoutDialect, ...confirmProblems) },
      },
    },
    async (request, reply) => {
      const { reservationId, userId } = request.body
      const outcome = await shop.submit(confirmCommand(reservationId, { userId }, idempotencyOf(request, { reservationId, userId })))
      return outcomeBody(reply, hideOthers(request, outcome), {
        view: ({ id, items, createdAt, ...order }) => ({
          orderId: id,
          reservationId: order.reservationId,
          userId: order.userId,
          items: items.map(({ sku, quantity }) => ({ sku, qty: quantity })),
          createdAt: instant(createdAt),
        }),
        createdStatus: 201,
      })
    },
  )
}

async function readStatus(shop: Holdfast, sku: string, reply: FastifyReply): Promise<object> {
  const product = isSku(sku) ? await shop.product(sku) : null
  if (product === null) return refusalBody(reply, { code: 'product_not_found', sku })
  const { total, reserved, sold, available } = product.stock
  return { sku, total_stock: total - sold, reserved, available }
}
