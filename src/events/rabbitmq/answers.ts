import type { ConsumeMessage, MessagePropertyHeaders } from 'amqplib'
import type { Outcome } from '../../domain/command.ts'
import type { InputError, Refusal } from '../../domain/refusals.ts'
import { explainRefusal } from '../../domain/refusals.ts'
import type { Publication } from './publisher.ts'

/** Why a command was not done: a refusal, or a failure that repeating would not mend. */
export type Rejection = Refusal | { readonly code: 'internal' }

/** What became of a command, for those who must hear of it. */
export interface Settled {
  readonly id: string | null
  readonly outcome: Outcome<object> | { readonly ok: false; readonly refusal: Rejection }
  /** Nobody can have meant it as it is, so people shall look at it. */
  readonly isPoison: boolean
}

export function poison(id: string | null, errors: readonly InputError[]): Settled {
  return { id, outcome: { ok: false, refusal: { code: 'validation_failed', errors } }, isPoison: true }
}

export function settledAs(id: string, outcome: Settled['outcome']): Settled {
  const isPoison = !outcome.ok && ['validation_failed', 'idempotency_key_reused', 'internal'].includes(outcome.refusal.code)
  return { id, outcome, isPoison }
}

/** `{ id, ok: true, value }` or `{ id, ok: false, refusal }`, to the queue that the sender named. */
export function answerTo({ properties }: ConsumeMessage, { id, outcome }: Settled): Publication {
  const said = outcome.ok
    ? { id, ok: true, value: outcome.value }
    : { id, ok: false, refusal: { ...outcome.refusal, detail: sentence(outcome.refusal) } }
  return {
    exchange: '',
    routingKey: textOf(properties.replyTo) ?? '',
    body: Buffer.from(JSON.stringify(said)),
    properties: {
      messageId: short(id ?? ''),
      correlationId: textOf(properties.correlationId) ?? short(id ?? ''),
      contentType: 'application/json',
      type: 'holdfast.answer',
    },
  }
}

/** A header that is longer is cut. */
const detailLengthMax = 1_000
/** Headers of the sender come along up to this size; RabbitMQ takes twice as much in all. */
const headersBytesMax = 32 * 1024

/** The message as it came, with the reason. It does not expire there. */
export function deadLetter({ content, properties }: ConsumeMessage, queue: string, { id, outcome }: Settled): Publication {
  const refusal: Rejection = outcome.ok ? { code: 'internal' } : outcome.refusal
  const { contentType, contentEncoding, correlationId, replyTo, type, timestamp, priority, messageId } = properties
  const given = { contentType, contentEncoding, correlationId, replyTo, type, timestamp: timestampOf(timestamp), priority }
  return {
    exchange: '',
    routingKey: queue,
    body: content,
    properties: {
      ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
      messageId: textOf(messageId) ?? short(id ?? ''),
      headers: {
        ...headersOf(properties.headers ?? {}),
        'x-holdfast-reason': refusal.code,
        'x-holdfast-detail': sentence(refusal).slice(0, detailLengthMax),
      },
    },
  }
}

/** Of a dead letter that cannot be sent as it is, because its sender gave it properties that RabbitMQ brings and the driver cannot write: the body and the reason. */
export function bare({ properties, ...publication }: Publication): Publication {
  const { messageId, headers = {} } = properties
  const { 'x-holdfast-reason': reason, 'x-holdfast-detail': detail } = headers as Readonly<Record<string, unknown>>
  return {
    ...publication,
    properties: { messageId: short(messageId), headers: { 'x-holdfast-reason': reason, 'x-holdfast-detail': detail } },
  }
}

/** Without those by which RabbitMQ would bring the message to further queues, perhaps to the one it came from. */
function headersOf({ CC: _cc, BCC: _bcc, ...headers }: MessagePropertyHeaders): MessagePropertyHeaders {
  return JSON.stringify(headers).length <= headersBytesMax ? headers : {}
}

function timestampOf(timestamp: unknown): number | undefined {
  return typeof timestamp === 'number' ? timestamp : undefined
}

function sentence(rejection: Rejection): string {
  return rejection.code === 'internal'
    ? 'It failed in a way that should not be; the log of the service says how.'
    : explainRefusal(rejection)
}

/** Short strings have 255 bytes at most. */
function short(text: string): string {
  return Buffer.byteLength(text) <= 255 ? text : text.slice(0, 60)
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
