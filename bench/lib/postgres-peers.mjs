import { verifyBooks } from './books.mjs'
import { runPgbench } from './pgbench.mjs'
import { cpuOfTree } from './processes.mjs'
import { insertEvents, insertOpenLines } from './postgres-shape.mjs'
import { makeStore } from './shop.mjs'

/**
 * What PostgreSQL itself can do with the rows of Holdfast, by pgbench: the same tables and indexes, because Holdfast's own migrations make them. Both write
 * reservations of one unit of each sku, for users in random order, with ids that grow as Holdfast's do.
 */

/** @typedef {{ skus: readonly string[], clients: number, seconds: number }} Load */
/**
 * @typedef {object} Sample
 * @property {number} perSecond reservations
 * @property {number} batchSize reservations for each commit
 * @property {number} serverCpu µs for each reservation, of all processes of the server
 * @property {number} [ownCpu] µs for each reservation, of the process of the engine
 */

const ttlMs = 600_000
const reservationColumns = 'seq, id, user_id, status, items, metadata, created_at, expires_at'

/**
 * With a space after each colon, because pgbench takes `:null` for a variable of its own.
 *
 * @param {readonly string[]} skus
 */
function itemsOf(skus) {
  return `'[${skus.map((sku) => `{"sku": "${sku}", "quantity": 1, "unitPrice": null}`).join(', ')}]'`
}

/** @param {string} seq SQL */
function idOf(seq) {
  return `'019a0000-0000-7000-8000-' || lpad(to_hex(${seq}), 12, '0')`
}

/** @param {string} seq SQL */
function userOf(seq) {
  return `'user-' || to_hex((${seq}) * 2654435761 & 4294967295)`
}

/**
 * What everybody writes first: one transaction for each reservation. Lock the rows of the stock and read them, update them, insert the reservation, and its lines where
 * it may have more than one. It tells no events and keeps nothing for expiry; with several lines it locks them in order, so that it has no deadlocks.
 *
 * @param {readonly string[]} skus
 */
function naiveScript(skus) {
  const named = skus.map((sku) => `'${sku}'`).join(', ')
  const lines = `insert into naive_lines (reservation_seq, sku, quantity) select currval('reservation_seq'), sku, 1 from (values ${skus.map((sku) => `('${sku}')`).join(', ')}) d (sku);`
  return `\\set user random(0, 4294967295)
begin;
select sku, total, reserved, sold from stock where sku in (${named}) order by sku for update;
update stock set reserved = reserved + 1, version = version + 1 where sku in (${named});
insert into reservations (${reservationColumns})
  select seq, ${idOf('seq')}, 'user-' || to_hex(:user::bigint), 'active', ${itemsOf(skus)}, '{}', now_ms(), now_ms() + ${ttlMs} from nextval('reservation_seq') seq;
${skus.length > 1 ? lines : ''}
commit;
`
}

/** Made for the naive transaction: the lines of a reservation, as everybody has them. */
const naiveLines = `create table holdfast.naive_lines (
  reservation_seq bigint not null references holdfast.reservations (seq),
  sku text collate "C" not null,
  quantity bigint not null check (quantity > 0),
  primary key (reservation_seq, sku)
)`

/**
 * The ceiling: the rows that a batch of so many reservations writes, one statement for each table, one commit, all sent at once. Nothing is read or decided, and the rows are made
 * in the server, so that none cross the network. The locks are taken as late as possible, so that several clients can write side by side.
 *
 * @param {readonly string[]} skus
 * @param {number} count
 */
function bulkScript(skus, count) {
  const now = 'floor(extract(epoch from now()) * 1000)::bigint'
  const seq = `(currval('bulk_seq') + i)`
  const bulk = { count, skus, seq, id: idOf(seq), now, dueAt: `${now} + ${ttlMs}` }
  return `\\startpipeline
begin;
insert into reservations (${reservationColumns})
  select ${seq}, ${bulk.id}, ${userOf(seq)}, 'active', ${itemsOf(skus)}::json, '{}'::json, ${now}, ${bulk.dueAt}
  from nextval('bulk_seq') base, generate_series(1, ${count}) i;
${insertOpenLines(bulk)};
${skus.map((sku) => `update stock set reserved = reserved + ${count}, version = version + ${count} where sku = '${sku}';`).join('\n')}
${insertEvents(bulk)};
commit;
\\endpipeline
`
}

/**
 * @param {import('./places.mjs').PostgresPlace} place
 * @param {Load} load
 * @returns {Promise<Sample>}
 */
export async function naive(place, { skus, clients, seconds }) {
  const site = place.at('naive')
  await makeStore(site, skus)
  await site.sql(naiveLines)
  const { sample, made } = await measure(place, site, { script: naiveScript(skus), clients, seconds, each: 1 })
  const [row] = await site.sql('select count(*)::int as n from holdfast.naive_lines')
  const [lines, expected] = [Number(row?.['n']), skus.length > 1 ? made * skus.length : 0]
  if (lines !== expected) throw new Error(`${lines} lines instead of ${expected}`)
  await verifyBooks(site, { active: made }, { laws: ['S1', 'S2'] })
  await site.remove()
  return sample
}

/**
 * @param {import('./places.mjs').PostgresPlace} place
 * @param {Load & { perCommit: number }} load
 * @returns {Promise<Sample>}
 */
export async function bulkInsert(place, { skus, clients, seconds, perCommit }) {
  const site = place.at('bulk')
  await makeStore(site, skus)
  await site.sql(`create sequence holdfast.bulk_seq minvalue 0 increment ${perCommit}`)
  const { sample, made } = await measure(place, site, { script: bulkScript(skus, perCommit), clients, seconds, each: perCommit })
  await verifyBooks(site, { active: made })
  await site.remove()
  return sample
}

/**
 * @param {import('./places.mjs').PostgresPlace} place
 * @param {import('./postgres-site.mjs').PostgresSite} site
 * @param {{ script: string, clients: number, seconds: number, each: number }} load
 */
async function measure(place, site, { each, ...load }) {
  const before = cpuOfTree(place.server.pid)
  const { transactions, perSecond } = await runPgbench(place, site, load)
  const made = transactions * each
  const serverCpu = (cpuOfTree(place.server.pid) - before) / made
  return { made, sample: { perSecond: perSecond * each, batchSize: each, serverCpu } }
}
