// The shape of the two tables whose rows are not simply one for each reservation: `open_lines` and `events`. All that the benches know of it is here: how the
// bulk peer writes rows of that shape, and what the laws read of them.

/**
 * @typedef {object} Bulk One transaction of the bulk peer. It stands in SQL, where `i` counts the reservations from 1.
 * @property {number} count reservations
 * @property {readonly string[]} skus one unit of each in every reservation
 * @property {string} seq SQL: the number of reservation `i`
 * @property {string} id SQL: its id
 * @property {string} now SQL: when it was made
 * @property {string} dueAt SQL: when it is due
 */

/** SQL: the chunk of a reservation by its number. */
const chunkOf = (/** @type {string} */ seq) => `((${seq}) >> 9)`
/** Events that share a row. */
const eventsOfRow = 16

/**
 * The rows of `open_lines` of so many reservations, all due at once: one for each sku and chunk. Clients that meet at one due time add to the same rows.
 *
 * @param {Bulk} bulk
 */
export function insertOpenLines({ count, skus, seq, dueAt }) {
  const names = skus.map((sku) => `('${sku}')`).join(', ')
  return `insert into open_lines as l (block, sku, due_at, chunk, units)
    select chunk >> 4, sku, ${dueAt}, chunk, count(*) from (select ${chunkOf(seq)} as chunk from generate_series(1, ${count}) i) made, (values ${names}) named (sku)
    group by sku, chunk order by sku, chunk on conflict (block, sku, due_at, chunk) do update set units = l.units + excluded.units`
}

/**
 * The rows of `events` that tell of so many reservations, some in a row under the number of the last. Their numbers are those after `feed.last`, whose row is locked until the
 * commit; the rows of `stock` have been updated before, and each event tells the stock after it.
 *
 * @param {Bulk} bulk
 */
export function insertEvents({ count, skus, id, now, dueAt }) {
  const changes = skus.map((sku, at) => {
    const before = (/** @type {string} */ column) => `(s${at}.${column} - ${count} + i)`
    return `'["${sku}",' || ${before('version')} || ',' || s${at}.total || ',' || ${before('reserved')} || ',' || s${at}.sold || ']'`
  })
  const detail = `'{"stock":[' || ${changes.join(` || ',' || `)} || '],"expiresAt":' || ${dueAt} || '}'`
  const stock = skus.map((sku, at) => `(select * from stock where sku = '${sku}') s${at}`).join(', ')
  return `with head as (update feed set last = last + ${count} returning last - ${count} as base)
    insert into events (seq, time, list)
    select head.base + max(i), ${now}, ('[' || string_agg('["reservation.created","' || ${id} || '",' || ${detail} || ']', ',' order by i) || ']')::json
    from head, generate_series(1, ${count}) i, ${stock} group by head.base, (i - 1) / ${eventsOfRow}`
}

/** S4: each change of a sku that an event tells, with the version of the sku after it. */
export const stockChanges = `select change ->> 0 as sku, (change ->> 1)::bigint as version
  from events, json_array_elements(events.list) event, json_array_elements(event -> 2 -> 'stock') change`

/** S5: what is kept of the lines that are open, and what it must be by the items of the active reservations. */
export const openLines = {
  kept: 'select sku, due_at, chunk, units from open_lines',
  expected: `select item ->> 'sku', r.expires_at, ${chunkOf('r.seq')}, sum((item ->> 'quantity')::bigint)::bigint
    from reservations r, json_array_elements(r.items) item where r.status = 'active' group by 1, 2, 3`,
}
