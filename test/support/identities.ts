import { SignJWT, type JWTPayload } from 'jose'
import type { IdentitySettings } from '../../src/http/identity.ts'
import type { Headers } from './http.ts'

export const jwtSecret = 'a secret that only this test and its service know'
const audience = 'shop.example'

/** Keys of each scope, and tokens. */
export const identity: IdentitySettings = {
  keys: [
    { name: 'operator', scope: 'admin', secret: 'operator-of-the-test-0123456789' },
    { name: 'backend', scope: 'service', secret: 'backend-of-the-test-0123456789' },
    { name: 'report', scope: 'read', secret: 'report-of-the-test-0123456789' },
  ],
  tokens: { secret: jwtSecret, audience },
}

export function bearer(credentials: string): Headers {
  return { authorization: `Bearer ${credentials}` }
}

export function keyOf(scope: 'admin' | 'service' | 'read'): Headers {
  return bearer(identity.keys.find((key) => key.scope === scope)!.secret)
}

export interface TokenOptions {
  readonly secret?: string
  readonly audience?: string
  /** From now; negative: it has expired. */
  readonly expiresInSeconds?: number
}

export function sign(
  claims: JWTPayload,
  { secret = jwtSecret, audience: aud = audience, expiresInSeconds = 600 }: TokenOptions = {},
): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setAudience(aud)
    .setExpirationTime(Math.floor(Date.now() / 1000) + expiresInSeconds)
    .sign(new TextEncoder().encode(secret))
}

export async function tokenOf(userId: string, options: TokenOptions = {}): Promise<Headers> {
  return bearer(await sign({ sub: userId }, options))
}
