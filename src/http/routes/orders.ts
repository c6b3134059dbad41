import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { cancelOrderCommand } from '../../engine/commands.ts'
import type { Holdfast } from '../../engine/holdfast.ts'
import * as inputs from '../../engine/schemas.ts'
import { idempotencyOf, outcomeBody } from '../answer.ts'
import { access, isHiddenFrom } from '../caller.ts'
import { refusalBody } from '../problem.ts'
import { IdempotencyHeaders as headers, OrderSchema, pageOf, PageQuery, problems, readProblems, writeProblems } from '../schemas.ts'
import { viewOrder, viewPage } from '../../engine/views.ts'

const tags = ['Orders']
const params = Type.Object({ id: Type.String() })

export function orderRoutes(app: FastifyInstance, shop: Holdfast): void {
  app.get<{ Params: { id: string } }>(
    '/v1/orders/:id',
    {
      config: { access: access.buyerOrReader },
      schema: {
        tags,
        operationId: 'getOrder',
        summary: 'Read an order',
        params,
        response: { 200: OrderSchema, ...problems(...readProblems, 'order_not_found') },
      },
    },
    async (request, reply) => {
      const order = await shop.order(request.params.id)
      return order === null || isHiddenFrom(request, order.userId) ? refusalBody(reply, { code: 'order_not_found' }) : viewOrder(order)
    },
  )

  app.get<{ Querystring: { userId?: string; limit?: number; cursor?: string } }>(
    '/v1/orders',
    {
      config: { access: access.buyerOrReader, userIdIn: 'query' },
      schema: {
        tags,
        operationId: 'listOrders',
        summary: 'List orders, newest first',
        querystring: Type.Object({ userId: Type.Optional(inputs.UserId), ...PageQuery }, { additionalProperties: false }),
        response: { 200: pageOf(OrderSchema), ...problems(...readProblems) },
      },
    },
    async (request) => viewPage(await shop.orders(request.query), viewOrder),
  )

  app.post<{ Params: { id: string }; Body: inputs.CancelOrderInput }>(
    '/v1/orders/:id/cancel',
    {
      config: { access: access.shop },
      schema: {
        tags,
        operationId: 'cancelOrder',
        summary: 'Undo a sale; the units are back on sale once',
        description: 'Safe to repeat.',
        headers,
        params,
        body: inputs.CancelOrderInput,
        response: { 200: OrderSchema, ...problems(...writeProblems, 'order_not_found') },
      },
    },
    async (request, reply) => {
      const outcome = await shop.submit(cancelOrderCommand(request.params.id, request.body, idempotencyOf(request)))
      return outcomeBody(reply, outcome, { view: viewOrder })
    },
  )
}
