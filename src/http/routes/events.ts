import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { faultCode } from '../../domain/faults.ts'
import type { Holdfast } from '../../engine/holdfast.ts'
import { InvalidRequest } from '../body.ts'
import { access } from '../caller.ts'
import { EventSchema, pageOf, PageQuery, problems, readProblems } from '../schemas.ts'
import { viewEvent, viewPage } from '../../engine/views.ts'

const after = Type.Optional(Type.String({ description: 'nextCursor of the page before, or 0 for the beginning.' }))

export function eventRoutes(app: FastifyInstance, shop: Holdfast): void {
  app.get<{ Querystring: { after?: string; limit?: number } }>(
    '/v1/events',
    {
      config: { access: access.reader },
      schema: {
        tags: ['Events'],
        operationId: 'listEvents',
        summary: 'Read the feed, oldest first',
        description:
          'nextCursor continues, now or tomorrow; it is null only while the feed is empty. Events are kept for a set time: without after, or after 0, it begins with the oldest that is kept, and after one whose next event is not kept any more the answer is 410.',
        querystring: Type.Object({ after, limit: PageQuery.limit }, { additionalProperties: false }),
        response: { 200: pageOf(EventSchema), ...problems(...readProblems, 'cursor_expired') },
      },
    },
    async (request) => {
      const { after: cursor = null, limit } = request.query
      try {
        return viewPage(await shop.events(limit === undefined ? { cursor } : { cursor, limit }), viewEvent)
      } catch (error) {
        throw faultCode(error) === 'invalid_cursor'
          ? new InvalidRequest([{ path: 'after', message: 'is not a cursor of this feed' }])
          : error
      }
    },
  )
}
