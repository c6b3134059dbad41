import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import type { Metadata } from '../../domain/limits.ts'
import type { ReservationStatus } from '../../domain/reservation.ts'
import { cancelCommand, confirmCommand, extendCommand, reserveCommand } from '../../engine/commands.ts'
import { metadataErrors, type Holdfast } from '../../engine/holdfast.ts'
import * as inputs from '../../engine/schemas.ts'
import { idempotencyOf, outcomeBody } from '../answer.ts'
import { access, hideOthers, isHiddenFrom } from '../caller.ts'
import { InvalidRequest } from '../body.ts'
import { refusalBody } from '../problem.ts'
import {
  IdempotencyHeaders as headers,
  OrderSchema,
  pageOf,
  PageQuery,
  problems,
  ReservationSchema,
  readProblems,
  cancelProblems,
  confirmProblems,
  reserveProblems,
} from '../schemas.ts'
import { viewOrder, viewPage, viewReservation, writeReservation } from '../../engine/views.ts'

const tags = ['Reservations']
const params = Type.Object({ id: Type.String() })

export function reservationRoutes(app: FastifyInstance, shop: Holdfast): void {
  app.post<{ Body: inputs.ReserveInput }>(
    '/v1/reservations',
    {
      config: { access: access.buyer, userIdIn: 'body' },
      schema: {
        tags,
        operationId: 'reserve',
        summary: 'Set units aside for a user: all lines or none',
        headers,
        body: inputs.ReserveInput,
        response: {
          201: ReservationSchema,
          ...problems(...reserveProblems),
        },
      },
    },
    async (request, reply) => {
      refuseLongMetadata(request.body)
      const outcome = await shop.submit(reserveCommand(request.body, idempotencyOf(request)))
      return outcomeBody(reply, outcome, { view: writeReservation, createdStatus: 201, location: ({ id }) => `/v1/reservations/${id}` })
    },
  )

  app.get<{ Params: { id: string } }>(
    '/v1/reservations/:id',
    {
      config: { access: access.buyerOrReader },
      schema: {
        tags,
        operationId: 'getReservation',
        summary: 'Read a reservation',
        params,
        response: { 200: ReservationSchema, ...problems(...readProblems, 'reservation_not_found', 'reservation_lost') },
      },
    },
    async (request, reply) => {
      const reservation = await shop.reservation(request.params.id)
      if (reservation === null || isHiddenFrom(request, reservation.userId)) return refusalBody(reply, { code: 'reservation_not_found' })
      return reservation.status === 'lost' ? refusalBody(reply, { code: 'reservation_lost' }) : viewReservation(reservation)
    },
  )

  app.get<{ Querystring: { userId?: string; sku?: string; status?: ReservationStatus; limit?: number; cursor?: string } }>(
    '/v1/reservations',
    {
      config: { access: access.buyerOrReader, userIdIn: 'query' },
      schema: {
        tags,
        operationId: 'listReservations',
        summary: 'List reservations, newest first',
        querystring: Type.Object(
          {
            userId: Type.Optional(inputs.UserId),
            sku: Type.Optional(inputs.Sku),
            status: Type.Optional(Type.Enum(['active', 'confirmed', 'cancelled', 'expired'])),
            ...PageQuery,
          },
          { additionalProperties: false },
        ),
        response: { 200: pageOf(ReservationSchema), ...problems(...readProblems) },
      },
    },
    async (request) => viewPage(await shop.reservations(request.query), viewReservation),
  )

  app.post<{ Params: { id: string }; Body: inputs.ConfirmInput }>(
    '/v1/reservations/:id/confirm',
    {
      config: { access: access.buyer, userIdIn: 'body' },
      schema: {
        tags,
        operationId: 'confirm',
        summary: 'Turn a reservation into an order',
        description: 'Safe to repeat: 201 the first time, then 200 with the same order.',
        headers,
        params,
        body: inputs.ConfirmInput,
        response: { 201: OrderSchema, 200: OrderSchema, ...problems(...confirmProblems) },
      },
    },
    async (request, reply) => {
      refuseLongMetadata(request.body)
      const outcome = await shop.submit(confirmCommand(request.params.id, request.body, idempotencyOf(request)))
      return outcomeBody(reply, hideOthers(request, outcome), {
        view: viewOrder,
        createdStatus: 201,
        location: ({ id }) => `/v1/orders/${id}`,
      })
    },
  )

  app.post<{ Params: { id: string }; Body: inputs.CancelInput }>(
    '/v1/reservations/:id/cancel',
    {
      config: { access: access.buyer, userIdIn: 'body' },
      schema: {
        tags,
        operationId: 'cancel',
        summary: 'Give the units back',
        description: 'Safe to repeat.',
        headers,
        params,
        body: inputs.CancelInput,
        response: { 200: ReservationSchema, ...problems(...cancelProblems) },
      },
    },
    async (request, reply) => {
      const outcome = await shop.submit(cancelCommand(request.params.id, request.body, idempotencyOf(request)))
      return outcomeBody(reply, hideOthers(request, outcome), { view: viewReservation })
    },
  )

  app.post<{ Params: { id: string }; Body: inputs.ExtendInput }>(
    '/v1/reservations/:id/extend',
    {
      config: { access: access.buyer, userIdIn: 'body' },
      schema: {
        tags,
        operationId: 'extend',
        summary: 'Give the user more time, from now on',
        description: 'expiresAt never moves back.',
        headers,
        params,
        body: inputs.ExtendInput,
        response: { 200: ReservationSchema, ...problems(...cancelProblems) },
      },
    },
    async (request, reply) => {
      const outcome = await shop.submit(extendCommand(request.params.id, request.body, idempotencyOf(request)))
      return outcomeBody(reply, hideOthers(request, outcome), { view: viewReservation })
    },
  )
}

function refuseLongMetadata(body: { readonly metadata?: Metadata }): void {
  const errors = metadataErrors(body)
  if (errors !== null) throw new InvalidRequest(errors)
}
