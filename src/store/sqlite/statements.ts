import { prepareBulk, type Bulk } from './bulk.ts'
import type { Database, Statement } from './connect.ts'

const productColumns = `p.sku, p.name, p.description, p.price_amount, p.price_currency, p.max_per_user, p.reservation_ttl_seconds,
  p.sale_starts_at, p.sale_ends_at, p.created_at, p.updated_at, s.total, s.reserved, s.sold, s.version`
const reservationColumns = 'r.seq, r.id, r.user_id, r.status, r.items, r.metadata, r.created_at, r.expires_at, r.ended_at, r.order_id'
/** ?1 the status as it is seen at ?2, or null; ?3 the sku, or null. */
const reservationFilter = `(?1 is null or ?1 = iif(r.status = 'active' and r.expires_at <= ?2, 'expired', r.status))
    and (?3 is null or exists (select 1 from reservation_lines l where l.reservation_seq = r.seq and l.sku = ?3))`
const orderColumns = `o.seq, o.id, o.reservation_id, o.user_id, o.status, o.metadata, o.created_at, o.cancelled_at, r.items`

const queries = {
  begin: 'begin immediate',
  commit: 'commit',
  rollback: 'rollback',

  product: `select ${productColumns} from products p join stock s on s.sku = p.sku where p.sku = ?`,
  /** The books of many skus, given as a JSON array. */
  stockOf: 'select s.sku, s.total, s.reserved, s.sold, s.version from json_each(?) wanted join stock s on s.sku = wanted.value',
  productsAfter: `select ${productColumns} from products p join stock s on s.sku = p.sku where p.sku > ? order by p.sku limit ?`,
  insertProduct: `insert into products (sku, name, description, price_amount, price_currency, max_per_user, reservation_ttl_seconds,
    sale_starts_at, sale_ends_at, created_at, updated_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  updateProduct: `update products set name = ?, description = ?, price_amount = ?, price_currency = ?, max_per_user = ?, reservation_ttl_seconds = ?,
    sale_starts_at = ?, sale_ends_at = ?, updated_at = ? where sku = ?`,

  lastReservation: 'select coalesce(max(seq), 0) as seq from reservations',
  reservation: `select ${reservationColumns} from reservations r where r.id = ?`,
  /** Many reservations, by a JSON array of ids. */
  reservationsOf: `select ${reservationColumns} from json_each(?) wanted join reservations r on r.id = wanted.value`,
  reservationBySeq: `select ${reservationColumns} from reservations r where r.seq = ?`,
  reservationsBetween: `select ${reservationColumns} from reservations r
    where r.seq >= ?5 and r.seq < ?4 and ${reservationFilter} order by r.seq desc limit ?6`,
  reservationsOfUser: `select ${reservationColumns} from reservations r
    where r.user_id = ?5 and r.seq < ?4 and ${reservationFilter} order by r.seq desc limit ?6`,

  /** Due reservations of all skus. */
  due: `select ${reservationColumns} from reservations r where r.status = 'active' and r.expires_at <= ? order by r.expires_at limit ?`,
  nextDue: `select min(expires_at) as next from reservations where status = 'active'`,
  /** Due reservations of one sku. */
  dueOfSku: `select l.reservation_seq, l.quantity from reservation_lines l where l.sku = ? and l.due_at <= ? order by l.due_at limit ?`,
  dueUnits: `select coalesce(sum(l.quantity), 0) as units from reservation_lines l where l.sku = ? and l.due_at <= ?`,
  nextReleases: `select l.reservation_seq, l.due_at from reservation_lines l where l.sku = ? and l.due_at > ? order by l.due_at limit ?`,

  /**
   * What a user (?2) holds, not due at ?3, and bought of a sku (?1) that has a limit. Since the limit was set (`counted_from`) the lines name their
   * holder; what the user has from before is looked up through the user.
   */
  usage: `select (
      select coalesce(sum(l.quantity), 0) from reservation_lines l
      where l.sku = ?1 and l.holder = ?2 and l.reservation_seq >= p.counted_from and (l.due_at is null or l.due_at > ?3)
    ) + (
      select coalesce(sum(l.quantity), 0) from reservations r join reservation_lines l on l.sku = ?1 and l.reservation_seq = r.seq
      left join orders o on o.reservation_id = r.id
      where r.user_id = ?2 and r.seq < p.counted_from and (l.due_at > ?3 or o.status = 'placed')
    ) as units from products p where p.sku = ?1`,
  /** The same of a sku without a limit. */
  usageUncounted: `select coalesce(sum(l.quantity), 0) as units from reservations r join reservation_lines l on l.sku = ?1 and l.reservation_seq = r.seq
    left join orders o on o.reservation_id = r.id
    where r.user_id = ?2 and (l.due_at > ?3 or o.status = 'placed')`,
  startCounting: 'update products set counted_from = ? where sku = ?',

  order: `select ${orderColumns} from orders o join reservations r on r.id = o.reservation_id where o.id = ?`,
  ordersBefore: `select ${orderColumns} from orders o join reservations r on r.id = o.reservation_id where o.seq < ? order by o.seq desc limit ?`,
  ordersOfUserBefore: `select ${orderColumns} from orders o join reservations r on r.id = o.reservation_id
    where o.user_id = ? and o.seq < ? order by o.seq desc limit ?`,
  updateOrder: 'update orders set status = ?, cancelled_at = ? where id = ?',

  eventsAfter: `select e.seq as event_seq, e.type as event_type, e.time as event_time, e.subject as event_subject, e.expires_at as event_expires_at,
      e.stock as event_stock, e.data as event_data, e.reason as event_reason,
      o.id as placed_id, o.metadata as placed_metadata, o.created_at as placed_at, ${reservationColumns}
    from events e
    left join orders o on o.id = e.subject
    left join reservations r on r.id = coalesce(o.reservation_id, e.subject)
    where e.seq > ? order by e.seq limit ?`,
  lastEvent: 'select max(seq) as seq from events',

  answer: 'select scope, key, fingerprint, created_at, created, value from answers where scope = ? and key = ? and created_at > ?',
  upsertAnswer: 'insert or replace into answers (scope, key, fingerprint, created_at, created, value) values (?, ?, ?, ?, ?, ?)',
} as const

/** Statements for many rows: one row of values, and the statement around them. */
const bulks = {
  /** Upserts, because the update of a row that is there costs the same. */
  saveStock: [
    '(?, ?, ?, ?, ?)',
    (rows) => `insert into stock (sku, total, reserved, sold, version) values ${rows}
      on conflict (sku) do update set total = excluded.total, reserved = excluded.reserved, sold = excluded.sold, version = excluded.version`,
  ],
  /** A new reservation is active; one that ended in its own batch is updated after. */
  insertReservations: [
    `(?, ?, ?, 'active', ?, ?, ?, ?)`,
    (rows) => `insert into reservations (seq, id, user_id, status, items, metadata, created_at, expires_at) values ${rows}`,
  ],
  updateReservations: [
    '(?, ?, ?, ?, ?)',
    (rows) => `with changed (seq, status, expires_at, ended_at, order_id) as (values ${rows})
      update reservations set status = changed.status, expires_at = changed.expires_at, ended_at = changed.ended_at, order_id = changed.order_id
      from changed where reservations.seq = changed.seq`,
  ],
  insertLines: [
    '(?, ?, ?, ?, ?)',
    (rows) => `insert into reservation_lines (sku, reservation_seq, quantity, due_at, holder) values ${rows}`,
  ],
  /** due_at, and whether the units still count against their holder. */
  updateLines: [
    '(?, ?, ?, ?)',
    (rows) => `with changed (sku, reservation_seq, due_at, counts) as (values ${rows})
      update reservation_lines set due_at = changed.due_at, holder = iif(changed.counts, holder, null)
      from changed where reservation_lines.reservation_seq = changed.reservation_seq and reservation_lines.sku = changed.sku`,
  ],
  insertOrders: [
    '(?, ?, ?, ?, ?, ?, ?)',
    (rows) => `insert into orders (id, reservation_id, user_id, status, metadata, created_at, cancelled_at) values ${rows}`,
  ],
  insertEvents: [
    '(?, ?, ?, ?, ?, ?, ?)',
    (rows) => `insert into events (type, time, subject, expires_at, stock, data, reason) values ${rows}`,
  ],
} as const satisfies Record<string, readonly [row: string, sql: (rows: string) => string]>

export type Statements = Record<keyof typeof queries, Statement> & Record<keyof typeof bulks, Bulk>

export function prepareStatements(database: Database): Statements {
  return Object.fromEntries([
    ...Object.entries(queries).map(([name, sql]) => [name, database.prepare(sql)]),
    ...Object.entries(bulks).map(([name, [row, sql]]) => [name, prepareBulk(database, row, sql)]),
  ]) as Statements
}
