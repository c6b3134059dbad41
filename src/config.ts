import { isIP } from 'node:net'
import type { RequestLimit, ServeLimits } from './http/serve.ts'

/** The settings of the command line: flags win over the environment, which wins over the defaults. The only file that reads the environment. */

/** What somebody can set. Every variable is listed in .env.example as well. */
const variables = {
  /** The port to listen on, 0–65535; 0 takes any free one. */
  port: 'HOLDFAST_PORT',
  /** The address to listen on. */
  host: 'HOLDFAST_HOST',
  /** Where the facts are kept: sqlite:PATH, postgres://… or redis://… */
  store: 'HOLDFAST_STORE',
  /** Of a store in Redis: where its sales are kept, postgres://… or sqlite:PATH. */
  ledger: 'HOLDFAST_LEDGER',
  /** Requests of one client in so many seconds, as 600/60; off: as many as it likes. */
  rateLimit: 'HOLDFAST_RATE_LIMIT',
  /** Addresses and networks of proxies whose X-Forwarded-For is believed. */
  trustProxy: 'HOLDFAST_TRUST_PROXY',
  /** How many connections may be open at the same time. */
  connectionsMax: 'HOLDFAST_CONNECTIONS_MAX',
  /** How long a new reservation may be expected to wait before it is refused. */
  queueWaitMsMax: 'HOLDFAST_QUEUE_WAIT_MS',
} as const

/** Settings of keys and tokens. This version checks none, so it refuses to start where some are expected to protect it. */
const protections = ['HOLDFAST_API_KEYS', 'HOLDFAST_JWT_SECRET', 'HOLDFAST_JWKS_URL']

export const defaults = {
  port: 3000,
  host: '127.0.0.1',
  store: 'sqlite:./holdfast.db',
  limits: { requests: null, trustProxy: [], connectionsMax: 10_000, queueWaitMsMax: 2_000 },
} as const

export const portMax = 65_535

/** Where the facts are kept. */
export interface StoreSettings {
  readonly storeUrl: string
  /** Of a store in Redis. */
  readonly ledgerUrl: string | undefined
}

export interface ServiceSettings extends StoreSettings {
  readonly host: string
  readonly port: number
  readonly limits: ServeLimits
}

/** Flags as they were typed; undefined where they were left out. */
export interface StoreFlags {
  readonly store?: string
  readonly ledger?: string
}

export interface ServiceFlags extends StoreFlags {
  readonly host?: string
  readonly port?: string
  readonly rateLimit?: string
}

export type Environment = Readonly<Record<string, string | undefined>>

/** A setting that cannot be used; the message says which, and what to do. */
export class SettingError extends Error {
  readonly code = 'bad_setting'

  constructor(message: string) {
    super(message)
    this.name = 'SettingError'
  }
}

/** Settings of the service. Throws a `SettingError` rather than start otherwise than it was told to. */
export function readServiceSettings(flags: ServiceFlags, environment: Environment = process.env): ServiceSettings {
  // Fail closed: whoever sets keys believes that nobody gets in without one.
  const expected = protections.find((name) => read(environment, name) !== undefined)
  if (expected !== undefined) {
    throw new SettingError(
      `${expected} is set, but this version of Holdfast checks neither keys nor tokens and would serve everybody. Unset it to start without protection, on a loopback address.`,
    )
  }
  const [port, portName] = choose(flags.port, '--port', environment, variables.port)
  const [host, hostName] = choose(flags.host, '--host', environment, variables.host)
  return {
    host: host === undefined ? defaults.host : parseHost(host, hostName),
    port: port === undefined ? defaults.port : parsePort(port, portName),
    ...readStoreSettings(flags, environment),
    limits: readLimits(flags, environment),
  }
}

function readLimits(flags: ServiceFlags, environment: Environment): ServeLimits {
  const { limits } = defaults
  const [requests, requestsName] = choose(flags.rateLimit, '--rate-limit', environment, variables.rateLimit)
  const trustProxy = read(environment, variables.trustProxy)
  return {
    requests: requests === undefined ? limits.requests : parseRateLimit(requests, requestsName),
    trustProxy: trustProxy === undefined ? limits.trustProxy : parseNetworks(trustProxy, variables.trustProxy),
    connectionsMax: readCount(environment, variables.connectionsMax, 1_000_000) ?? limits.connectionsMax,
    queueWaitMsMax: readCount(environment, variables.queueWaitMsMax, 60_000) ?? limits.queueWaitMsMax,
  }
}

/** The store that a command works on, and its ledger. */
export function readStoreSettings({ store, ledger }: StoreFlags, environment: Environment = process.env): StoreSettings {
  const [ledgerUrl, name] = choose(ledger, '--ledger', environment, variables.ledger)
  if (ledgerUrl === '') throw new SettingError(`${name} must name a ledger, for example sqlite:./ledger.db.`)
  return { storeUrl: readStoreUrl(store, environment), ledgerUrl }
}

/** The store alone. */
export function readStoreUrl(flag: string | undefined, environment: Environment = process.env): string {
  const [url, name] = choose(flag, '--store', environment, variables.store)
  if (url === undefined) return defaults.store
  if (url === '') throw new SettingError(`${name} must name a store, for example ${defaults.store}.`)
  return url
}

function parsePort(text: string, name: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN
  if (!(port <= portMax)) throw new SettingError(`${name} must be a whole number from 0 to ${portMax}, not "${text}".`)
  return port
}

function parseRateLimit(text: string, name: string): RequestLimit | null {
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
function parseNetworks(text: string, name: string): string[] {
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

function readCount(environment: Environment, variable: string, most: number): number | undefined {
  const text = read(environment, variable)
  if (text === undefined) return undefined
  const count = /^\d{1,9}$/.test(text) ? Number(text) : NaN
  if (!(count >= 1 && count <= most)) throw new SettingError(`${variable} must be a whole number from 1 to ${most}, not "${text}".`)
  return count
}

function parseHost(text: string, name: string): string {
  if (!/^[^\s/]+$/.test(text))
    throw new SettingError(`${name} must be an address or a host name, for example ${defaults.host}, not "${text}".`)
  return text
}

/** What was set and under which name, so that a complaint can say where to look. */
function choose(flag: string | undefined, flagName: string, environment: Environment, variable: string): [string | undefined, string] {
  return flag === undefined ? [read(environment, variable), variable] : [flag, flagName]
}

/** A variable that is set to nothing counts as not set, as in `HOLDFAST_PORT=` of an .env file that was not filled in. */
function read(environment: Environment, variable: string): string | undefined {
  const value = environment[variable]?.trim()
  return value === '' ? undefined : value
}
