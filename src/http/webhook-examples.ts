import type { Attempt, Webhook } from '../events/webhooks/webhook.ts'
import type { Example } from './examples.ts'
import { viewAttempt, viewWebhook, viewWithSecret } from './webhook-schemas.ts'

/** What the documentation shows of webhooks: an order system that hears of the sale. */

const createdAt = Date.UTC(2026, 10, 26, 15, 30)
const url = 'https://orders.shop.example/hooks/holdfast'
const secretOf = (text: string): string => `whsec_${Buffer.from(text).toString('base64')}`

const webhook: Webhook = {
  id: '019ac091-1f40-7000-8a3c-5d0c2f6e9b14',
  url,
  events: ['order.created', 'order.cancelled'],
  status: 'active',
  disabledReason: null,
  secrets: [{ secret: secretOf('an example, not a secret of any'), until: null }],
  createdAt,
  updatedAt: createdAt,
  activeSince: createdAt,
  startAfter: null,
  replay: null,
}

const delivered: Attempt = {
  id: '019ac37b-5e91-7000-9c1f-2b7a4d8e6f03',
  eventId: '14',
  eventType: 'order.created',
  at: Date.UTC(2026, 10, 27, 9, 0, 49, 297),
  durationMs: 83,
  outcome: 'delivered',
  statusCode: 204,
  reason: null,
  response: null,
}
const failed: Attempt = {
  ...delivered,
  id: '019ac37b-4b02-7000-8f10-7c3e9a5b1d26',
  at: delivered.at - 5_004,
  durationMs: 12,
  outcome: 'failed',
  statusCode: 502,
  reason: 'It answered 502.',
  response: 'Bad gateway',
}

/** By `operationId`. */
export const webhookExamples: Readonly<Record<string, Example>> = {
  createWebhook: { body: { url, events: webhook.events }, answer: viewWithSecret(webhook) },
  listWebhooks: { answer: { data: [viewWebhook(webhook)], nextCursor: null } },
  getWebhook: { answer: viewWebhook(webhook) },
  updateWebhook: {
    body: { status: 'disabled' },
    answer: viewWebhook({ ...webhook, status: 'disabled', disabledReason: 'Disabled by an operator.', updatedAt: delivered.at }),
  },
  rotateWebhook: {
    body: {},
    answer: viewWithSecret({ ...webhook, secrets: [{ secret: secretOf('another example, and no secret'), until: null }] }),
  },
  testWebhook: {
    body: {},
    answer: viewAttempt({ ...delivered, eventId: 'test-019ac37b-5e91-7000-9c1f-2b7a4d8e6f03', eventType: 'webhook.test' }),
  },
  replayWebhook: { body: { after: 'MTI' }, answer: viewWebhook({ ...webhook, updatedAt: delivered.at }) },
  listWebhookAttempts: { answer: { data: [viewAttempt(delivered), viewAttempt(failed)], nextCursor: null } },
}
