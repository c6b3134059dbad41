import { timingSafeEqual } from 'node:crypto'
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeProtectedHeader,
  errors,
  jwksCache,
  jwtVerify,
  type JWKSCacheInput,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from 'jose'
import { compileCheck, findBadText } from '../engine/check.ts'
import { UserId } from '../engine/schemas.ts'
import { anonymous, stranger, type Caller, type Identify } from './caller.ts'

/** What a key is good for: everything; reservations and orders of any user; reading. */
export type Scope = 'admin' | 'service' | 'read'

export interface ApiKey {
  /** For people and limits; not secret. */
  readonly name: string
  readonly scope: Scope
  readonly secret: string
}

/** How tokens of end users are checked; one of the first two at least. */
export interface TokenSettings {
  /** Of HS256. */
  readonly secret?: string | undefined
  /** Where the public keys of asymmetric signatures are. */
  readonly jwksUrl?: string | undefined
  /** `iss` and `aud` that a token must have; undefined: any. */
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
}

export interface IdentitySettings {
  readonly keys: readonly ApiKey[]
  /** null: no tokens. */
  readonly tokens: TokenSettings | null
}

/** The keys that tokens are checked with cannot be fetched now; answered with 503 `store_unavailable`. */
export class KeysUnavailable extends Error {}

/** Who asks, by keys and tokens; without either everybody may do everything. */
export function createIdentify({ keys, tokens }: IdentitySettings): Identify {
  if (keys.length === 0 && tokens === null) return () => anonymous
  const findKey = createKeyring(keys)
  const readToken = tokens === null ? null : createTokenReader(tokens)
  return ({ headers: { authorization } }) => {
    if (authorization === undefined) return stranger
    const credentials = /^bearer +(\S+) *$/i.exec(authorization)?.[1]
    if (credentials === undefined) return 'The authorization header must be "Bearer …" with an API key or a token.'
    return findKey(credentials) ?? readToken?.(credentials) ?? 'The API key is not known.'
  }
}

/** More than anybody needs, and more than a secret may have: all are compared at this length. */
const secretBytesMax = 512

function createKeyring(keys: readonly ApiKey[]): (secret: string) => Caller | null {
  // Padded to one length, so that neither the length of a secret nor how much of it was right can be told from the time this takes.
  const ring = keys.map(({ name, scope, secret }) => {
    const bytes = Buffer.from(secret)
    if (bytes.length > secretBytesMax) throw new Error(`The secret of the API key "${name}" has more than ${secretBytesMax} bytes.`)
    return { padded: Buffer.concat([bytes], secretBytesMax), caller: { role: scope, name: `key:${name}`, userId: null } satisfies Caller }
  })
  const presented = Buffer.alloc(secretBytesMax)
  return (secret) => {
    if (secret.length > secretBytesMax) return null
    // Node reads the bytes of a header as Latin-1, and a header has no byte 0.
    presented.fill(0).write(secret, 'latin1')
    let found: Caller | null = null
    for (const key of ring) if (timingSafeEqual(key.padded, presented)) found = key.caller
    return found
  }
}

/** Asymmetric only: nobody may sign with what everybody can read. */
const publicAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
/** Between the clocks of whoever signs and of this machine. */
const clockToleranceSeconds = 5
const fetchMsMax = 5_000

function createTokenReader({ secret, jwksUrl, issuer, audience }: TokenSettings): (token: string) => Promise<Caller | string> | null {
  const secretKey = secret === undefined ? null : new TextEncoder().encode(secret)
  const publicKeys = jwksUrl === undefined ? null : createPublicKeys(jwksUrl)
  const claims: JWTVerifyOptions = {
    clockTolerance: clockToleranceSeconds,
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  }
  const verify = async (token: string): Promise<Caller | string> => {
    try {
      const isSymmetric = algorithmOf(token) === 'HS256'
      if (isSymmetric && secretKey !== null)
        return userOf((await jwtVerify(token, secretKey, { ...claims, algorithms: ['HS256'] })).payload)
      if (!isSymmetric && publicKeys !== null)
        return userOf(await verifyWith(publicKeys, token, { ...claims, algorithms: publicAlgorithms }))
      return 'The token is signed in a way that is not accepted here.'
    } catch (error) {
      if (error instanceof KeysUnavailable) throw error
      // A key that cannot be used is no fault of this service, and whoever names it is nobody we know.
      return explain(error)
    }
  }
  return (token) => (token.split('.').length === 3 ? verify(token) : null)
}

/** A token that does not name its key may be signed with any that fits. */
async function verifyWith(keys: JWTVerifyGetKey, token: string, options: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys, options)).payload
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, options)).payload
      } catch (reason) {
        if (!(reason instanceof errors.JWSSignatureVerificationFailed)) throw reason
      }
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

/** Fetched when they are needed, and kept: whoever signs may be away for a while. */
function createPublicKeys(url: string): JWTVerifyGetKey {
  const cache: JWKSCacheInput = {}
  const remote = createRemoteJWKSet(new URL(url), { timeoutDuration: fetchMsMax, [jwksCache]: cache })
  return async (header, token) => {
    try {
      return await remote(header, token)
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error
      if (cache.jwks !== undefined) return createLocalJWKSet(cache.jwks)(header, token)
      throw new KeysUnavailable(`${url} gives no keys to check tokens with`, { cause: error })
    }
  }
}

function algorithmOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).alg
  } catch {
    throw new errors.JWTInvalid('the header cannot be read')
  }
}

/** The user is `sub`, or `id` where there is none. */
function userOf({ sub, id }: JWTPayload): Caller | string {
  const userId = sub ?? (typeof id === 'number' ? String(id) : id)
  if (typeof userId !== 'string' || checkUserId(userId) !== null || findBadText(userId) !== null)
    return 'The token names no user: "sub" must be text of 1 to 128 characters.'
  return { role: 'user', name: `user:${userId}`, userId }
}

const checkUserId = compileCheck(UserId)

/** What is wrong with a token, in a sentence that tells nothing of the secret. */
function explain(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'The token has expired.'
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === 'aud' ? 'The token is for another audience.' : `The claim "${error.claim}" of the token is not as it must be.`
  }
  return 'The token is not valid.'
}
