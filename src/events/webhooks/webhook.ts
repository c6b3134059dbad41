import type { EventType } from '../../domain/event.ts'

/** Somebody's endpoint that is told of events. */
export interface Webhook {
  readonly id: string
  readonly url: string
  /** `*` alone: of every type, also of those that there will be. */
  readonly events: readonly (EventType | '*')[]
  readonly status: 'active' | 'disabled'
  /** For people. null: it is active. */
  readonly disabledReason: string | null
  /** The newest first. */
  readonly secrets: readonly Secret[]
  /** Epoch milliseconds, as are the next two. */
  readonly createdAt: number
  readonly updatedAt: number
  /** When it was last made active, or given another url: what failed before says nothing of it. */
  readonly activeSince: number
  /** Where the feed ended when it was made: what happened before is not told. null: there was nothing. */
  readonly startAfter: string | null
  /** Asks to begin again after this cursor, once for each tag. */
  readonly replay: { readonly tag: string; readonly after: string | null } | null
}

export interface Secret {
  /** `whsec_` and base64. */
  readonly secret: string
  /** Epoch milliseconds until which it still signs; null: no end is set. */
  readonly until: number | null
}

/** One request to an endpoint, or the decision not to make any more for an event. */
export interface Attempt {
  readonly id: string
  readonly eventId: string
  readonly eventType: EventType | typeof testType
  /** Epoch milliseconds. */
  readonly at: number
  readonly durationMs: number
  readonly outcome: 'delivered' | 'failed' | 'given_up'
  /** What the endpoint answered; null: nothing. */
  readonly statusCode: number | null
  /** Why it failed, for people; null: it did not. */
  readonly reason: string | null
  /** The beginning of the body of the answer; null: there was none. */
  readonly response: string | null
}

/** Of the event that a test sends; it is in no feed. */
export const testType = 'webhook.test'

/** Of a shop: each is a consumer of its own, which reads the whole feed. */
export const webhooksMax = 100
export const urlLengthMax = 2_048

const dayMs = 24 * 60 * 60 * 1000
/** How long a secret signs after it was replaced: time to give the new one to the endpoint. */
export const oldSecretMs = dayMs
/** How long an event is tried. An endpoint that fails for all of it is disabled. */
export const triedForMsMax = 3 * dayMs

/** Told of nothing more, if it is told of anything. */
export function disabled(webhook: Webhook, disabledReason: string, now: number): Webhook {
  return webhook.status === 'active' ? { ...webhook, status: 'disabled', disabledReason, updatedAt: now } : webhook
}
