import type { Clock } from '../../store/clock.ts'
import { newId } from '../../engine/ids.ts'
import type { Destinations } from './destination.ts'
import { createAgents, post, type Agents, type Answer } from './post.ts'
import { retryAfterMsMax } from './retry.ts'
import { signedHeaders } from './sign.ts'
import type { Attempt, Webhook } from './webhook.ts'

export interface Message {
  readonly id: string
  readonly type: Attempt['eventType']
  /** JSON. */
  readonly body: string
}

export interface Sent {
  readonly attempt: Attempt
  /** The endpoint asked to be left alone for so long. */
  readonly retryAfterMs?: number
}

/** Makes requests to the endpoints of webhooks, each with connections of its own. */
export interface Sender {
  /** One attempt. Never rejects. */
  readonly send: (webhook: Webhook, message: Message, signal?: AbortSignal) => Promise<Sent>
  /** Close the connections to an endpoint. */
  readonly forget: (webhookId: string) => void
  readonly close: () => void
}

export interface SenderOptions {
  readonly destinations: Destinations
  readonly now: Clock
  /** For a whole exchange. */
  readonly msMax: number
}

/** How many connections an endpoint has at most, and how many events it is told of at the same time. */
export const connectionsMax = 8
/** Of the answer's body, for people. */
const responseLengthMax = 500

export function createSender({ destinations, now, msMax }: SenderOptions): Sender {
  const agentsOf = new Map<string, Agents>()

  const exchange = async (webhook: Webhook, message: Message, at: number, signal: AbortSignal | undefined): Promise<Answer> => {
    const url = new URL(webhook.url)
    const problem = destinations.addressProblemOf(url)
    if (problem !== null) return { status: null, problem: `${problem}.`, retryAfter: null, body: Buffer.alloc(0) }
    const agents = agentsOf.get(webhook.id) ?? createAgents({ lookup: destinations.lookup, connectionsMax })
    agentsOf.set(webhook.id, agents)
    const { id, body } = message
    const headers = { 'content-type': 'application/json', 'user-agent': 'holdfast', ...signedHeaders(webhook.secrets, id, body, at) }
    return post({ url, headers, body, agents, msMax, signal })
  }

  return {
    send: async (webhook, message, signal) => {
      const at = now()
      const startedAt = performance.now()
      const answer = await exchange(webhook, message, at, signal)
      const { status, body } = answer
      const isDelivered = status !== null && status >= 200 && status < 300
      const attempt: Attempt = {
        id: newId(),
        eventId: message.id,
        eventType: message.type,
        at,
        durationMs: Math.round(performance.now() - startedAt),
        outcome: isDelivered ? 'delivered' : 'failed',
        statusCode: status,
        reason: isDelivered ? null : reasonOf(answer),
        response: body.length === 0 ? null : body.toString().slice(0, responseLengthMax).toWellFormed(),
      }
      const retryAfterMs = isDelivered ? null : retryAfterOf(answer, now())
      return retryAfterMs === null ? { attempt } : { attempt, retryAfterMs }
    },
    forget: (webhookId) => {
      agentsOf.get(webhookId)?.destroy()
      agentsOf.delete(webhookId)
    },
    close: () => {
      for (const agents of agentsOf.values()) agents.destroy()
      agentsOf.clear()
    },
  }
}

function reasonOf({ status, problem }: Answer): string {
  if (status === null) return problem ?? 'It did not answer.'
  if (status === 410) return 'It answered 410: it is gone.'
  if (status >= 300 && status < 400) return `It answered ${status}: redirects are not followed, so give the webhook the new url.`
  return `It answered ${status}.`
}

/** Seconds, or a date; what is neither, or is in the past, says nothing. */
function retryAfterOf({ status, retryAfter }: Answer, now: number): number | null {
  if (retryAfter === null || (status !== 429 && status !== 503)) return null
  const ms = /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - now
  return ms > 0 ? Math.min(ms, retryAfterMsMax) : null
}
