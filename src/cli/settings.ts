import { isIP } from 'node:net'
import { dialectNames, type DialectName } from '../http/dialects/names.ts'
import type { ApiKey, Scope } from '../http/identity.ts'
import type { RequestLimit } from '../http/limits/rate-limit.ts'

/** What somebody typed, as a setting. `name` is what they typed it under: every complaint says where to look, and what would be right. */

/** A setting that cannot be used; the message says which, and what to do. */
export class SettingError extends Error {
  readonly code = 'bad_setting'

  constructor(message: string) {
    super(message)
    this.name = 'SettingError'
  }
}

const portMax = 65_535

/** Who is counted against the limit is kept together: it is meant for a few, and more would make a store in Redis slow. */
const activePerUserHighest = 1_000

export function parseDialects(text: string, name: string): readonly DialectName[] {
  if (text.trim() === 'none') return []
  const named = text.split(',').map((one) => one.trim())
  const unknown = named.find((one) => !dialectNames.includes(one as DialectName))
  if (unknown !== undefined)
    throw new SettingError(
      `${name} must be "none", or some of ${dialectNames.join(', ')}, with commas between; "${unknown}" is none of them.`,
    )
  return dialectNames.filter((one) => named.includes(one))
}

/** Messages never show a secret. */
export function parseApiKeys(text: string, name: string): ApiKey[] {
  const keys = text.split(',').map((entry, index) => {
    const [, of, scope, secret] = /^\s*([A-Za-z0-9._-]{1,64}):(admin|service|read):(\S+)\s*$/.exec(entry) ?? []
    if (of === undefined || secret === undefined)
      throw new SettingError(
        `${name} must be name:scope:secret, with commas between several, and a scope is admin, service or read; entry ${index + 1} is not.`,
      )
    return { name: of, scope: scope as Scope, secret }
  })
  for (const part of ['name', 'secret'] as const) {
    const twice = keys.find((key, index) => keys.findIndex((other) => other[part] === key[part]) < index)
    if (twice !== undefined) throw new SettingError(`${name} has the ${part} of "${twice.name}" twice; each key needs its own.`)
  }
  return keys
}

export function parsePort(text: string, name: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN
  if (!(port <= portMax)) throw new SettingError(`${name} must be a whole number from 0 to ${portMax}, not "${text}".`)
  return port
}

export function parseActivePerUser(text: string, name: string): number {
  const count = /^\d{1,7}$/.test(text) ? Number(text) : NaN
  if (!(count >= 1 && count <= activePerUserHighest)) {
    throw new SettingError(`${name} must be a whole number from 1 to ${activePerUserHighest}, not "${text}".`)
  }
  return count
}

export function parseRateLimit(text: string, name: string): RequestLimit | null {
  if (text === 'off') return null
  const [, requests = 0, seconds = 0] = (/^(\d{1,7})\/(\d{1,5})$/.exec(text) ?? []).map(Number)
  if (requests < 1 || seconds < 1 || seconds > 86_400) {
    throw new SettingError(
      `${name} must be requests per seconds, for example 600/60 for 600 requests in 60 seconds, or off, not "${text}".`,
    )
  }
  return { max: requests, windowMs: seconds * 1_000 }
}

/** As Fastify takes them. */
export function parseNetworks(text: string, name: string): string[] {
  const networks = text.split(',').map((one) => one.trim())
  const wrong = networks.find((one) => !isNetwork(one))
  if (wrong === undefined) return networks
  throw new SettingError(
    `${name} must be addresses or networks of your proxies, for example 10.0.0.0/8,2001:db8::/32 or loopback; "${wrong}" is neither.`,
  )
}

function isNetwork(text: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true
  const [address = '', bits] = text.split('/')
  const bitsMax = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  // A network of all addresses would let every client choose its own.
  return bits === undefined ? bitsMax > 0 : /^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= bitsMax
}

export function parseHost(text: string, name: string): string {
  if (!/^[^\s/]+$/.test(text)) throw new SettingError(`${name} must be an address or a host name, for example 127.0.0.1, not "${text}".`)
  return text
}

const dayMs = 86_400_000

/** In milliseconds; null: for ever. */
export function parseDays(text: string, name: string, exampleMs: number): number | null {
  const days = text === 'forever' ? 0 : /^\d{1,5}$/.test(text) ? Number(text) : NaN
  if (Number.isNaN(days)) {
    throw new SettingError(
      `${name} must be a whole number of days, for example ${exampleMs / dayMs}, or "forever" or 0 for ever, not "${text}".`,
    )
  }
  return days === 0 ? null : days * dayMs
}
