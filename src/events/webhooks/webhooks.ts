import type { Idempotency } from '../../domain/command.ts'
import type { EventType } from '../../domain/event.ts'
import { faultCode } from '../../domain/faults.ts'
import { completeQuery, type Page, type PageQuery } from '../../domain/pages.ts'
import type { InputError } from '../../domain/refusals.ts'
import type { Holdfast } from '../../engine/holdfast.ts'
import { newId } from '../../engine/ids.ts'
import { systemClock, type Clock } from '../../store/clock.ts'
import type { Notes, Store } from '../../store/port.ts'
import { createAttemptLog, type AttemptLog } from './attempts.ts'
import { createDestinations, type Resolve } from './destination.ts'
import { createKept, type Kept, type Said, type Told } from './kept.ts'
import { pageAfter } from './pages.ts'
import { createSender, type Sender } from './sender.ts'
import { newSecret, rotate } from './sign.ts'
import { testEvent } from './test-event.ts'
import { disabled, type Attempt, type Webhook } from './webhook.ts'

export interface WebhookInput {
  readonly url: string
  /** Left out: every type, also those that there will be. */
  readonly events?: Webhook['events']
}

export interface WebhookPatch extends Partial<WebhookInput> {
  readonly status?: Webhook['status']
}

export type WebhookOutcome = Told | { readonly ok: false; readonly code: 'validation_failed'; readonly errors: readonly InputError[] }

/** What is answered is kept with the effect, under the key, and answered again. */
type Say = (webhook: Webhook) => Said

/** The webhooks of a shop, as its operators have them. Everything may throw `store_unavailable`. */
export interface Webhooks {
  readonly create: (input: WebhookInput, key: Idempotency | null, say: Say) => Promise<WebhookOutcome>
  /** Newest first. */
  readonly list: (query: Partial<PageQuery>) => Promise<Page<Webhook>>
  readonly get: (id: string) => Promise<Webhook | null>
  readonly update: (id: string, patch: WebhookPatch, key: Idempotency | null, say: Say) => Promise<WebhookOutcome>
  readonly remove: (id: string, key: Idempotency | null, say: Say) => Promise<WebhookOutcome>
  readonly rotate: (id: string, key: Idempotency | null, say: Say) => Promise<WebhookOutcome>
  /** Tell it again what came after the cursor; null: everything. */
  readonly replay: (id: string, after: string | null, key: Idempotency | null, say: Say) => Promise<WebhookOutcome>
  /** Sends an event that is in no feed, from this process and at once. */
  readonly test: (id: string, key: Idempotency | null, say: (attempt: Attempt) => Said) => Promise<WebhookOutcome>
  /** Newest first. null: there is no such webhook. */
  readonly attempts: (id: string, query: Partial<PageQuery>) => Promise<Page<Attempt> | null>
  /** Calls when one was changed in this process. */
  readonly onChange: (listener: () => void) => void
  /** Close what tests have left open, and keep what came of them. */
  readonly close: () => Promise<void>
  /** For those who deliver. */
  readonly parts: { readonly kept: Kept; readonly log: AttemptLog; readonly sender: Sender; readonly now: Clock; readonly notes: Notes }
}

export interface WebhooksOptions {
  readonly shop: Pick<Holdfast, 'events' | 'lastCursor'>
  readonly notes: Notes
  /** Endpoints may be at addresses that are not public. */
  readonly allowPrivate?: boolean
  readonly resolve?: Resolve
  readonly now?: Clock
  /** For one request to an endpoint. */
  readonly msMax?: number
  readonly report: (error: unknown) => void
}

/** Those of the shop in this store; null: it cannot keep them. */
export function openWebhooks({ store, ...options }: Omit<WebhooksOptions, 'notes'> & { readonly store: Store }): Webhooks | null {
  return store.notes === undefined ? null : createWebhooks({ ...options, notes: store.notes })
}

/** Long enough for an endpoint that works before it answers; its connection is of no use to others meanwhile. */
const msMaxDefault = 15_000

export function createWebhooks(options: WebhooksOptions): Webhooks {
  const { shop, notes, allowPrivate = false, resolve, now = systemClock, msMax = msMaxDefault, report } = options
  const destinations = createDestinations({ allowPrivate, resolve })
  const kept = createKept(notes, now)
  const log = createAttemptLog(notes, report)
  const sender = createSender({ destinations, now, msMax })
  const listeners: (() => void)[] = []

  const changed = (told: Told): Told => {
    if (told.ok && !told.replayed) for (const listener of listeners) listener()
    return told
  }
  const change = async (id: string, key: Idempotency | null, edit: (webhook: Webhook) => Webhook | null, say: Say): Promise<Told> =>
    changed(await kept.change(id, key, edit, say))
  /** Before the address is looked at, because it may have changed since the first time. */
  const checked = async (url: string | undefined, key: Idempotency | null): Promise<WebhookOutcome | null> => {
    const before = await kept.remembered(key)
    if (before !== null || url === undefined) return before
    const problem = await destinations.problemOf(url)
    return problem === null ? null : invalid('/url', problem)
  }

  return {
    create: async ({ url, events = ['*'] }, key, say) => {
      const refused = problemOfEvents(events) ?? (await checked(url, key))
      if (refused !== null) return refused
      const startAfter = await shop.lastCursor()
      const at = now()
      const secrets = [{ secret: newSecret(), until: null }]
      const begun = { createdAt: at, updatedAt: at, activeSince: at, startAfter, replay: null }
      return changed(await kept.create(key, (id) => ({ id, url, events, status: 'active', disabledReason: null, secrets, ...begun }), say))
    },
    list: async (query) => pageAfter(await kept.list(), completeQuery(query)),
    get: kept.get,

    update: async (id, { url, events, status }, key, say) => {
      const refused = (events === undefined ? null : problemOfEvents(events)) ?? (await checked(url, key))
      if (refused !== null) return refused
      const edit = (webhook: Webhook): Webhook => {
        const isNew = (url !== undefined && url !== webhook.url) || (status === 'active' && webhook.status === 'disabled')
        const activeSince = isNew ? now() : webhook.activeSince
        const named = { ...(url !== undefined && { url }), ...(events !== undefined && { events }) }
        return { ...webhook, ...named, ...stateOf(webhook, status), activeSince, updatedAt: now() }
      }
      return change(id, key, url === undefined && events === undefined && status === undefined ? (webhook) => webhook : edit, say)
    },
    remove: (id, key, say) => change(id, key, () => null, say),
    rotate: (id, key, say) =>
      change(id, key, (webhook) => ({ ...webhook, secrets: rotate(webhook.secrets, now()), updatedAt: now() }), say),
    replay: async (id, after, key, say) => {
      if (!(await isCursor(shop, after))) return invalid('/after', 'is not a cursor of this feed')
      return change(id, key, (webhook) => ({ ...webhook, replay: { tag: newId(), after }, updatedAt: now() }), say)
    },

    test: async (id, key, say) => {
      const before = await kept.remembered(key)
      if (before !== null) return before
      const webhook = await kept.get(id)
      if (webhook === null) return { ok: false, code: 'webhook_not_found' }
      const { attempt } = await sender.send(webhook, testEvent(webhook, key, now()))
      log.add(id, attempt)
      // Two equal requests at the same time may both have sent it, under one id; both are answered as the first.
      const isGone = attempt.statusCode === 410
      const edit = (same: Webhook): Webhook => (isGone && same.url === webhook.url ? disabled(same, attempt.reason ?? '', now()) : same)
      return change(id, key, edit, () => say(attempt))
    },
    attempts: async (id, query) => {
      if ((await kept.get(id)) === null) return null
      const { attempts } = await log.read(id)
      return pageAfter(attempts.toReversed(), completeQuery(query))
    },

    onChange: (listener) => void listeners.push(listener),
    close: async () => {
      await log.flush()
      sender.close()
    },
    parts: { kept, log, sender, now, notes },
  }
}

function invalid(path: string, message: string): WebhookOutcome {
  return { ok: false, code: 'validation_failed', errors: [{ path, message }] }
}

function problemOfEvents(events: readonly (EventType | '*')[]): WebhookOutcome | null {
  return events.includes('*') && events.length > 1 ? invalid('/events', 'must be a list of types, or ["*"] alone for all of them') : null
}

function stateOf(webhook: Webhook, status: Webhook['status'] | undefined): Partial<Webhook> {
  if (status === undefined || status === webhook.status) return {}
  return { status, disabledReason: status === 'active' ? null : 'Disabled by an operator.' }
}

async function isCursor(shop: Pick<Holdfast, 'events'>, cursor: string | null): Promise<boolean> {
  try {
    await shop.events({ cursor, limit: 1 })
    return true
  } catch (error) {
    if (faultCode(error) === 'invalid_cursor') return false
    throw error
  }
}
