import { durabilityOf } from './machine.mjs'
import { startPostgres } from './postgres-server.mjs'
import { postgresSite } from './postgres-site.mjs'
import { startRedis } from './redis-server.mjs'
import { redisSite } from './redis-site.mjs'
import { sqliteSite } from './sqlite-site.mjs'

/**
 * @typedef {object} Site Where one store is, or will be; the same for every kind of store.
 * @property {string} url what `openStore` takes
 * @property {string} [ledger] where a store in memory keeps what was sold
 * @property {() => Promise<Books>} openBooks to read its tables while nobody has it open
 * @property {() => Promise<void>} renew make it empty, whether there was one or not
 * @property {(other: Site) => Promise<void>} copyTo while nobody has either open
 * @property {() => Promise<void>} remove also when there is none
 *
 * @typedef {object} Books
 * @property {Readonly<Record<import('./books.mjs').Law, string>>} laws the promises in its dialect of SQL
 * @property {(sql: string) => Promise<Readonly<Record<string, unknown>>[]>} read
 * @property {() => Promise<void>} close
 */

/**
 * @template {Site} [S=Site]
 * @typedef {object} Place Where a bench makes its stores: all of one kind.
 * @property {string} durability what an acknowledged write is worth there
 * @property {Readonly<Record<string, string>>} settings what else the figures depend on
 * @property {(name: string) => S} at
 */

/** @typedef {Place<import('./postgres-site.mjs').PostgresSite> & { server: import('./postgres-server.mjs').PostgresServer }} PostgresPlace */

/**
 * @typedef {Place<import('./redis-site.mjs').RedisSite> & {
 *   ledger: string,
 *   server: import('./redis-server.mjs').RedisServer,
 *   over: (ledgers: Place, ledger: string) => RedisPlace,
 * }} RedisPlace `ledger`: what the ledgers are kept in. `over`: the same server with other ledgers.
 */

/**
 * Files in the folder of the bench.
 *
 * @param {import('./report.mjs').Context} context
 * @returns {Place<import('./sqlite-site.mjs').SqliteSite>}
 */
export function sqlitePlace({ folder, machine }) {
  return { durability: durabilityOf(machine, 'WAL, synchronous=FULL'), settings: {}, at: (name) => sqliteSite(folder, name) }
}

/**
 * Databases of a private server in the folder of the bench, for as long as the work takes.
 *
 * @template Answer
 * @param {import('./report.mjs').Context} context
 * @param {(place: PostgresPlace) => Promise<Answer>} work
 */
export async function withPostgres({ folder, machine }, work) {
  const server = await startPostgres(folder)
  try {
    return await work({
      durability: durabilityOf(machine, 'fsync=on, synchronous_commit=on'),
      settings: { server: `PostgreSQL ${server.version} with its default settings` },
      at: (name) => postgresSite(server, name),
      server,
    })
  } finally {
    await server.stop()
  }
}

/**
 * Namespaces of a private Redis in the folder of the bench, each with a file as its ledger, for as long as the work takes.
 *
 * @template Answer
 * @param {import('./report.mjs').Context} context
 * @param {(place: RedisPlace) => Promise<Answer>} work
 */
export async function withRedis(context, work) {
  const server = await startRedis(context.folder)
  /** @type {RedisPlace['over']} */
  const over = (ledgers, ledger) => ({
    durability: `in memory; then ${ledger}, ${ledgers.durability}`,
    settings: { redis: `${server.version} with its default settings and no snapshots`, ...ledgers.settings },
    at: (name) => redisSite(server, name, ledgers.at(name)),
    ledger,
    server,
    over,
  })
  try {
    return await work(over(sqlitePlace(context), 'SQLite'))
  } finally {
    await server.stop()
  }
}

/**
 * The same measurement over each kind of ledger, one after the other.
 *
 * @param {import('./report.mjs').Context} context
 * @param {(place: RedisPlace, context: import('./report.mjs').Context) => Promise<import('./report.mjs').Measured>} measure
 * @returns {Promise<import('./report.mjs').Measured>}
 */
export function onEachLedger(context, measure) {
  return withPostgres(context, (postgres) =>
    withRedis(context, async (place) => {
      /** @type {Record<string, number | string>} */
      const settings = {}
      /** @type {import('./report.mjs').Line[]} */
      const lines = []
      for (const one of [place, place.over(postgres, 'PostgreSQL')]) {
        const say = (/** @type {string} */ text) => context.say(`${one.ledger}: ${text}`)
        const measured = await measure(one, { ...context, say })
        Object.assign(settings, measured.settings)
        lines.push(...measured.lines)
      }
      return { settings, lines }
    }),
  )
}
