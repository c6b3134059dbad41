import type { Client, Pool, PoolClient, PoolConfig, QueryResult } from 'pg'
import { Fault } from '../../domain/faults.ts'
import type { Row } from '../sql/rows.ts'
import type { Prepared } from './statements.ts'

export interface PostgresUrl {
  /** As the driver takes it. */
  readonly connectionString: string
  /** Host and port, for people; without the password. */
  readonly where: string
  readonly database: string
  /** All tables of a store are in one schema; several stores may share a database. */
  readonly schema: string
  /** false behind a pooler that keeps no prepared statements. */
  readonly prepared: boolean
}

const schemaDefault = 'holdfast'

/** `postgres://user:password@host:port/database`, with `?schema=NAME` and `?prepared=off` of our own beside those of PostgreSQL. Throws `cannot_open`. */
export function readUrl(text: string): PostgresUrl {
  const example = 'postgres://user:password@localhost:5432/shop'
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new Fault('cannot_open', `The store is not a URL that can be read. It should look like ${example}`)
  }
  const schema = url.searchParams.get('schema') ?? schemaDefault
  const prepared = url.searchParams.get('prepared') ?? 'on'
  url.searchParams.delete('schema')
  url.searchParams.delete('prepared')
  const database = decodeURIComponent(url.pathname.slice(1))
  if (!/^[^/]+$/.test(database)) throw new Fault('cannot_open', `The store names no database. It should look like ${example}`)
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) {
    throw new Fault(
      'cannot_open',
      `schema=${schema} is not a name for a schema: lower-case letters, digits and _, at most 63, not a digit first.`,
    )
  }
  if (prepared !== 'on' && prepared !== 'off') throw new Fault('cannot_open', `prepared=${prepared} must be on or off.`)
  const host = url.searchParams.get('host') ?? (url.hostname || 'localhost')
  return {
    connectionString: url.href,
    where: `${host}:${url.searchParams.get('port') ?? (url.port || '5432')}`,
    database,
    schema,
    prepared: prepared === 'on',
  }
}

export interface ConnectOptions {
  readonly connectionsMax: number
  /** Until a connection is there. */
  readonly connectMsMax: number
  /** Until a statement is answered, whatever the database says: the network may have gone silent. */
  readonly answerMsMax: number
}

export type Driver = typeof import('pg')

export async function loadDriver(): Promise<Driver> {
  // Named by a variable, because a bundler must not demand it.
  const name = 'pg'
  try {
    const driver = (await import(name)) as { readonly default: Driver }
    return driver.default
  } catch (error) {
    throw new Fault('cannot_open', 'PostgreSQL needs the package pg: npm install pg@8', error)
  }
}

/** Types whose text is what `rows.ts` reads. */
const types = { bigint: 20, numeric: 1700, json: 114 } as const

export function poolConfig(driver: Driver, { connectionString }: PostgresUrl, options: ConnectOptions): PoolConfig {
  const toNumber = (text: string): number => Number(text)
  const same = (text: string): string => text
  const getTypeParser = (id: number, format?: 'text'): unknown => {
    if (id === types.bigint || id === types.numeric) return toNumber
    if (id === types.json) return same
    return driver.types.getTypeParser(id, format)
  }
  return {
    connectionString,
    application_name: 'holdfast',
    max: options.connectionsMax,
    connectionTimeoutMillis: options.connectMsMax,
    query_timeout: options.answerMsMax,
    keepAlive: true,
    types: { getTypeParser } as NonNullable<PoolConfig['types']>,
    // Statements are sent without waiting for the answers of those before, so that a batch takes two round trips.
    pipeline: true,
  }
}

/** One connection for one transaction, or one statement. */
export class Session {
  readonly #client: PoolClient
  readonly #prepared: boolean
  #broken = false

  constructor(client: PoolClient, prepared: boolean) {
    this.#client = client
    this.#prepared = prepared
    client.on('error', this.#onError)
  }

  /** Sent at once; statements are answered in their order. Whoever sends several must await them all together. */
  async query({ name, text }: Prepared, values: readonly unknown[] = []): Promise<QueryResult<Row>> {
    try {
      return await this.#client.query<Row>({ ...(this.#prepared ? { name } : {}), text, values: values as unknown[] })
    } catch (error) {
      // PostgreSQL answers with a code of five characters, and the connection lives; any other error is the end of it.
      const code = error instanceof Error && 'code' in error ? String(error.code) : ''
      if (!/^[0-9A-DF-Z][0-9A-Z]{4}$/.test(code) || /^(08|57P)/.test(code)) this.#broken = true
      throw error
    }
  }

  /** Give the connection back; a broken one, or one in the middle of something, is thrown away. */
  release(throwAway = false): void {
    this.#client.off('error', this.#onError)
    this.#client.release(this.#broken || throwAway)
  }

  readonly #onError = (): void => {
    this.#broken = true
  }
}

export async function takeSession(pool: Pool, prepared: boolean): Promise<Session> {
  return new Session(await pool.connect(), prepared)
}

const goodbyeMsMax = 500

/** End a connection, and do not wait for ever for a server that has fallen silent. */
export async function sayGoodbye(client: Client): Promise<void> {
  const timer = setTimeout(() => client.connection.stream.destroy(), goodbyeMsMax)
  await client.end().catch(() => {})
  clearTimeout(timer)
}
