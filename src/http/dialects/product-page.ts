import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { reserveCommand } from '../../engine/commands.ts'
import type { Holdfast } from '../../engine/holdfast.ts'
import { idempotencyOf, outcomeBody } from '../answer.ts'
import { access } from '../caller.ts'
import type { Dialect } from '../problem.ts'
import { Count, Id, Instant, plainProblems, reserveProblems } from '../schemas.ts'
import { userIdHeader } from '../user-id.ts'
import { instant } from '../../engine/views.ts'
import { answerOf, isSku, noProduct, UserAndIdempotencyHeaders } from './common.ts'

/** A button on the page of a product: one unit for ten minutes. */

const dialect: Dialect = { statuses: { insufficient_stock: 400 }, sentences: { insufficient_stock: 'Out of stock' } }
const ttlSeconds = 10 * 60

const Reserved = answerOf('Product page API: reserved', {
  message: Type.String(),
  inventory: Count,
  reservationKey: Id,
  expiredAt: Instant,
})

export function productPageRoutes(app: FastifyInstance, shop: Holdfast): void {
  app.post<{ Params: { id: string }; Headers: { [userIdHeader]: string } }>(
    '/product/:id/reserve',
    {
      config: { access: access.buyer, userIdIn: 'header', dialect },
      schema: {
        tags: ['Product page API'],
        operationId: 'productPageReserve',
        summary: 'Set one unit aside for ten minutes',
        description: 'inventory is what is available afterwards, also where the answer to the same Idempotency-Key is given again.',
        headers: UserAndIdempotencyHeaders,
        params: Type.Object({ id: Type.String() }),
        response: { 200: Reserved, ...plainProblems(dialect, ...reserveProblems) },
      },
    },
    async (request, reply) => {
      const { id: sku } = request.params
      const input = { userId: request.headers[userIdHeader], items: [{ sku, quantity: 1 }], ttlSeconds }
      const outcome = isSku(sku) ? await shop.submit(reserveCommand(input, idempotencyOf(request, input))) : noProduct(sku)
      const product = outcome.ok ? await shop.product(sku) : null
      return outcomeBody(reply, outcome, {
        view: ({ id, expiresAt }) => ({
          message: 'Reserved',
          inventory: product?.stock.available ?? 0,
          reservationKey: id,
          expiredAt: instant(expiresAt),
        }),
      })
    },
  )
}
