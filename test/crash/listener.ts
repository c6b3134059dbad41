import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { startEndpoint } from '../support/endpoint.ts'
import type { Client } from './client.ts'

interface Told {
  readonly id: string
  readonly type: string
  readonly subject: string
  readonly data: { readonly reservationId?: string }
}

export interface Listener {
  readonly listen: (client: Client) => Promise<void>
  /** Everything in the feed must come, the first time in the order of each reservation, and each time with the same bytes. How often something came again. */
  readonly judge: (client: Client) => Promise<{ readonly events: number; readonly repeats: number }>
}

/** A webhook that hears of every event. */
export async function createListener(): Promise<Listener> {
  const endpoint = await startEndpoint()
  return {
    listen: async (client) => {
      const answer = await client.post('/v1/webhooks', { url: endpoint.url }, null)
      assert.equal(answer?.status, 201, answer?.text)
    },
    judge: async (client) => {
      const feed = await feedOf(client)
      const firsts = new Map<string, string>()
      let seen = 0
      // The node that told it may have been killed; another one goes on after a while.
      for (const end = performance.now() + 40_000; ; await delay(50)) {
        for (; seen < endpoint.received.length; seen++) {
          const { body } = endpoint.received[seen]!
          const { id } = JSON.parse(body) as Told
          assert.equal(body, (firsts.has(id) ? firsts : firsts.set(id, body)).get(id), 'E4: same id, same bytes')
        }
        const missing = feed.filter(({ id }) => !firsts.has(id)).length
        if (missing === 0) break
        assert.ok(performance.now() < end, `E2: ${missing} of ${feed.length} events have not come`)
      }
      // What expired since the feed was read is not asked for.
      const asked = new Set(feed.map(({ id }) => id))
      const told = Array.from(firsts.values(), (body) => JSON.parse(body) as Told).filter(({ id }) => asked.has(id))
      assert.deepEqual(byKey(told), byKey(feed), 'each event, in the order of its reservation or product')
      return { events: feed.length, repeats: seen - firsts.size }
    },
  }
}

function byKey(events: readonly Told[]): Map<string, string[]> {
  const ids = new Map<string, string[]>()
  for (const { id, type, subject, data } of events) {
    const key = type.startsWith('order.') ? data.reservationId! : subject
    ids.set(key, [...(ids.get(key) ?? []), id])
  }
  return ids
}

/** Since the webhook was made. */
async function feedOf(client: Client): Promise<Told[]> {
  const events: Told[] = []
  for (let cursor = '0'; ;) {
    const { text } = await client.get(`/v1/events?limit=200&after=${cursor}`)
    const { data, nextCursor } = JSON.parse(text) as { data: Told[]; nextCursor: string }
    events.push(...data)
    if (data.length < 200) return events
    cursor = nextCursor
  }
}
