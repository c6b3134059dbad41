import { durabilityOf } from './machine.mjs'
import { startPostgres } from './postgres-server.mjs'
import { postgresSite } from './postgres-site.mjs'
import { sqliteSite } from './sqlite-site.mjs'

/**
 * @typedef {object} Site Where one store is, or will be; the same for every kind of store.
 * @property {string} url what `openStore` takes
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
