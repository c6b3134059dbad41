import { createHmac, randomBytes } from 'node:crypto'
import { oldSecretMs, type Secret } from './webhook.ts'

const prefix = 'whsec_'
const secretBytes = 32
/** The current one and those that it replaced within a day, the oldest of which go first. */
const secretsMax = 4

export function newSecret(): string {
  return prefix + randomBytes(secretBytes).toString('base64')
}

/** With a new one; the old ones end. */
export function rotate(secrets: readonly Secret[], now: number): readonly Secret[] {
  const old = activeOf(secrets, now).map(({ secret, until }) => ({ secret, until: until ?? now + oldSecretMs }))
  return [{ secret: newSecret(), until: null }, ...old].slice(0, secretsMax)
}

/** The headers of Standard Webhooks: one signature for each secret that is in use, the newest first. */
export function signedHeaders(secrets: readonly Secret[], id: string, body: string, now: number): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(now / 1000))
  const signatures = activeOf(secrets, now).map(({ secret }) => {
    const key = Buffer.from(secret.slice(prefix.length), 'base64')
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
  })
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') }
}

function activeOf(secrets: readonly Secret[], now: number): readonly Secret[] {
  return secrets.filter(({ until }) => until === null || until > now)
}
