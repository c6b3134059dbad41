import { chunkBits, inChunk } from '../sql/blocks.ts'
import { ledgerColumns } from '../sql/ledger.ts'
import { retentionColumns, type RetentionStatement } from '../sql/retention.ts'
import type { Write, Writes } from '../sql/save.ts'
import { prepareBulk } from './bulk.ts'
import type { Database, Statement } from './connect.ts'

const productColumns = `p.sku, p.name, p.description, p.price_amount, p.price_currency, p.max_per_user, p.reservation_ttl_seconds,
  p.sale_starts_at, p.sale_ends_at, p.created_at, p.updated_at, s.total, s.reserved, s.sold, s.version`
const reservationColumns =
  'r.seq, r.id, r.user_id, r.status, r.items, r.metadata, r.created_at, r.expires_at, r.ended_at, r.order_id, r.slots'
/** ?1 the status as it is seen at ?2, or null for all but lost ones; ?3 how the sku stands in the items, or null. */
const reservationFilter = `iif(?1 is null, r.status <> 'lost', ?1 = iif(r.status = 'active' and r.expires_at <= ?2, 'expired', r.status))
    and (?3 is null or instr(r.items, ?3) > 0)`
/** That a reservation (r) with a row in `slots` occupies that slot at ?2. */
const occupies = `r.status = 'active' and r.expires_at > ?2`
const orderColumns = `o.seq, o.id, o.reservation_id, o.user_id, o.status, o.metadata, o.created_at, o.cancelled_at, r.items`

/**
 * The indexes by user have smaller blocks than the rest: SQLite writes whole pages, and the users of a commit fall on all pages of the newest block. 1,024 rows are seven.
 */
export const userBlockBits = 10

/** The blocks from `first` to `last`, both SQL; none if either is null. */
function blocks(first: string, last: string): string {
  return `with recursive blocks (block) as (select block from (select ${first} as block) where block <= ${last}
    union all select block + 1 from blocks where block < ${last})`
}
/** The blocks in which anything is active. */
const openBlocks = blocks('(select min(block) from open_lines)', '(select max(block) from open_lines)')

/** That a reservation (r) is an active one of a chunk. */
function activeIn(chunk: string): string {
  return `r.seq >= ${chunk} << ${chunkBits} and r.seq < (${chunk} + 1) << ${chunkBits} and r.status = 'active'`
}

/** Parameters in the order of their numbers, as `RetentionStatement` names them. */
const retention = {
  oldestEvents: `select seq, time, json_array_length(list) as events, (select max(seq) from events) as newest, (select min(due_at) from open_lines) as due
    from events where seq > ?1 order by seq limit ?2`,
  keepEnded: `insert into ended_reservations (seq, time, list)
    select e.seq, e.time, json_group_array(r.seq) from events e cross join json_each(e.list) event cross join reservations r on r.id = event.value ->> 1
    where e.seq <= ?1 and event.value ->> 0 in ('reservation.cancelled', 'reservation.expired', 'reservation.lost') group by e.seq`,
  removeEvents: 'delete from events where seq <= ?1',
  moveEvents: 'update retention set events_seq = ?1, events_time = ?2',
  oldestEnded: `select seq, time, json_array_length(list) as reservations, (select max(value) from json_each(list)) as last,
      (select max(seq) from reservations) as newest
    from ended_reservations order by seq limit ?1`,
  removeReservations: `delete from reservations where seq in (select one.value from ended_reservations e cross join json_each(e.list) one where e.seq <= ?1)`,
  removeEnded: 'delete from ended_reservations where seq <= ?1',
  moveReservations: 'update retention set reservations_time = ?1',
  endOfAnswers: 'select scope, key from answers where (scope, key) > (?1, ?2) order by scope, key limit 1 offset ?3 - 1',
  removeAnswers: `delete from answers where (scope, key) in (
      select scope, key from (select scope, key, created_at from answers where (scope, key) > (?1, ?2) order by scope, key limit ?3) where created_at <= ?4
    ) returning 1`,
  moveAnswers: 'update retention set answers_scope = ?1, answers_key = ?2, answers_walk_at = ?3',
} as const satisfies Record<RetentionStatement, string>

const queries = {
  begin: 'begin immediate',
  commit: 'commit',
  rollback: 'rollback',

  product: `select ${productColumns} from products p join stock s on s.sku = p.sku where p.sku = ?`,
  /** The books of many skus, given as a JSON array. */
  stockOf: 'select s.sku, s.total, s.reserved, s.sold, s.version from json_each(?) wanted join stock s on s.sku = wanted.value',
  productsAfter: `select ${productColumns} from products p join stock s on s.sku = p.sku where p.sku > ? order by p.sku limit ?`,
  lastReservation: 'select coalesce(max(seq), 0) as seq from reservations',
  reservation: `select ${reservationColumns} from reservations r where r.id = ?`,
  /** Many reservations, by a JSON array of ids. */
  reservationsOf: `select ${reservationColumns} from json_each(?) wanted join reservations r on r.id = wanted.value`,
  reservationsBetween: `select ${reservationColumns} from reservations r
    where r.seq >= ?5 and r.seq < ?4 and ${reservationFilter} order by r.seq desc limit ?6`,
  /** Within one block, ?6. */
  reservationsOfUser: `select ${reservationColumns} from reservations r
    where r.seq >> ${userBlockBits} = ?6 and r.user_id = ?5 and r.seq < ?4 and ${reservationFilter} order by r.seq desc limit ?7`,

  /** That occupy a slot, ?6; of a user, ?5, unless it is null. */
  reservationsInSlot: `select ${reservationColumns} from slots s cross join reservations r on r.seq = s.reservation_seq
    where s.name = ?6 and s.reservation_seq < ?4 and ${occupies} and (?5 is null or r.user_id = ?5) and ${reservationFilter}
    order by s.reservation_seq desc limit ?7`,
  /** How many reservations occupy each slot of a JSON array of names (?1) at ?2. */
  occupied: `select w.value as name,
      (select count(*) from slots s cross join reservations r on r.seq = s.reservation_seq where s.name = w.value and ${occupies}) as n
    from json_each(?1) w`,

  /** Due reservations of all skus at ?1, at most ?2. */
  due: `select ${reservationColumns} from (select distinct due_at, chunk from open_lines where due_at <= ?1 order by due_at, chunk limit ?2) due
    cross join reservations r on ${inChunk('due')} limit ?2`,
  nextDue: 'select min(due_at) as next from open_lines',
  /** Due reservations of one sku (?1; ?3 how it stands in the items) at ?2, about as they became due; at most ?4. */
  dueOfSku: `${openBlocks} select ${reservationColumns} from blocks b cross join open_lines l on l.block = b.block
    cross join reservations r on ${inChunk('l')}
    where l.sku = ?1 and l.due_at <= ?2 and instr(r.items, ?3) > 0 limit ?4`,
  /** What comes back of a sku (?1) at ?2: units that are due, and when the next are. Without those of a JSON array of [due time, chunk, units] (?3). */
  releases: `${openBlocks}, except_units (due_at, chunk, units) as materialized (select value ->> 0, value ->> 1, value ->> 2 from json_each(?3))
    select coalesce(sum((
      select sum(l.units) from open_lines l where l.block = b.block and l.sku = ?1 and l.due_at <= ?2
    )), 0) - (select coalesce(sum(units), 0) from except_units where due_at <= ?2) as due_units, min((
      select l.due_at from open_lines l where l.block = b.block and l.sku = ?1 and l.due_at > ?2
        and l.units > coalesce((select e.units from except_units e where e.due_at = l.due_at and e.chunk = l.chunk), 0)
      order by l.due_at limit 1
    )) as next_release_at from blocks b`,

  /**
   * What users hold, not due at ?2, and bought of skus: ?1 is a JSON array of [sku, user id, whether the sku has a limit]. Since the limit was set (`counted_from`)
   * there are `held_lines`; what a user has from before is looked up through the user.
   */
  usageOf: `with wanted (sku, user_id, counted_from) as materialized (
      select w.value ->> 0, w.value ->> 1, iif(w.value ->> 2, p.counted_from, (select coalesce(max(seq), 0) + 1 from reservations))
      from json_each(?1) w left join products p on p.sku = w.value ->> 0
    ) select w.sku, w.user_id, (
      select coalesce(sum(h.quantity), 0) from held_lines h
      where h.sku = w.sku and h.user_id = w.user_id and h.reservation_seq >= w.counted_from and (h.due_at is null or h.due_at > ?2)
    ) + iif(w.counted_from = 0, 0, (
      ${blocks('0', `(w.counted_from - 1) >> ${userBlockBits}`)}
      select coalesce(sum(item.value ->> 'quantity'), 0)
      from blocks b cross join reservations r on r.seq >> ${userBlockBits} = b.block and r.user_id = w.user_id
      left join orders o on o.id = r.order_id cross join json_each(r.items) item
      where r.seq < w.counted_from and (o.status = 'placed' or (r.status = 'active' and r.expires_at > ?2)) and item.value ->> 'sku' = w.sku
    )) as units from wanted w`,

  order: `select ${orderColumns} from orders o join reservations r on r.id = o.reservation_id where o.id = ?`,
  ordersBefore: `select ${orderColumns} from orders o join reservations r on r.id = o.reservation_id where o.seq < ? order by o.seq desc limit ?`,
  /** Within one block, ?3. */
  ordersOfUser: `select ${orderColumns} from orders o join reservations r on r.id = o.reservation_id
    where o.seq >> ${userBlockBits} = ?3 and o.user_id = ?1 and o.seq < ?2 order by o.seq desc limit ?4`,
  lastOrder: 'select coalesce(max(seq), 0) as seq from orders',

  /** After ?1, at most ?2. A row of several events has the number of its last; so the last row that is needed is the first whose number is ?1 + ?2 or more. */
  eventsAfter: `with told as (
      select e.seq - json_array_length(e.list) + 1 + event.key as event_seq, e.time as event_time, event.value as event
      from events e cross join json_each(e.list) event
      where e.seq > ?1 and e.seq <= coalesce((select min(seq) from events where seq >= ?1 + ?2), ${Number.MAX_SAFE_INTEGER})
        and event_seq > ?1
      order by event_seq limit ?2
    ) select e.event_seq, e.event_time, e.event ->> 0 as event_type, e.event ->> 1 as event_subject, e.event -> 2 as event_detail,
      o.id as placed_id, o.metadata as placed_metadata, o.created_at as placed_at, ${reservationColumns}
    from told e left join orders o on o.id = e.event ->> 1 left join reservations r on r.id = coalesce(o.reservation_id, e.event ->> 1)
    order by e.event_seq`,
  lastEvent: 'select max(seq) as seq from events',

  retention: `select ${retentionColumns} from retention`,
  makeRetention: 'insert into retention (one) values (1) on conflict do nothing',
  ...retention,

  note: 'select name, version, value from notes where name = ?',
  notesBetween: 'select name, version, value from notes where name >= ? and name < ? order by name',
  insertNote: 'insert into notes (name, version, value) values (?, ?, ?) on conflict do nothing returning version',
  /** If it has the version ?4. */
  updateNote: 'update notes set version = ?2, value = ?3 where name = ?1 and version = ?4 returning version',
  deleteNote: 'delete from notes where name = ?1 and version = ?2 returning version',

  ledger: `select ${ledgerColumns} from ledger`,
  makeLedger: 'insert into ledger (id, generation, position) values (?, 0, 0) on conflict do nothing',
  moveLedger: 'update ledger set position = ?1, mark = ?2',
  claimLedger: 'update ledger set namespace = ?1 where namespace is null or namespace = ?2',
  /** Whoever knows only the generation before (?) can append no more. */
  raiseLedger: `update ledger set generation = generation + 1, position = 0, mark = '' where generation = ? returning ${ledgerColumns}`,
  /** Some active reservations, at most ?1: of the chunks in which the first are due. */
  someActive: `select r.id, r.expires_at from (select distinct chunk from (select chunk from open_lines order by due_at, chunk limit ?1)) c
    cross join reservations r on ${activeIn('c.chunk')} limit ?1`,
  countOpen: `select count(*) as n from (select distinct chunk from open_lines) c cross join reservations r on ${activeIn('c.chunk')}`,
  /** The blocks in which anything is active; and how many of one block are. */
  openRange: 'select (select min(block) from open_lines) as first, (select max(block) from open_lines) as last',
  countOpenIn: `select count(*) as n from (select distinct chunk from open_lines where block = ?) c cross join reservations r on ${activeIn('c.chunk')}`,
  /** Of all `held_lines` those after ?1, ?2, ?3, at most ?4; `counts`: bought, since the product has its limit. */
  heldAfter: `select h.sku, h.user_id, h.reservation_seq, h.quantity,
      h.due_at is null and p.max_per_user is not null and h.reservation_seq >= p.counted_from as counts
    from held_lines h cross join products p on p.sku = h.sku
    where (h.sku, h.user_id, h.reservation_seq) > (?1, ?2, ?3) order by h.sku, h.user_id, h.reservation_seq limit ?4`,
  limitedLate: 'select sku, counted_from from products where max_per_user is not null and counted_from > 1',
  takenBetween: `select r.seq, r.user_id, r.items from reservations r left join orders o on o.id = r.order_id
    where r.seq >= ?1 and r.seq < ?2 and (?3 is null or instr(r.items, ?3) > 0) and (r.status = 'active' or o.status = 'placed')`,

  /** Answers by a JSON array of [scope, key], given after a time. */
  answersOf: `select a.scope, a.key, a.fingerprint, a.created_at, a.created, a.value
    from json_each(?) wanted join answers a on a.scope = wanted.value ->> 0 and a.key = wanted.value ->> 1 where a.created_at > ?`,
} as const

/** Statements for many rows: one row of values, and the statement around them. */
const bulks = {
  insertProducts: [
    '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    (rows) => `insert into products (sku, name, description, price_amount, price_currency, max_per_user, reservation_ttl_seconds,
      sale_starts_at, sale_ends_at, created_at, updated_at) values ${rows}`,
  ],
  updateProducts: [
    '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    (
      rows,
    ) => `with changed (name, description, price_amount, price_currency, max_per_user, reservation_ttl_seconds, sale_starts_at, sale_ends_at,
        updated_at, sku) as (values ${rows})
      update products set name = changed.name, description = changed.description, price_amount = changed.price_amount,
        price_currency = changed.price_currency, max_per_user = changed.max_per_user, reservation_ttl_seconds = changed.reservation_ttl_seconds,
        sale_starts_at = changed.sale_starts_at, sale_ends_at = changed.sale_ends_at, updated_at = changed.updated_at
      from changed where products.sku = changed.sku`,
  ],
  startCounting: [
    '(?, ?)',
    (rows) => `with changed (counted_from, sku) as (values ${rows})
      update products set counted_from = changed.counted_from from changed where products.sku = changed.sku`,
  ],
  insertStock: ['(?, ?, ?, ?, ?)', (rows) => `insert into stock (sku, total, reserved, sold, version) values ${rows}`],
  /** An upsert of rows that are there, which costs less than an update from values. */
  updateStock: [
    '(?, ?, ?, ?, ?)',
    (rows) => `insert into stock (sku, total, reserved, sold, version) values ${rows}
      on conflict (sku) do update set total = excluded.total, reserved = excluded.reserved, sold = excluded.sold, version = excluded.version`,
  ],
  /** A new reservation is active; one that ended in its own batch is updated after. */
  insertReservations: [
    `(?, ?, ?, 'active', ?, ?, ?, ?, ?)`,
    (rows) => `insert into reservations (seq, id, user_id, status, items, metadata, created_at, expires_at, slots) values ${rows}`,
  ],
  updateReservations: [
    '(?, ?, ?, ?, ?)',
    (rows) => `with changed (seq, status, expires_at, ended_at, order_id) as (values ${rows})
      update reservations set status = changed.status, expires_at = changed.expires_at, ended_at = changed.ended_at, order_id = changed.order_id
      from changed where reservations.seq = changed.seq`,
  ],
  openLines: [
    '(?, ?, ?, ?, ?)',
    (rows) => `insert into open_lines (block, sku, due_at, chunk, units) values ${rows}
      on conflict (block, sku, due_at, chunk) do update set units = units + excluded.units`,
  ],
  closeLines: [
    '(?, ?, ?, ?, ?)',
    (rows) => `with closed (block, sku, due_at, chunk, units) as (values ${rows})
      update open_lines as l set units = l.units - closed.units from closed
      where l.block = closed.block and l.sku = closed.sku and l.due_at = closed.due_at and l.chunk = closed.chunk`,
  ],
  deleteClosedLines: [
    '(?, ?, ?, ?)',
    (rows) => `delete from open_lines where (block, sku, due_at, chunk) in (values ${rows}) and units = 0`,
  ],
  insertHeldLines: ['(?, ?, ?, ?, ?)', (rows) => `insert into held_lines (sku, user_id, reservation_seq, quantity, due_at) values ${rows}`],
  updateHeldLines: [
    '(?, ?, ?, ?)',
    (rows) => `with changed (sku, user_id, reservation_seq, due_at) as (values ${rows})
      update held_lines set due_at = changed.due_at from changed
      where held_lines.sku = changed.sku and held_lines.user_id = changed.user_id and held_lines.reservation_seq = changed.reservation_seq`,
  ],
  deleteHeldLines: ['(?, ?, ?)', (rows) => `delete from held_lines where (sku, user_id, reservation_seq) in (values ${rows})`],
  insertSlots: ['(?, ?)', (rows) => `insert into slots (name, reservation_seq) values ${rows}`],
  deleteSlots: ['(?, ?)', (rows) => `delete from slots where (name, reservation_seq) in (values ${rows})`],
  insertOrders: [
    '(?, ?, ?, ?, ?, ?, ?)',
    (rows) => `insert into orders (id, reservation_id, user_id, status, metadata, created_at, cancelled_at) values ${rows}`,
  ],
  updateOrders: [
    '(?, ?, ?)',
    (rows) => `with changed (status, cancelled_at, id) as (values ${rows})
      update orders set status = changed.status, cancelled_at = changed.cancelled_at from changed where orders.id = changed.id`,
  ],
  /** Over answers that are too old to be given again. */
  saveAnswers: [
    '(?, ?, ?, ?, ?, ?)',
    (rows) => `insert or replace into answers (scope, key, fingerprint, created_at, created, value) values ${rows}`,
  ],
  /** A row has the number of its last event. */
  insertEvents: [
    '(?, ?, ?)',
    (rows) => `with made (count, time, list) as (values ${rows})
      insert into events (seq, time, list) select (select coalesce(max(seq), 0) from events) + sum(count) over (rows unbounded preceding), time, list from made`,
  ],
} as const satisfies Record<keyof Writes, readonly [row: string, sql: (rows: string) => string]>

export type Statements = Record<keyof typeof queries, Statement> & Record<keyof Writes, Write>

export function prepareStatements(database: Database): Statements {
  return Object.fromEntries([
    ...Object.entries(queries).map(([name, sql]) => [name, database.prepare(sql)]),
    ...Object.entries(bulks).map(([name, [row, sql]]) => [name, prepareBulk(database, row, sql)]),
  ]) as Statements
}
