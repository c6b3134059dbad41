import { parseAmqp, type AmqpSettings } from './events/rabbitmq/settings.ts'
import {
  parseActivePerUser,
  parseApiKeys,
  parseDays,
  parseDialects,
  parseHost,
  parseNetworks,
  parsePort,
  parseRateLimit,
  SettingError,
} from './cli/settings.ts'
import { keepDefaults, type KeepOptions } from './engine/retention.ts'
import { everyDialect, type DialectSettings } from './http/dialects/names.ts'
import type { IdentitySettings } from './http/identity.ts'
import type { ServeLimits } from './http/serve.ts'
import { logFormats, logLevels, type LogFormat, type LogLevel } from './operation/log-names.ts'

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
  /** Who may do what: name:scope:secret,… No flags for this and the next, because everybody on a machine can read the flags of a process. */
  apiKeys: 'HOLDFAST_API_KEYS',
  /** Tokens of end users: the secret of HS256, */
  jwtSecret: 'HOLDFAST_JWT_SECRET',
  /** or where the public keys are. */
  jwksUrl: 'HOLDFAST_JWKS_URL',
  /** What a token must have as `iss` and `aud`. */
  jwtIssuer: 'HOLDFAST_JWT_ISSUER',
  jwtAudience: 'HOLDFAST_JWT_AUDIENCE',
  /** Of `seed` and `simulate` with --url: the API key that the service takes. */
  key: 'HOLDFAST_KEY',
  /** How many active reservations a user may have at once. */
  activePerUser: 'HOLDFAST_ACTIVE_PER_USER_MAX',
  /** Requests of one client in so many seconds, as 600/60; off: as many as it likes. */
  rateLimit: 'HOLDFAST_RATE_LIMIT',
  /** The same on the routes of the Flash deal API. */
  flashRateLimit: 'HOLDFAST_FLASH_RATE_LIMIT',
  /** Addresses and networks of proxies whose X-Forwarded-For is believed. */
  trustProxy: 'HOLDFAST_TRUST_PROXY',
  /** How many connections may be open at the same time. */
  connectionsMax: 'HOLDFAST_CONNECTIONS_MAX',
  /** How long a new reservation may be expected to wait before it is refused. */
  queueWaitMsMax: 'HOLDFAST_QUEUE_WAIT_MS',
  /** Whether the service also expires reservations and tells others what happened: on or off. */
  worker: 'HOLDFAST_WORKER',
  /** How many days events and reservations that ended without an order are kept; forever: for ever. */
  keepEvents: 'HOLDFAST_KEEP_EVENTS_DAYS',
  keepReservations: 'HOLDFAST_KEEP_RESERVATIONS_DAYS',
  /** A RabbitMQ that is told what happened and gives commands: amqp://… or amqps://… */
  amqp: 'HOLDFAST_AMQP',
  /** Which events it is told of: their types, with commas between; all of them otherwise. */
  amqpEvents: 'HOLDFAST_AMQP_EVENTS',
  /** Whether webhooks may go to addresses that are not public: true or false. */
  webhookAllowPrivate: 'HOLDFAST_WEBHOOK_ALLOW_PRIVATE',
  /** Of `worker`: where operators may ask how it is; not set: nowhere. */
  workerPort: 'HOLDFAST_WORKER_PORT',
  /** Which of the older APIs are served: their names, with commas between, or none. */
  dialects: 'HOLDFAST_DIALECTS',
  /** Of their prices, which are plain numbers. */
  dialectCurrency: 'HOLDFAST_DIALECT_CURRENCY',
  /** How much is logged: silent, error, warn, info or debug. */
  log: 'HOLDFAST_LOG',
  /** As what: json or text. */
  logFormat: 'HOLDFAST_LOG_FORMAT',
} as const

export const defaults = {
  port: 3000,
  host: '127.0.0.1',
  store: 'sqlite:./holdfast.db',
  currency: everyDialect.currency,
  log: 'info',
  limits: {
    requests: null,
    flash: { max: 100, windowMs: 900_000 },
    trustProxy: [],
    connectionsMax: 25_000,
    queueWaitMsMax: 2_000,
  },
} as const

/** Where the facts are kept. */
export interface StoreSettings {
  readonly storeUrl: string
  /** Of a store in Redis. */
  readonly ledgerUrl: string | undefined
}

export interface WebhookSettings {
  /** Endpoints may be at addresses that are not public. */
  readonly allowPrivate: boolean
}

/** What `serve` and `worker` have in common. */
interface NodeSettings extends StoreSettings {
  readonly host: string
  readonly identity: IdentitySettings
  /** null: there is no RabbitMQ. */
  readonly amqp: AmqpSettings | null
  readonly keep: KeepOptions
  readonly webhooks: WebhookSettings
}

export interface WorkerSettings extends NodeSettings {
  /** null: nobody can ask it. */
  readonly port: number | null
}

export interface ServiceSettings extends NodeSettings {
  readonly port: number
  readonly dialects: DialectSettings
  /** undefined: any number. */
  readonly activePerUserMax: number | undefined
  readonly limits: ServeLimits
  readonly worker: boolean
}

export interface LogSettings {
  readonly level: LogLevel
  /** null: for people on a terminal, for programs elsewhere. */
  readonly format: LogFormat | null
}

/** Flags as they were typed; undefined where they were left out. */
export interface StoreFlags {
  readonly store?: string
  readonly ledger?: string
}

export interface WorkerFlags extends StoreFlags {
  readonly host?: string
  readonly port?: string
  readonly amqp?: string
}

export interface ServiceFlags extends WorkerFlags {
  readonly dialects?: string
  readonly activePerUser?: string
  readonly rateLimit?: string
  /** False: --no-worker. */
  readonly worker?: boolean
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Settings of the service. Throws a `SettingError` rather than start otherwise than it was told to. */
export function readServiceSettings(flags: ServiceFlags, environment: Environment = process.env): ServiceSettings {
  const [port, portName] = choose(flags.port, '--port', environment, variables.port)
  const [active, activeName] = choose(flags.activePerUser, '--active-per-user', environment, variables.activePerUser)
  return {
    ...readNodeSettings(flags, environment),
    port: port === undefined ? defaults.port : parsePort(port, portName),
    dialects: readDialects(flags, environment),
    activePerUserMax: active === undefined ? undefined : parseActivePerUser(active, activeName),
    limits: readLimits(flags, environment),
    worker: flags.worker !== false && readSwitch(environment, variables.worker, true),
  }
}

/** Settings of `worker`; as above. */
export function readWorkerSettings(flags: WorkerFlags, environment: Environment = process.env): WorkerSettings {
  const [port, portName] = choose(flags.port, '--port', environment, variables.workerPort)
  return { ...readNodeSettings(flags, environment), port: port === undefined ? null : parsePort(port, portName) }
}

function readNodeSettings(flags: WorkerFlags, environment: Environment): NodeSettings {
  const [host, hostName] = choose(flags.host, '--host', environment, variables.host)
  return {
    host: host === undefined ? defaults.host : parseHost(host, hostName),
    identity: readIdentity(environment),
    ...readStoreSettings(flags, environment),
    amqp: readAmqp(flags, environment),
    keep: readKeep(environment),
    webhooks: readWebhookSettings(environment),
  }
}

/** How long what is over is kept. */
export function readKeep(environment: Environment = process.env): KeepOptions {
  const days = (variable: string, otherwiseMs: number): number | null => {
    const text = read(environment, variable)
    return text === undefined ? otherwiseMs : parseDays(text, variable, otherwiseMs)
  }
  return {
    eventsMs: days(variables.keepEvents, keepDefaults.eventsMs),
    reservationsMs: days(variables.keepReservations, keepDefaults.reservationsMs),
  }
}

/** What the service logs. */
export function readLogSettings(environment: Environment = process.env): LogSettings {
  return {
    level: readOneOf(environment, variables.log, logLevels) ?? defaults.log,
    format: readOneOf(environment, variables.logFormat, logFormats) ?? null,
  }
}

function readOneOf<Name extends string>(environment: Environment, variable: string, names: readonly Name[]): Name | undefined {
  const text = read(environment, variable)
  const found = names.find((name) => name === text)
  if (text !== undefined && found === undefined) throw new SettingError(`${variable} must be one of ${names.join(', ')}, not "${text}".`)
  return found
}

function readLimits(flags: ServiceFlags, environment: Environment): ServeLimits {
  const { limits } = defaults
  const [requests, requestsName] = choose(flags.rateLimit, '--rate-limit', environment, variables.rateLimit)
  const flash = read(environment, variables.flashRateLimit)
  const trustProxy = read(environment, variables.trustProxy)
  return {
    requests: requests === undefined ? limits.requests : parseRateLimit(requests, requestsName),
    flash: flash === undefined ? limits.flash : parseRateLimit(flash, variables.flashRateLimit),
    trustProxy: trustProxy === undefined ? limits.trustProxy : parseNetworks(trustProxy, variables.trustProxy),
    connectionsMax: readCount(environment, variables.connectionsMax, 1_000_000) ?? limits.connectionsMax,
    queueWaitMsMax: readCount(environment, variables.queueWaitMsMax, 60_000) ?? limits.queueWaitMsMax,
  }
}

function readAmqp(flags: WorkerFlags, environment: Environment): AmqpSettings | null {
  const [url, urlName] = choose(flags.amqp, '--amqp', environment, variables.amqp)
  try {
    return parseAmqp({ url, urlName, types: read(environment, variables.amqpEvents), typesName: variables.amqpEvents })
  } catch (error) {
    throw new SettingError((error as Error).message)
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

export function readWebhookSettings(environment: Environment = process.env): WebhookSettings {
  return { allowPrivate: readSwitch(environment, variables.webhookAllowPrivate, false, ['true', 'false']) }
}

/** The API key for a running service; undefined: it takes none. */
export function readKey(environment: Environment = process.env): string | undefined {
  return read(environment, variables.key)
}

function readIdentity(environment: Environment): IdentitySettings {
  const keys = read(environment, variables.apiKeys)
  const tokens = {
    secret: read(environment, variables.jwtSecret),
    jwksUrl: read(environment, variables.jwksUrl),
    issuer: read(environment, variables.jwtIssuer),
    audience: read(environment, variables.jwtAudience),
  }
  const hasTokens = tokens.secret !== undefined || tokens.jwksUrl !== undefined
  if (!hasTokens && (tokens.issuer ?? tokens.audience) !== undefined) {
    throw new SettingError(
      `${variables.jwtIssuer} and ${variables.jwtAudience} say what a token must have; set ${variables.jwtSecret} or ${variables.jwksUrl} as well.`,
    )
  }
  if (tokens.jwksUrl !== undefined && !(/^https?:/.test(tokens.jwksUrl) && URL.canParse(tokens.jwksUrl)))
    throw new SettingError(`${variables.jwksUrl} must be a URL, for example https://login.example.com/.well-known/jwks.json.`)
  return { keys: keys === undefined ? [] : parseApiKeys(keys, variables.apiKeys), tokens: hasTokens ? tokens : null }
}

function readDialects(flags: ServiceFlags, environment: Environment): DialectSettings {
  const [names, name] = choose(flags.dialects, '--dialects', environment, variables.dialects)
  const currency = read(environment, variables.dialectCurrency) ?? everyDialect.currency
  if (!/^[A-Z]{3}$/.test(currency))
    throw new SettingError(`${variables.dialectCurrency} must be three capital letters, for example EUR, not "${currency}".`)
  return { names: names === undefined ? everyDialect.names : parseDialects(names, name), currency }
}

function readSwitch(environment: Environment, variable: string, otherwise: boolean, [yes, no] = ['on', 'off']): boolean {
  const text = read(environment, variable)
  if (text === undefined) return otherwise
  if (text !== yes && text !== no) throw new SettingError(`${variable} must be ${yes} or ${no}, not "${text}".`)
  return text === yes
}

function readCount(environment: Environment, variable: string, most: number): number | undefined {
  const text = read(environment, variable)
  if (text === undefined) return undefined
  const count = /^\d{1,9}$/.test(text) ? Number(text) : NaN
  if (!(count >= 1 && count <= most)) throw new SettingError(`${variable} must be a whole number from 1 to ${most}, not "${text}".`)
  return count
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
