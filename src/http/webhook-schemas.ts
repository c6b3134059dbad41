import Type, { type Static } from 'typebox'
import { eventTypes } from '../domain/event.ts'
import { instant } from '../engine/views.ts'
import { testType, urlLengthMax, type Attempt, type Webhook } from '../events/webhooks/webhook.ts'
import { Count, Id, Instant } from './schemas.ts'

/** Webhooks as the contract shows them: what may be asked, and what is answered. */

const closed = { additionalProperties: false } as const

const url = Type.String({
  minLength: 1,
  maxLength: urlLengthMax,
  description:
    'https or http, at an address of the public internet, without user name and password; other addresses only where the service allows them.',
  examples: ['https://shop.example/hooks'],
})
const events = Type.Array(Type.Enum([...eventTypes, '*']), {
  minItems: 1,
  uniqueItems: true,
  description: 'Types of events. Left out, or ["*"]: all, also those that there will be.',
})
const status = Type.Enum(['active', 'disabled'])

export const CreateWebhookInput = Type.Object({ url, events: Type.Optional(events) }, closed)
export const UpdateWebhookInput = Type.Object(
  { url: Type.Optional(url), events: Type.Optional(events), status: Type.Optional(status) },
  closed,
)
export const ReplayInput = Type.Object(
  {
    after: Type.Union([Type.String({ maxLength: 1_000 }), Type.Null()], {
      description: 'A cursor of the feed; null or "0": from the beginning.',
    }),
  },
  closed,
)
export const NoInput = Type.Object({}, closed)

export type CreateWebhookInput = Static<typeof CreateWebhookInput>
export type UpdateWebhookInput = Static<typeof UpdateWebhookInput>
export type ReplayInput = Static<typeof ReplayInput>

export const WebhookSchema = Type.Object(
  {
    id: Id,
    url: Type.String(),
    events: Type.Array(Type.String()),
    status,
    disabledReason: Type.Union([Type.String(), Type.Null()], { description: 'Why it is told of nothing; null while it is active.' }),
    createdAt: Instant,
    updatedAt: Instant,
  },
  { ...closed, title: 'Webhook' },
)

export const WebhookWithSecretSchema = Type.Object(
  {
    id: Id,
    url: Type.String(),
    events: Type.Array(Type.String()),
    status,
    secret: Type.String({ description: 'What deliveries are signed with. It is shown this once.', examples: ['whsec_…'] }),
    createdAt: Instant,
  },
  { ...closed, title: 'Webhook with its secret' },
)

export const AttemptSchema = Type.Object(
  {
    id: Id,
    eventId: Id,
    eventType: Type.String({ description: `${testType}: a test.` }),
    at: Instant,
    durationMs: Count,
    outcome: Type.Enum(['delivered', 'failed', 'given_up'], { description: 'given_up: no request, but the end of three days of them.' }),
    statusCode: Type.Union([Type.Integer(), Type.Null()], { description: 'What the endpoint answered; null: nothing.' }),
    reason: Type.Union([Type.String(), Type.Null()], { description: 'Why it failed.' }),
    response: Type.Union([Type.String(), Type.Null()], { description: 'The beginning of what the endpoint answered.' }),
  },
  { ...closed, title: 'Attempt' },
)

export function viewWebhook({ id, url: to, events: types, status: state, disabledReason, createdAt, updatedAt }: Webhook) {
  return { id, url: to, events: types, status: state, disabledReason, createdAt: instant(createdAt), updatedAt: instant(updatedAt) }
}

/** Only for who made it, or has rotated it. */
export function viewWithSecret({ id, url: to, events: types, status: state, secrets, createdAt }: Webhook) {
  return { id, url: to, events: types, status: state, secret: secrets[0]?.secret ?? '', createdAt: instant(createdAt) }
}

export function viewAttempt({ id, eventId, eventType, at, durationMs, outcome, statusCode, reason, response }: Attempt) {
  return { id, eventId, eventType, at: instant(at), durationMs, outcome, statusCode, reason, response }
}
