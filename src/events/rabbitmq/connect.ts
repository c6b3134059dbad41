import type { Channel, ChannelModel } from 'amqplib'
import type { Duplex } from 'node:stream'
import { Fault } from '../../domain/faults.ts'
import type { AmqpUrl } from './url.ts'

export type Driver = typeof import('amqplib')

export async function loadDriver(): Promise<Driver> {
  // Named by a variable, because a bundler must not demand it.
  const name = 'amqplib'
  try {
    const driver = (await import(name)) as { readonly default: Driver }
    return driver.default
  } catch (error) {
    throw new Fault('cannot_open', 'RabbitMQ needs the package amqplib: npm install amqplib@2', error)
  }
}

export interface ConnectOptions {
  /** Until the connection is there. */
  readonly connectMsMax: number
  /** Who hears nothing for two to three times as long takes the other for gone. */
  readonly heartbeatSeconds: number
  /** What it is for, as RabbitMQ shows it. */
  readonly purpose: string
}

export async function connect(driver: Driver, url: AmqpUrl, options: ConnectOptions): Promise<ChannelModel> {
  const { host, port, username, password, vhost, tls } = url
  const model = await driver.connect(
    // The driver decodes the virtual host, and nothing else.
    {
      protocol: tls ? 'amqps' : 'amqp',
      hostname: host,
      port,
      username,
      password,
      vhost: encodeURIComponent(vhost),
      heartbeat: options.heartbeatSeconds,
    },
    {
      noDelay: true,
      keepAlive: true,
      timeout: options.connectMsMax,
      clientProperties: { connection_name: `holdfast ${options.purpose}` },
    },
  )
  // Whoever waits for something hears of it; the end comes as `close`.
  model.on('error', () => {})
  return model
}

/** A channel whose errors are heard by whoever waits for something on it, and by `ended`, if there is one, as the reason of its end. */
export async function quietly<C extends Channel>(channel: Promise<C>, ended: (reason: string) => void = () => {}): Promise<C> {
  const opened = await channel
  opened.on('error', (error) => ended(explain(error)))
  opened.on('close', () => ended('the connection broke'))
  return opened
}

/** End a connection at once, whether or not the other side hears of it. */
export function cut(model: ChannelModel, reason: string): void {
  // With an error, because the driver does not hear of an end without one, and would keep its timers.
  const { stream } = model.connection as unknown as { readonly stream: Duplex }
  stream.destroy(new Error(reason))
}

const reasons: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/ECONNREFUSED|EHOSTUNREACH|ENETUNREACH/, 'nothing answers there'],
  [/ENOTFOUND|EAI_AGAIN/, 'its host is not known'],
  [/ETIMEDOUT|too long/, 'it does not answer in time'],
  [/ACCESS.REFUSED|access refused/i, 'it does not let this user in, or not do what is needed'],
  // Said of an open that was refused.
  [/ConnectionOpenOk/, 'it has no such virtual host, or does not let this user into it'],
  [/CONNECTION.FORCED/, 'it stops, or somebody there has closed the connection'],
  [
    /ECONNRESET|EPIPE|Unexpected close|closed abruptly|Heartbeat timeout|channel ended|connection closed \(|(channel|connection) clos(ed|ing)$/i,
    'the connection broke',
  ],
]

/** Why, for people; the same for the same trouble. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // Of an address that was tried in several ways, only the code says anything.
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const text = `${code} ${error.message}`
  const known = reasons.find(([pattern]) => pattern.test(text))?.[1]
  const [, itsWords] = /with message "(.*)"/s.exec(text) ?? []
  return known ?? (itsWords === undefined ? text.trim().split('\n', 1)[0]! : `it says: ${itsWords}`)
}
