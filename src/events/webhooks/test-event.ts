import { createHash } from 'node:crypto'
import type { Idempotency } from '../../domain/command.ts'
import { newId } from '../../engine/ids.ts'
import { instant } from '../../engine/views.ts'
import type { Message } from './sender.ts'
import { testType, type Webhook } from './webhook.ts'

/** An event that happened to nobody, in the shape of all others. Of a request that is repeated it has the same id, so that the endpoint can tell. */
export function testEvent({ id: subject, url, events }: Webhook, key: Idempotency | null, now: number): Message {
  const id = `test-${
    key === null
      ? newId()
      : createHash('sha256')
          .update(JSON.stringify([subject, key.scope, key.key]))
          .digest('hex')
          .slice(0, 32)
  }`
  const event = { specversion: '1.0', id, source: 'urn:holdfast', type: testType, time: instant(now), subject, data: { url, events } }
  return { id, type: testType, body: JSON.stringify(event) }
}
