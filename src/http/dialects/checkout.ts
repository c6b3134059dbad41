import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { cancelCommand, confirmCommand, reserveCommand } from '../../engine/commands.ts'
import type { Holdfast } from '../../engine/holdfast.ts'
import { Quantity, Sku, UserId } from '../../engine/schemas.ts'
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
  cancelProblems,
  confirmProblems,
  reserveProblems,
} from '../schemas.ts'
import { instant } from '../../engine/views.ts'
import { answerOf, isSku } from './common.ts'

/** One product for five minutes, for a checkout that confirms or cancels by the id alone. */

const tags = ['Checkout API']
const dialect: Dialect = {}
const ttlSeconds = 5 * 60

const Line = Type.Object({ sku: Sku, quantity: Quantity, userId: UserId })
const Named = Type.Object({ reservationId: Id, userId: Type.Optional(UserId) })

const Reserved = answerOf('Checkout API: reserved', {
  reservationId: Id,
  sku: Sku,
  quantity: Count,
  userId: Type.String(),
  createdAt: Instant,
  expiresAt: Instant,
})
const Confirmed = answerOf('Checkout API: confirmed', {
  reservationId: Id,
  status: Type.Literal('confirmed'),
  orderId: Id,
  userId: Type.String(),
  items: Type.Array(Type.Object({ sku: Sku, quantity: Count }, { additionalProperties: false })),
  createdAt: Instant,
})
const Cancelled = answerOf('Checkout API: cancelled', { reservationId: Id, status: Type.Literal('cancelled') })
const Inventory = answerOf('Checkout API: inventory', { sku: Sku, available: Count, reserved: Count })

export function checkoutRoutes(app: FastifyInstance, shop: Holdfast): void {
  app.post<{ Body: Static<typeof Line> }>(
    '/inventory/reserve',
    {
      config: { access: access.buyer, userIdIn: 'body', dialect },
      schema: {
        tags,
        operationId: 'inventoryReserve',
        summary: 'Set units of one product aside for five minutes',
        headers,
        body: Line,
        response: { 201: Reserved, ...plainProblems(dialect, ...reserveProblems) },
      },
    },
    async (request, reply) => {
      const { sku, quantity, userId } = request.body
      const input = { userId, items: [{ sku, quantity }], ttlSeconds }
      const outcome = await shop.submit(reserveCommand(input, idempotencyOf(request, input)))
      return outcomeBody(reply, outcome, {
        view: ({ id, createdAt, expiresAt }) => ({
          reservationId: id,
          sku,
          quantity,
          userId,
          createdAt: instant(createdAt),
          expiresAt: instant(expiresAt),
        }),
        createdStatus: 201,
      })
    },
  )

  app.post<{ Body: Static<typeof Named> }>(
    '/checkout/confirm',
    {
      config: { access: access.buyer, userIdIn: 'body', dialect },
      schema: {
        tags,
        operationId: 'checkoutConfirm',
        summary: 'Turn a reservation into an order',
        description: 'Safe to repeat. A userId that is given must be the owner.',
        headers,
        body: Named,
        response: { 200: Confirmed, ...plainProblems(dialect, ...confirmProblems) },
      },
    },
    async (request, reply) => {
      const { reservationId, ...owner } = namedIn(request.body)
      const outcome = await shop.submit(confirmCommand(reservationId, owner, idempotencyOf(request, { reservationId, ...owner })))
      return outcomeBody(reply, hideOthers(request, outcome), {
        view: ({ id, userId, items, createdAt }) => ({
          reservationId,
          status: 'confirmed',
          orderId: id,
          userId,
          items: items.map(({ sku, quantity }) => ({ sku, quantity })),
          createdAt: instant(createdAt),
        }),
      })
    },
  )

  app.post<{ Body: Static<typeof Named> }>(
    '/checkout/cancel',
    {
      config: { access: access.buyer, userIdIn: 'body', dialect },
      schema: {
        tags,
        operationId: 'checkoutCancel',
        summary: 'Give the units back',
        description: 'Safe to repeat. A userId that is given must be the owner.',
        headers,
        body: Named,
        response: { 200: Cancelled, ...plainProblems(dialect, ...cancelProblems) },
      },
    },
    async (request, reply) => {
      const { reservationId, ...owner } = namedIn(request.body)
      const outcome = await shop.submit(cancelCommand(reservationId, owner, idempotencyOf(request, { reservationId, ...owner })))
      return outcomeBody(reply, hideOthers(request, outcome), { view: ({ status }) => ({ reservationId, status }) })
    },
  )

  // The second is the same for a product whose sku is "reserve", which the path of the first route above would hide.
  for (const url of ['/inventory/:sku', '/inventory/reserve']) {
    app.get<{ Params: { sku?: string } }>(
      url,
      {
        config: { access: access.anybody, dialect },
        schema: {
          tags,
          operationId: 'inventoryStatus',
          hide: url === '/inventory/reserve',
          summary: 'Read the stock of a product',
          ...(url === '/inventory/:sku' && { params: Type.Object({ sku: Type.String() }) }),
          response: { 200: Inventory, ...plainProblems(dialect, ...readProblems, 'product_not_found') },
        },
      },
      async (request, reply) => {
        const { sku = 'reserve' } = request.params
        const product = isSku(sku) ? await shop.product(sku) : null
        if (product === null) return refusalBody(reply, { code: 'product_not_found', sku })
        const { available, reserved } = product.stock
        return { sku, available, reserved }
      },
    )
  }
}

function namedIn({ reservationId, userId }: Static<typeof Named>): Static<typeof Named> {
  return userId === undefined ? { reservationId } : { reservationId, userId }
}
