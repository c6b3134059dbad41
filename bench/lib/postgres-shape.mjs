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

/**
 * The rows of `open_lines` of so many reservations, all due at once.
 *
 * @param {Bulk} bulk
 */
export function insertOpenLines({ count, skus, seq, dueAt }) {
  const names = skus.map((sku) => `('${sku}')`).join(', ')
  return `insert into open_lines (block, sku, due_at, reservation_seq, quantity)
    select (${seq}) >> 13, sku, ${dueAt}, ${seq}, 1 from generate_series(1, ${count}) i, (values ${names}) named (sku)`
}

/**
 * The rows of `events` that tell of so many reservations. Their numbers are those after `feed.last`, whose row is locked until the commit; the rows of `stock` have
 * been updated before, and each event tells the stock after it.
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
    insert into events (seq, type, time, subject, detail)
    select head.base + i, 'reservation.created', ${now}, ${id}, (${detail})::json from head, generate_series(1, ${count}) i, ${stock}`
}

/** S4: each change of a sku that an event tells, with the version of the sku after it. */
export const stockChanges = `select change ->> 0 as sku, (change ->> 1)::bigint as version from events, json_array_elements(events.detail -> 'stock') change`

/** S5: what is kept of the lines that are open, and what it must be by the items of the active reservations. */
export const openLines = {
  kept: 'select reservation_seq, sku, due_at, quantity from open_lines',
  expected: `select r.seq, item ->> 'sku', r.expires_at, (item ->> 'quantity')::bigint
    from reservations r, json_array_elements(r.items) item where r.status = 'active'`,
}
