import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { openLines, stockChanges } from './postgres-shape.mjs'

/** @type {import('./places.mjs').Books['laws']} */
const laws = {
  S1: 'select count(*) as n from stock where reserved < 0 or sold < 0 or reserved + sold > total',
  S2: `with rows as (
      select item ->> 'sku' as sku, sum((item ->> 'quantity')::bigint) filter (where r.status = 'active') as reserved,
        sum((item ->> 'quantity')::bigint) filter (where o.status = 'placed') as sold
      from reservations r left join orders o on o.id = r.order_id cross join lateral json_array_elements(r.items) item group by 1
    ) select count(*) as n from stock s left join rows on rows.sku = s.sku
      where s.reserved <> coalesce(rows.reserved, 0) or s.sold <> coalesce(rows.sold, 0)`,
  S4: `with changes as (select sku, count(*) as n, count(distinct version) as versions from (${stockChanges}) change group by sku)
    select count(*) as n from stock s left join changes c on c.sku = s.sku where s.version <> coalesce(c.n, 0) or c.n <> c.versions`,
  S5: `with open as (${openLines.kept}), active as (${openLines.expected})
    select (select count(*) from (select * from open except select * from active) more)
      + (select count(*) from (select * from active except select * from open) missing) as n`,
  O3: `select (select count(*) from reservations where status = 'confirmed') + (select count(*) from orders)
      - 2 * (select count(*) from reservations r join orders o on o.reservation_id = r.id and o.id = r.order_id where r.status = 'confirmed') as n`,
}

/** The schema that the store makes when its URL names none. */
export const schema = 'holdfast'
/** So that the laws are held against millions of rows in seconds. */
const readerOptions = `-c search_path=${schema} -c work_mem=512MB -c jit=off`
const pollMs = 50

/**
 * @typedef {object} Updates What PostgreSQL counted of a table.
 * @property {number} all
 * @property {number} hot that stayed on their page and touched no index
 * @property {number} bytes the table and its index now
 */

/**
 * @typedef {import('./places.mjs').Site & {
 *   database: string,
 *   sql: (text: string) => Promise<Readonly<Record<string, unknown>>[]>,
 *   deadlocks: () => Promise<number>,
 *   updatesOf: (table: string) => Promise<Updates>,
 * }} PostgresSite
 */

/**
 * Each store has a database of its own, so that what the server counts is its own too.
 *
 * @param {import('./postgres-server.mjs').PostgresServer} server
 * @param {string} name
 * @returns {PostgresSite}
 */
export function postgresSite(server, name) {
  const database = `bench_${name.replaceAll(/\W/g, '_')}`
  const remove = async () => void (await server.query('postgres', `drop database if exists ${database} with (force)`))
  const sql = (/** @type {string} */ text) => server.query(database, text)

  /** Connections tell what they counted at the latest when they end. */
  const allEnded = async () => {
    const others = `select count(*)::int as n from pg_stat_activity where datname = '${database}' and backend_type = 'client backend'`
    while ((await server.query('postgres', others))[0]?.['n'] !== 0) await delay(pollMs)
  }

  return {
    url: server.url(database),
    database,
    sql,
    openBooks: async () => {
      const client = new pg.Client({ connectionString: server.url(database), options: readerOptions })
      await client.connect()
      return { laws, read: async (text) => (await client.query(text)).rows, close: () => client.end() }
    },
    // As autovacuum leaves it sooner or later; so it does not begin in the middle of a round.
    copyTo: async (other) => {
      await sql('vacuum (analyze)')
      await other.remove()
      const copy = new URL(other.url).pathname.slice(1)
      await server.query('postgres', `create database ${copy} template ${database} strategy file_copy`)
    },
    renew: async () => {
      await remove()
      await server.query('postgres', `create database ${database}`)
    },
    remove,
    deadlocks: async () => {
      await allEnded()
      const [row] = await server.query('postgres', `select deadlocks::int from pg_stat_database where datname = '${database}'`)
      return Number(row?.['deadlocks'])
    },
    updatesOf: async (table) => {
      const [row] = await sql(`select n_tup_upd::int as all, n_tup_hot_upd::int as hot, pg_total_relation_size(relid)::int as bytes
        from pg_stat_user_tables where schemaname = '${schema}' and relname = '${table}'`)
      return /** @type {Updates} */ (row)
    },
  }
}
