import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import type { Slot } from '../../domain/command.ts'
import { faultCode } from '../../domain/faults.ts'
import type { Reservation } from '../../domain/reservation.ts'
import { cancelCommand, confirmCommand, createProductCommand, reserveCommand } from '../../engine/commands.ts'
import type { Holdfast } from '../../engine/holdfast.ts'
import { newId } from '../../engine/ids.ts'
import { CreateProductBody, UserId } from '../../engine/schemas.ts'
import { idempotencyOf, outcomeBody } from '../answer.ts'
import { InvalidRequest } from '../body.ts'
import { access } from '../caller.ts'
import type { Live } from '../live.ts'
import { refusalBody } from '../problem.ts'
import {
  Id,
  IdempotencyHeaders,
  Instant,
  pageOf,
  PageQuery,
  plainProblems,
  readProblems,
  writeProblems,
  cancelProblems,
  confirmProblems,
  reserveProblems,
} from '../schemas.ts'
import { userIdHeader } from '../user-id.ts'
import { instant, viewPage } from '../../engine/views.ts'
import { dialect, Drop, tags, viewDrop } from './drops.ts'
import { dropStream } from './drop-stream.ts'
import { answerOf, isSku, noProduct, UserAndIdempotencyHeaders, UserHeaders } from './common.ts'
import { heldId, occupantId, occupantOf, oneEach } from './held.ts'
import { moneyOf } from './prices.ts'
import { createPurchasers } from './purchasers.ts'

/** Drops of one unit per user for a minute. A drop is a product, whichever way it was made. */

const ttlSeconds = 60
const slotOf = (userId: string): Slot => oneEach('drop', userId)
/** Each drop of a page takes a look at its purchasers. */
const pageSizeMax = 50

const { name, totalStock } = CreateProductBody.properties
const NewDrop = Type.Object({ name, unitPrice: Type.Number({ minimum: 0, description: 'Such as 99.99.' }), offeringStock: totalStock })
/** Of keys, which act for a user, where the header does not name one. */
const Named = Type.Object({ userId: Type.Optional(UserId) })
const params = Type.Object({ dropId: Type.String() })
const after = Type.Optional(Type.String({ description: 'nextCursor of the page before.' }))

const Purchasers = Type.Array(answerOf('Drop API: purchaser', { userId: Type.String(), purchasedAt: Instant }), { maxItems: 3 })
const DropWithPurchasers = answerOf('Drop API: drop with purchasers', { ...Drop.properties, purchasers: Purchasers })
const DropReservation = answerOf('Drop API: reservation', {
  id: Id,
  dropId: Id,
  userId: Type.String(),
  status: Type.Enum(['active', 'cancelled']),
  createdAt: Instant,
  expiresAt: Instant,
})
const DropOrder = answerOf('Drop API: order', { id: Id, dropId: Id, reservationId: Id, userId: Type.String(), createdAt: Instant })
const Made = answerOf('Drop API: made', { message: Type.String(), drop: Drop })
const Reserved = answerOf('Drop API: reserved', { reservation: DropReservation, drop: Drop })
const Bought = answerOf('Drop API: bought', { order: DropOrder, drop: Drop })
const Mine = answerOf('Drop API: my reservation', { reservation: DropReservation })

interface OfUser {
  Headers: { [userIdHeader]: string }
}
type OfDrop = OfUser & { Params: Static<typeof params> }

export function dropRoutes(app: FastifyInstance, shop: Holdfast, currency: string, live: Live): void {
  dropStream(app, live)
  const purchasersOf = createPurchasers(shop)

  app.post<{ Body: Static<typeof NewDrop> }>(
    '/v1/drops',
    {
      config: { access: access.admin, dialect },
      schema: {
        tags,
        operationId: 'createDrop',
        summary: 'Make a drop',
        headers: IdempotencyHeaders,
        body: NewDrop,
        response: { 201: Made, ...plainProblems(dialect, ...writeProblems, 'product_exists') },
      },
    },
    async (request, reply) => {
      const { name: ownName, unitPrice, offeringStock } = request.body
      const input = { name: ownName, price: moneyOf(unitPrice, currency, '/unitPrice'), totalStock: offeringStock }
      const outcome = await shop.submit(createProductCommand({ ...input, sku: newId() }, idempotencyOf(request, input)))
      return outcomeBody(reply, outcome, { view: (product) => ({ message: 'Drop made', drop: viewDrop(product) }), createdStatus: 201 })
    },
  )

  app.get<{ Querystring: { after?: string; limit?: number } }>(
    '/v1/drops',
    {
      config: { access: access.anybody, dialect },
      schema: {
        tags,
        operationId: 'listDrops',
        summary: 'List drops with their newest purchasers',
        description: `A page has ${pageSizeMax} drops at most, also where more are asked for.`,
        querystring: Type.Object({ after, limit: PageQuery.limit }),
        response: { 200: pageOf(DropWithPurchasers), ...plainProblems(dialect, ...readProblems) },
      },
    },
    async (request) => {
      const { after: cursor = null, limit = pageSizeMax } = request.query
      const page = await shop.products({ cursor, limit: Math.min(limit, pageSizeMax) }).catch(nameTheCursor)
      const purchasers = await Promise.all(page.data.map(purchasersOf))
      const data = page.data.map((product, index) => ({ product, purchasers: purchasers[index]! }))
      return viewPage({ ...page, data }, (drop) => ({ ...viewDrop(drop.product), purchasers: drop.purchasers }))
    },
  )

  app.post<OfDrop>(
    '/v1/drops/:dropId/reserve',
    {
      config: { access: access.buyer, userIdIn: 'headerOrBody', dialect },
      schema: {
        tags,
        operationId: 'reserveDrop',
        summary: 'Set one unit aside for a minute',
        description:
          'A user has one active reservation of all drops. drop tells how it is afterwards, also where an earlier answer is given again.',
        headers: UserAndIdempotencyHeaders,
        params,
        body: Named,
        response: { 202: Reserved, ...plainProblems(dialect, ...reserveProblems) },
      },
    },
    async (request, reply) => {
      const { dropId: sku } = request.params
      const userId = request.headers[userIdHeader]
      const input = { userId, items: [{ sku, quantity: 1 }], ttlSeconds }
      const outcome = isSku(sku)
        ? await shop.submit(reserveCommand(input, idempotencyOf(request, input), [slotOf(userId)]))
        : noProduct(sku)
      const product = outcome.ok ? await shop.product(sku) : null
      return outcomeBody(reply, outcome, {
        view: (reservation) => ({ reservation: viewReserved(reservation), drop: viewDrop(product!) }),
        createdStatus: 202,
      })
    },
  )

  app.post<OfDrop>(
    '/v1/drops/:dropId/purchase',
    {
      config: { access: access.buyer, userIdIn: 'headerOrBody', dialect },
      schema: {
        tags,
        operationId: 'purchaseDrop',
        summary: 'Buy what is reserved',
        description: 'drop tells how it is afterwards, also where an earlier answer is given again.',
        headers: UserAndIdempotencyHeaders,
        params,
        body: Named,
        response: { 201: Bought, 200: Bought, ...plainProblems(dialect, ...confirmProblems, 'product_not_found') },
      },
    },
    async (request, reply) => {
      const { dropId: sku } = request.params
      if (!isSku(sku)) return refusalBody(reply, { code: 'product_not_found', sku })
      const userId = request.headers[userIdHeader]
      const idempotency = idempotencyOf(request, { sku, userId })
      const outcome = await shop.submit(confirmCommand(await heldId(shop, slotOf(userId), userId, sku), { userId }, idempotency))
      const product = outcome.ok ? await shop.product(sku) : null
      return outcomeBody(reply, outcome, {
        view: ({ id, reservationId, createdAt }) => ({
          order: { id, dropId: sku, reservationId, userId, createdAt: instant(createdAt) },
          drop: viewDrop(product!),
        }),
        createdStatus: 201,
      })
    },
  )

  app.get<OfUser>(
    '/v1/reservations/me',
    {
      config: { access: access.buyerOrReader, userIdIn: 'header', dialect },
      schema: {
        tags,
        operationId: 'getMyDropReservation',
        summary: 'Read the reservation of a user',
        headers: UserHeaders,
        response: { 200: Mine, ...plainProblems(dialect, ...readProblems, 'reservation_not_found') },
      },
    },
    async (request, reply) => {
      const reservation = await occupantOf(shop, slotOf(request.headers[userIdHeader]))
      return reservation === null ? refusalBody(reply, { code: 'reservation_not_found' }) : { reservation: viewReserved(reservation) }
    },
  )

  app.delete<OfUser>(
    '/v1/reservations/me',
    {
      config: { access: access.buyer, userIdIn: 'header', dialect },
      schema: {
        tags,
        operationId: 'cancelMyDropReservation',
        summary: 'Give the unit back',
        headers: UserAndIdempotencyHeaders,
        response: { 200: Mine, ...plainProblems(dialect, ...cancelProblems) },
      },
    },
    async (request, reply) => {
      const userId = request.headers[userIdHeader]
      const idempotency = idempotencyOf(request, { userId })
      const outcome = await shop.submit(cancelCommand(await occupantId(shop, slotOf(userId)), { userId }, idempotency))
      return outcomeBody(reply, outcome, { view: (cancelled) => ({ reservation: viewReserved(cancelled) }) })
    },
  )
}

function nameTheCursor(error: unknown): never {
  throw faultCode(error) === 'invalid_cursor' ? new InvalidRequest([{ path: 'after', message: 'is not a cursor of this list' }]) : error
}

function viewReserved({ id, userId, items, status, createdAt, expiresAt }: Reservation): object {
  return { id, dropId: items[0]?.sku ?? '', userId, status, createdAt: instant(createdAt), expiresAt: instant(expiresAt) }
}
