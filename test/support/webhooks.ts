import { expect } from 'vitest'
import { Webhook as Judge } from 'standardwebhooks'
import { createDestinations, type DestinationOptions } from '../../src/events/webhooks/destination.ts'
import { createSender, type Sender } from '../../src/events/webhooks/sender.ts'
import { newSecret } from '../../src/events/webhooks/sign.ts'
import type { Webhook } from '../../src/events/webhooks/webhook.ts'
import { newId } from '../../src/engine/ids.ts'
import type { Received } from './endpoint.ts'

export function someWebhook(named: Partial<Webhook> = {}): Webhook {
  const at = Date.now()
  return {
    id: newId(),
    url: 'https://shop.example/hooks',
    events: ['*'],
    status: 'active',
    disabledReason: null,
    secrets: [{ secret: newSecret(), until: null }],
    createdAt: at,
    updatedAt: at,
    activeSince: at,
    startAfter: null,
    replay: null,
    ...named,
  }
}

export const someMessage = { id: '12', type: 'order.created', body: '{"specversion":"1.0","id":"12"}' } as const

export function testSender(options: Partial<DestinationOptions> & { readonly msMax?: number; readonly now?: () => number } = {}): Sender {
  const { allowPrivate = true, resolve, msMax = 5_000, now = () => Date.now() } = options
  return createSender({ destinations: createDestinations({ allowPrivate, resolve }), now, msMax })
}

/** The library that its receivers use. */
export function expectSigned({ headers, body }: Received, secret: string): void {
  expect(new Judge(secret).verify(body, headers as Record<string, string>)).toEqual(JSON.parse(body))
}

export function expectNotSigned({ headers, body }: Received, secret: string): void {
  expect(() => new Judge(secret).verify(body, headers as Record<string, string>)).toThrow(/signature/i)
}
