import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import type { Said } from '../../events/webhooks/kept.ts'
import type { Webhook } from '../../events/webhooks/webhook.ts'
import type { WebhookOutcome, Webhooks } from '../../events/webhooks/webhooks.ts'
import { idempotencyOf } from '../answer.ts'
import { access } from '../caller.ts'
import { problemBody, refusalBody } from '../problem.ts'
import { IdempotencyHeaders as headers, pageOf, PageQuery, problems, readProblems, writeProblems } from '../schemas.ts'
import { viewPage } from '../../engine/views.ts'
import * as shapes from '../webhook-schemas.ts'

const tags = ['Webhooks']
const config = { access: access.admin }
const params = Type.Object({ id: Type.String() })
const querystring = Type.Object(PageQuery, { additionalProperties: false })

interface OfOne {
  readonly Params: { readonly id: string }
}

export function webhookRoutes(app: FastifyInstance, webhooks: Webhooks): void {
  app.post<{ Body: shapes.CreateWebhookInput }>(
    '/v1/webhooks',
    {
      config,
      schema: {
        tags,
        operationId: 'createWebhook',
        summary: 'Tell an endpoint of events',
        description: 'It is told of what happens from now on. Keep the secret: it is shown here and by rotate only.',
        headers,
        body: shapes.CreateWebhookInput,
        response: { 201: shapes.WebhookWithSecretSchema, ...problems(...writeProblems, 'webhook_limit_exceeded') },
      },
    },
    async (request, reply) => {
      const say = (webhook: Webhook): Said => said(shapes.viewWithSecret(webhook), 201)
      return answer(reply, await webhooks.create(request.body, idempotencyOf(request), say))
    },
  )

  app.get<{ Querystring: { limit?: number; cursor?: string } }>(
    '/v1/webhooks',
    {
      config,
      schema: {
        tags,
        operationId: 'listWebhooks',
        summary: 'List webhooks, newest first',
        querystring,
        response: { 200: pageOf(shapes.WebhookSchema), ...problems(...readProblems) },
      },
    },
    async (request) => viewPage(await webhooks.list(request.query), shapes.viewWebhook),
  )

  app.get<OfOne>(
    '/v1/webhooks/:id',
    {
      config,
      schema: {
        tags,
        operationId: 'getWebhook',
        summary: 'Read a webhook',
        params,
        response: { 200: shapes.WebhookSchema, ...problems(...readProblems, 'webhook_not_found') },
      },
    },
    async (request, reply) => {
      const webhook = await webhooks.get(request.params.id)
      return webhook === null ? unknown(reply) : shapes.viewWebhook(webhook)
    },
  )

  app.patch<OfOne & { Body: shapes.UpdateWebhookInput }>(
    '/v1/webhooks/:id',
    {
      config,
      schema: {
        tags,
        operationId: 'updateWebhook',
        summary: 'Change a webhook',
        description: 'One that is disabled is told of nothing; made active again, it is told of what happened meanwhile.',
        headers,
        params,
        body: shapes.UpdateWebhookInput,
        response: { 200: shapes.WebhookSchema, ...problems(...writeProblems, 'webhook_not_found') },
      },
    },
    async (request, reply) => {
      const say = (webhook: Webhook): Said => said(shapes.viewWebhook(webhook))
      return answer(reply, await webhooks.update(request.params.id, request.body, idempotencyOf(request), say))
    },
  )

  app.delete<OfOne>(
    '/v1/webhooks/:id',
    {
      config,
      schema: {
        tags,
        operationId: 'deleteWebhook',
        summary: 'Delete a webhook',
        headers,
        params,
        response: { 204: Type.Null({ description: 'It is told of nothing more.' }), ...problems(...writeProblems, 'webhook_not_found') },
      },
    },
    async (request, reply) =>
      answer(reply, await webhooks.remove(request.params.id, idempotencyOf(request), () => ({ status: 204, body: '' }))),
  )

  app.post<OfOne>(
    '/v1/webhooks/:id/rotate',
    {
      config,
      schema: {
        tags,
        operationId: 'rotateWebhook',
        summary: 'Give a webhook a new secret',
        description: 'For 24 hours deliveries carry a signature of the old secret as well.',
        headers,
        params,
        body: shapes.NoInput,
        response: { 200: shapes.WebhookWithSecretSchema, ...problems(...writeProblems, 'webhook_not_found') },
      },
    },
    async (request, reply) => {
      const say = (webhook: Webhook): Said => said(shapes.viewWithSecret(webhook))
      return answer(reply, await webhooks.rotate(request.params.id, idempotencyOf(request), say))
    },
  )

  app.post<OfOne>(
    '/v1/webhooks/:id/test',
    {
      config,
      schema: {
        tags,
        operationId: 'testWebhook',
        summary: 'Send an endpoint a test',
        description:
          'An event of the type webhook.test, now and once, whatever types the webhook asks for. The answer says what came of it.',
        headers,
        params,
        body: shapes.NoInput,
        response: { 200: shapes.AttemptSchema, ...problems(...writeProblems, 'webhook_not_found') },
      },
    },
    async (request, reply) =>
      answer(reply, await webhooks.test(request.params.id, idempotencyOf(request), (attempt) => said(shapes.viewAttempt(attempt)))),
  )

  app.post<OfOne & { Body: shapes.ReplayInput }>(
    '/v1/webhooks/:id/replay',
    {
      config,
      schema: {
        tags,
        operationId: 'replayWebhook',
        summary: 'Tell an endpoint again what happened',
        description: 'Every event after the cursor, of the types that it asks for; they have the ids that they had.',
        headers,
        params,
        body: shapes.ReplayInput,
        response: { 202: shapes.WebhookSchema, ...problems(...writeProblems, 'webhook_not_found') },
      },
    },
    async (request, reply) => {
      const say = (webhook: Webhook): Said => said(shapes.viewWebhook(webhook), 202)
      return answer(reply, await webhooks.replay(request.params.id, request.body.after, idempotencyOf(request), say))
    },
  )

  app.get<OfOne & { Querystring: { limit?: number; cursor?: string } }>(
    '/v1/webhooks/:id/attempts',
    {
      config,
      schema: {
        tags,
        operationId: 'listWebhookAttempts',
        summary: 'Read what came of the last deliveries, newest first',
        description: 'The last 100; fewer where endpoints answer much.',
        params,
        querystring,
        response: { 200: pageOf(shapes.AttemptSchema), ...problems(...readProblems, 'webhook_not_found') },
      },
    },
    async (request, reply) => {
      const page = await webhooks.attempts(request.params.id, request.query)
      return page === null ? unknown(reply) : viewPage(page, shapes.viewAttempt)
    },
  )
}

function said(view: object, status = 200): Said {
  return { status, body: JSON.stringify(view) }
}

/** Byte for byte what was said, be it now or before. */
function answer(reply: FastifyReply, outcome: WebhookOutcome): object | string {
  if (!outcome.ok) return refuse(reply, outcome)
  const { id, said: told, replayed } = outcome
  reply.code(told.status)
  if (told.status === 201) reply.header('location', `${reply.server.prefix}/v1/webhooks/${id}`)
  if (replayed) reply.header('idempotent-replayed', 'true')
  if (told.status === 204) return reply.send()
  reply.header('content-type', 'application/json; charset=utf-8')
  return told.body
}

function refuse(reply: FastifyReply, refused: WebhookOutcome & { readonly ok: false }): object {
  switch (refused.code) {
    case 'webhook_not_found':
      return unknown(reply)
    case 'webhook_limit_exceeded':
      return problemBody(reply, refused.code, 'There are 100 webhooks already, as many as there may be; delete one that nobody needs.')
    case 'idempotency_key_reused':
      return refusalBody(reply, { code: refused.code })
    case 'validation_failed':
      return refusalBody(reply, { code: refused.code, errors: refused.errors })
  }
}

function unknown(reply: FastifyReply): object {
  return problemBody(reply, 'webhook_not_found', 'There is no webhook with this id.')
}
