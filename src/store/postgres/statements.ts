import { blockBits, chunkBits, inChunk } from '../sql/blocks.ts'
import { ledgerColumns } from '../sql/ledger.ts'
import { retentionColumns } from '../sql/retention.ts'
import type { Writes } from '../sql/save.ts'

/** A statement of one name is prepared once for each connection. */
export interface Prepared {
  readonly name: string
  readonly text: string
}

/** The type of each column of the rows that are written, and the statement around `unnest` of the columns. */
export interface PreparedWrite extends Prepared {
  readonly types: readonly string[]
}

const productColumns = `p.sku, p.name, p.description, p.price_amount, p.price_currency, p.max_per_user, p.reservation_ttl_seconds,
  p.sale_starts_at, p.sale_ends_at, p.created_at, p.updated_at`
const stockColumns = 's.total, s.reserved, s.sold, s.version, s.product_version'
const reservationColumns =
  'r.seq, r.id, r.user_id, r.status, r.items, r.metadata, r.created_at, r.expires_at, r.ended_at, r.order_id, r.slots'
const orderColumns = 'o.seq, o.id, o.reservation_id, o.user_id, o.status, o.metadata, o.created_at, o.cancelled_at, r.items'

/** The moment of the decision: read once, after the locks are held, and the same for every statement of the transaction. */
const now = `current_setting('holdfast.now')::bigint`

/** $1 the status as it is seen at $2, or null for all but lost ones; $3 how the sku stands in the items, or null. */
const reservationFilter = `case when $1::text is null then r.status <> 'lost' else $1 = case when r.status = 'active' and r.expires_at <= $2 then 'expired' else r.status end end
    and ($3::text is null or strpos(r.items::text, $3) > 0)`

/** The reservations that occupy a slot at a moment. Lateral with a limit, so that PostgreSQL finds each by its seq, also before it has counted the rows. */
function occupying(slot: string, at: string, columns: string): string {
  return `{slots} o cross join lateral (
      select ${columns} from {reservations} r where r.seq = o.reservation_seq and r.status = 'active' and r.expires_at > ${at} limit 1
    ) r where o.name = ${slot}`
}

/** The blocks in which anything is active. */
const openBlocks = 'generate_series((select min(block) from {open_lines}), (select max(block) from {open_lines})) b (block)'

/** What comes back of a sku at a time: units that are due, and when the next are. `except`: a table (sku, due_at, chunk, units) of what is left out. */
function releases(sku: string, at: string, except: string): string {
  return `select (coalesce(sum((
      select sum(l.units) from {open_lines} l where l.block = b.block and l.sku = ${sku} and l.due_at <= ${at}
    )), 0) - coalesce((select sum(e.units) from ${except} e where e.sku = ${sku} and e.due_at <= ${at}), 0))::bigint as due_units, min((
      select l.due_at from {open_lines} l where l.block = b.block and l.sku = ${sku} and l.due_at > ${at}
        and l.units > coalesce((select e.units from ${except} e where e.sku = l.sku and e.due_at = l.due_at and e.chunk = l.chunk), 0)
      order by l.due_at limit 1
    )) as next_release_at from ${openBlocks}`
}
/** Nothing is left out. */
const nothing = '(select null::text as sku, 0::bigint as due_at, 0::bigint as chunk, 0::bigint as units where false)'

/** "Slot" in ASCII, and how many locks there are: a power of two. */
const slotLocksId = 0x536c6f74
const slotLocks = 512

/** One global order, so that batches that cross wait for each other instead of blocking each other. */
const locked = 'order by s.sku for no key update'

/** The skus of reservations and orders by their ids, which never change. */
function skusOf(reservationIds: string, orderIds: string): string {
  return `select item ->> 'sku' as sku from {reservations} r cross join lateral json_array_elements(r.items) item where r.id = any (${reservationIds})
    union all select item ->> 'sku' from {orders} o join {reservations} r on r.id = o.reservation_id cross join lateral json_array_elements(r.items) item
      where o.id = any (${orderIds})`
}

/** The active reservations of one chunk. With an order and a limit, so that PostgreSQL looks nowhere else, also before it has counted the rows. */
function activeOf(chunk: string): string {
  return `select r.id, r.expires_at from {reservations} r where r.seq >= ${chunk} << ${chunkBits} and r.seq < (${chunk} + 1) << ${chunkBits} and r.status = 'active'
    order by r.seq limit 1 << ${chunkBits}`
}

const queries = {
  begin: 'begin isolation level read committed',
  commit: 'commit',
  rollback: 'rollback',
  /** For this transaction only, because behind a pooler the next one may have another connection. In milliseconds. */
  limitWaiting: `select set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true),
    set_config('idle_in_transaction_session_timeout', $3, true), set_config('jit', 'off', true)`,
  /**
   * Take the locks of all skus that a batch touches, in one global order: skus by name ($1), of reservations ($2) and orders ($3) by id, and of what has
   * been due longest ($4 rows of `open_lines`). What is read after it is read by a snapshot of its own, and holds until the end.
   */
  lockAlsoOf: `with named (sku) as (
      select unnest($1::text[]) union ${skusOf('$2::text[]', '$3::text[]')} union
      select l.sku from (select due_at, chunk from {open_lines} where due_at <= {now_ms}() order by due_at, chunk limit $4) due
        join {open_lines} l on l.due_at = due.due_at and l.chunk = due.chunk
    ) select s.sku, ${stockColumns} from {stock} s where s.sku in (select sku from named) ${locked}`,
  /** The same where all skus are named. For itself, because PostgreSQL plans a statement anew each time it runs with arrays of other lengths, and this one is quickly planned. */
  lock: `select s.sku, ${stockColumns} from {stock} s where s.sku = any ($1::text[]) ${locked}`,
  /**
   * Whoever decides by a slot, or lets a reservation keep it for longer, has its lock: slots by name ($1), and those of reservations by id ($2). Slots share ${slotLocks} locks, because PostgreSQL has
   * room for some thousand only. All of them before any sku and in one order, for the same reason as there.
   */
  lockSlots: `select count(pg_advisory_xact_lock(${slotLocksId}, b.lock)) as n from (
      select distinct hashtext('{slots}' || n.name) & ${slotLocks - 1} as lock from (
        select unnest($1::text[]) as name
        union all select json_array_elements_text(r.slots) from {reservations} r where r.id = any ($2::text[]) and r.slots is not null
      ) n order by lock
    ) b`,
  /** How many reservations occupy each slot ($1). */
  occupied: `select w.name, (select count(*) from ${occupying('w.name', now, '1')}) as n from unnest($1::text[]) w (name)`,
  /** The moment of the decision, unless it is given ($2), and numbers for so many reservations ($1). */
  decideNow: `select set_config('holdfast.now', coalesce($2::bigint, {now_ms}())::text, true)::bigint as now, array_to_string(array(select nextval('{reservation_seq}') from generate_series(1, $1)), ',') as seqs`,
  productsOf: `select ${productColumns}, s.product_version from {products} p join {stock} s on s.sku = p.sku where p.sku = any ($1)`,
  /** By id, and those of orders. As arrays: beside an `or` PostgreSQL uses no index for a subquery. */
  reservationsOf: `select ${reservationColumns} from {reservations} r where r.id = any ($1::text[])
    or r.id = any (array(select o.reservation_id from {orders} o where o.id = any ($2::text[])))`,
  /** By id, and those of reservations. */
  ordersOf: `select ${orderColumns} from {orders} o join {reservations} r on r.id = o.reservation_id where o.id = any ($2::text[]) or o.reservation_id = any ($1::text[])`,
  answersOf: `select a.scope, a.key, a.fingerprint, a.created_at, a.created, a.value from unnest($1::text[], $2::text[]) wanted (scope, key)
    join {answers} a on a.scope = wanted.scope and a.key = wanted.key where a.created_at > ${now} - $3`,
  /** So many reservations that are due. */
  due: `select r.* from (
      select distinct due_at, chunk from (select due_at, chunk from {open_lines} where due_at <= ${now} order by due_at, chunk limit $1) due order by due_at, chunk
    ) due cross join lateral (select ${reservationColumns} from {reservations} r where ${inChunk('due')}) r limit $1`,
  /** Due reservations of skus ($1; $4 how each stands in the items), each until it has so many lines ($2), apart from some ($3). One of several skus may come twice. */
  dueOf: `select r.* from unnest($1::text[], $2::bigint[], $4::text[]) wanted (sku, lines, item) cross join lateral (
      select r.* from ${openBlocks} cross join lateral (
        select l.chunk, l.due_at from {open_lines} l where l.block = b.block and l.sku = wanted.sku and l.due_at <= ${now}
      ) l cross join lateral (
        select ${reservationColumns} from {reservations} r where ${inChunk('l')}
          and strpos(r.items::text, wanted.item) > 0 and not r.seq = any ($3::bigint[])
      ) r limit wanted.lines
    ) r`,
  /**
   * What comes back of the skus ($1) of which no more than so many units ($2) are free, and of those of reservations ($3) and orders ($4) of which none is. Apart from those
   * reservations and some more ($5), whose rows are at hand.
   */
  releasesOfOthers: `with wanted (sku, units) as (
      select sku, max(units) from (select * from unnest($1::text[], $2::bigint[]) w (sku, units) union all select sku, 0 from (${skusOf('$3::text[]', '$4::text[]')}) ends) w
      group by sku
    ), except_units as materialized (
      select item ->> 'sku' as sku, r.expires_at as due_at, r.seq >> ${chunkBits} as chunk, sum((item ->> 'quantity')::bigint) as units
      from {reservations} r cross join lateral json_array_elements(r.items) item
      where r.status = 'active' and (r.seq = any ($5::bigint[]) or r.id = any ($3::text[]) or r.id = any (array(select o.reservation_id from {orders} o where o.id = any ($4::text[]))))
      group by 1, 2, 3
    ) select s.sku, back.due_units, back.next_release_at from wanted join {stock} s on s.sku = wanted.sku and s.total - s.reserved - s.sold <= wanted.units
      cross join lateral (${releases('s.sku', now, 'except_units')}) back`,
  /** The same where no rows are at hand. */
  releasesOf: `select s.sku, back.due_units, back.next_release_at from unnest($1::text[], $2::bigint[]) wanted (sku, units)
      join {stock} s on s.sku = wanted.sku and s.total - s.reserved - s.sold <= wanted.units cross join lateral (${releases('s.sku', now, nothing)}) back`,
  /**
   * What users ($2) hold, not due, and bought of skus ($1) that have a limit ($3) or get one. Since the limit was set (\`counted_from\`) there are \`held_lines\`; what a user has
   * from before is looked up through the user; with an order and a limit, so that PostgreSQL looks nowhere else, also before it has counted the rows.
   */
  usageOf: `with wanted as materialized (
      select w.sku, w.user_id, case when w.is_limited then coalesce(p.counted_from, 0) else (select coalesce(max(seq), 0) + 1 from {reservations}) end as counted_from
      from unnest($1::text[], $2::text[], $3::boolean[]) w (sku, user_id, is_limited) left join {products} p on p.sku = w.sku
    ) select w.sku, w.user_id, ((
      select coalesce(sum(h.quantity), 0) from {held_lines} h
      where h.sku = w.sku and h.user_id = w.user_id and h.reservation_seq >= w.counted_from and (h.due_at is null or h.due_at > ${now})
    ) + case when w.counted_from = 0 then 0 else (
      select coalesce(sum((item ->> 'quantity')::bigint), 0)
      from generate_series(0, (w.counted_from - 1) >> ${blockBits}) b (block) cross join lateral (
        select * from {reservations} r where r.seq >> ${blockBits} = b.block and r.user_id = w.user_id and r.seq < w.counted_from order by r.seq limit 1 << ${blockBits}
      ) r
      cross join lateral json_array_elements(r.items) item left join lateral (select status from {orders} where reservation_id = r.id limit 1) o on true
      where item ->> 'sku' = w.sku and (o.status = 'placed' or (r.status = 'active' and r.expires_at > ${now}))
    ) end)::bigint as units from wanted w`,

  product: `select ${productColumns}, ${stockColumns}, back.due_units, back.next_release_at from {products} p join {stock} s on s.sku = p.sku
    left join lateral (${releases('s.sku', '{now_ms}()', nothing)}) back on s.reserved > 0 where p.sku = $1`,
  productsAfter: `select ${productColumns}, ${stockColumns}, back.due_units, back.next_release_at
    from (select * from {products} where sku > $1 order by sku limit $2) p join {stock} s on s.sku = p.sku
    left join lateral (${releases('s.sku', '{now_ms}()', nothing)}) back on s.reserved > 0 order by p.sku`,
  reservation: `select ${reservationColumns}, {now_ms}() as now from {reservations} r where r.id = $1`,
  reservationsBetween: `select ${reservationColumns} from {reservations} r
    where r.seq >= $5 and r.seq < $4 and ${reservationFilter} order by r.seq desc limit $6`,
  /** From block $6 up to block $7. */
  reservationsOfUser: `select r.* from generate_series($6::bigint, $7::bigint) b (block) cross join lateral (
      select ${reservationColumns} from {reservations} r
      where r.seq >> ${blockBits} = b.block and r.user_id = $5 and r.seq < $4 and ${reservationFilter} order by r.seq desc limit $8
    ) r order by r.seq desc limit $8`,
  /** That occupy a slot, $6; of a user, $5, unless it is null. */
  reservationsInSlot: `select r.* from ${occupying('$6', '$2', reservationColumns)}
    and o.reservation_seq < $4 and ($5::text is null or r.user_id = $5) and ${reservationFilter} order by o.reservation_seq desc limit $7`,
  lastReservation: 'select coalesce(max(seq), 0) as seq, {now_ms}() as now from {reservations}',
  order: `select ${orderColumns} from {orders} o join {reservations} r on r.id = o.reservation_id where o.id = $1`,
  ordersBefore: `select ${orderColumns} from {orders} o join {reservations} r on r.id = o.reservation_id where o.seq < $1 order by o.seq desc limit $2`,
  /** From block $3 up to block $4. */
  ordersOfUser: `select o.* from generate_series($3::bigint, $4::bigint) b (block) cross join lateral (
      select ${orderColumns} from {orders} o join {reservations} r on r.id = o.reservation_id
      where o.seq >> ${blockBits} = b.block and o.user_id = $1 and o.seq < $2 order by o.seq desc limit $5
    ) o order by o.seq desc limit $5`,
  lastOrder: 'select coalesce(max(seq), 0) as seq from {orders}',
  /** After $1, at most $2. A row of several events has the number of its last; so the last row that is needed is the first whose number is $1 + $2 or more.
   * Lateral with a limit: PostgreSQL thinks a list has many elements, and would go through whole tables to join them. */
  eventsAfter: `with told as materialized (
      select e.seq - json_array_length(e.list) + event.number as event_seq, e.time as event_time, event.value ->> 0 as event_type,
        event.value ->> 1 as event_subject, event.value -> 2 as event_detail
      from {events} e cross join lateral json_array_elements(e.list) with ordinality event (value, number)
      where e.seq > $1 and e.seq <= coalesce((select min(seq) from {events} where seq >= $1 + $2::bigint), ${Number.MAX_SAFE_INTEGER})
        and e.seq - json_array_length(e.list) + event.number > $1
      order by event_seq limit $2
    ) select e.*, o.id as placed_id, o.metadata as placed_metadata, o.created_at as placed_at, ${reservationColumns}
    from told e left join lateral (select * from {orders} where id = e.event_subject limit 1) o on true
    left join lateral (select * from {reservations} where id = coalesce(o.reservation_id, e.event_subject) limit 1) r on true
    order by e.event_seq`,
  lastEvent: 'select last as seq from {feed}',
  retention: `select ${retentionColumns} from {retention}`,
  ledger: `select ${ledgerColumns} from {ledger}`,
  lockLedger: `select ${ledgerColumns} from {ledger} for update`,
  makeLedger: 'insert into {ledger} (id, generation, position) values ($1, 0, 0) on conflict do nothing',
  moveLedger: 'update {ledger} set position = $1, mark = $2',
  claimLedger: 'update {ledger} set namespace = $1 where namespace is null or namespace = $2',
  /** Whoever knows only the generation before ($1) can append no more. */
  raiseLedger: `update {ledger} set generation = generation + 1, position = 0, mark = '' where generation = $1 returning ${ledgerColumns}`,
  /** Some active reservations, at most $1: of the chunks in which the first are due. */
  someActive: `select r.id, r.expires_at, {now_ms}() as now from (select distinct chunk from (select chunk from {open_lines} order by due_at, chunk limit $1) l) c
    cross join lateral (${activeOf('c.chunk')}) r limit $1`,
  countOpen: `select count(*) as n from (select distinct chunk from {open_lines}) c cross join lateral (${activeOf('c.chunk')}) r`,
  /** Of all `held_lines` those after $1, $2, $3, at most $4; `counts`: bought, since the product has its limit. */
  heldAfter: `select h.sku, h.user_id, h.reservation_seq, h.quantity,
      (h.due_at is null and p.max_per_user is not null and h.reservation_seq >= p.counted_from)::int as counts
    from (select * from {held_lines} where (sku, user_id, reservation_seq) > ($1, $2, $3::bigint) order by sku, user_id, reservation_seq limit $4) h
    join {products} p on p.sku = h.sku order by h.sku, h.user_id, h.reservation_seq`,
  limitedLate: 'select sku, counted_from from {products} where max_per_user is not null and counted_from > 1',
  /** Lateral with a limit: before PostgreSQL has counted the rows it would go through all orders. */
  takenBetween: `select r.seq, r.user_id, r.items from {reservations} r left join lateral (select status from {orders} where id = r.order_id limit 1) o on true
    where r.seq >= $1 and r.seq < $2 and ($3::text is null or strpos(r.items::text, $3) > 0) and (r.status = 'active' or o.status = 'placed')`,
  nextDueInMs: 'select min(due_at) - {now_ms}() as ms from {open_lines}',
  /** Answers that are too old to be given again make room for new ones of the same keys. */
  deleteOldAnswers: `delete from {answers} a using unnest($1::text[], $2::text[]) old (scope, key)
    where a.scope = old.scope and a.key = old.key and a.created_at <= ${now} - $3`,
} as const

/** Column types, and the statement around the rows. */
const writes = {
  insertProducts: [
    'text, text, text, bigint, text, bigint, bigint, bigint, bigint, bigint, bigint',
    (rows) => `insert into {products} (sku, name, description, price_amount, price_currency, max_per_user, reservation_ttl_seconds,
      sale_starts_at, sale_ends_at, created_at, updated_at) select * from ${rows} d`,
  ],
  updateProducts: [
    'text, text, bigint, text, bigint, bigint, bigint, bigint, bigint, text',
    (rows) => `with changed as (
        update {products} p set name = d.name, description = d.description, price_amount = d.price_amount, price_currency = d.price_currency,
          max_per_user = d.max_per_user, reservation_ttl_seconds = d.reservation_ttl_seconds, sale_starts_at = d.sale_starts_at, sale_ends_at = d.sale_ends_at,
          updated_at = d.updated_at
        from ${rows} d (name, description, price_amount, price_currency, max_per_user, reservation_ttl_seconds, sale_starts_at, sale_ends_at, updated_at, sku)
        where p.sku = d.sku returning p.sku
      ) update {stock} s set product_version = s.product_version + 1 from changed where s.sku = changed.sku`,
  ],
  startCounting: [
    'bigint, text',
    (rows) => `update {products} p set counted_from = d.counted_from from ${rows} d (counted_from, sku) where p.sku = d.sku`,
  ],
  insertStock: [
    'text, bigint, bigint, bigint, bigint',
    (rows) => `insert into {stock} (sku, total, reserved, sold, version) select * from ${rows} d`,
  ],
  updateStock: [
    'text, bigint, bigint, bigint, bigint',
    (rows) => `update {stock} s set total = d.total, reserved = d.reserved, sold = d.sold, version = d.version
      from ${rows} d (sku, total, reserved, sold, version) where s.sku = d.sku`,
  ],
  insertReservations: [
    'bigint, text, text, json, json, bigint, bigint, json',
    (rows) => `insert into {reservations} (seq, id, user_id, status, items, metadata, created_at, expires_at, slots)
      select d.seq, d.id, d.user_id, 'active', d.items, d.metadata, d.created_at, d.expires_at, d.slots
      from ${rows} d (seq, id, user_id, items, metadata, created_at, expires_at, slots)`,
  ],
  updateReservations: [
    'bigint, text, bigint, bigint, text',
    (rows) => `update {reservations} r set status = d.status, expires_at = d.expires_at, ended_at = d.ended_at, order_id = d.order_id
      from ${rows} d (seq, status, expires_at, ended_at, order_id) where r.seq = d.seq`,
  ],
  openLines: [
    'bigint, text, bigint, bigint, bigint',
    (rows) => `insert into {open_lines} as l (block, sku, due_at, chunk, units) select * from ${rows} d
      on conflict (block, sku, due_at, chunk) do update set units = l.units + excluded.units`,
  ],
  closeLines: [
    'bigint, text, bigint, bigint, bigint',
    (rows) => `update {open_lines} l set units = l.units - d.units from ${rows} d (block, sku, due_at, chunk, units)
      where l.block = d.block and l.sku = d.sku and l.due_at = d.due_at and l.chunk = d.chunk`,
  ],
  deleteClosedLines: [
    'bigint, text, bigint, bigint',
    (rows) => `delete from {open_lines} l using ${rows} d (block, sku, due_at, chunk)
      where l.block = d.block and l.sku = d.sku and l.due_at = d.due_at and l.chunk = d.chunk and l.units = 0`,
  ],
  insertHeldLines: [
    'text, text, bigint, bigint, bigint',
    (rows) => `insert into {held_lines} (sku, user_id, reservation_seq, quantity, due_at) select * from ${rows} d`,
  ],
  updateHeldLines: [
    'text, text, bigint, bigint',
    (rows) => `update {held_lines} h set due_at = d.due_at from ${rows} d (sku, user_id, reservation_seq, due_at)
      where h.sku = d.sku and h.user_id = d.user_id and h.reservation_seq = d.reservation_seq`,
  ],
  deleteHeldLines: [
    'text, text, bigint',
    (rows) => `delete from {held_lines} h using ${rows} d (sku, user_id, reservation_seq)
      where h.sku = d.sku and h.user_id = d.user_id and h.reservation_seq = d.reservation_seq`,
  ],
  insertSlots: ['text, bigint', (rows) => `insert into {slots} (name, reservation_seq) select * from ${rows} d`],
  deleteSlots: [
    'text, bigint',
    (rows) =>
      `delete from {slots} s using ${rows} d (name, reservation_seq) where s.name = d.name and s.reservation_seq = d.reservation_seq`,
  ],
  insertOrders: [
    'text, text, text, text, json, bigint, bigint',
    (rows) => `insert into {orders} (id, reservation_id, user_id, status, metadata, created_at, cancelled_at) select * from ${rows} d`,
  ],
  updateOrders: [
    'text, bigint, text',
    (rows) =>
      `update {orders} o set status = d.status, cancelled_at = d.cancelled_at from ${rows} d (status, cancelled_at, id) where o.id = d.id`,
  ],
  saveAnswers: [
    'text, text, text, bigint, smallint, text',
    (rows) => `insert into {answers} (scope, key, fingerprint, created_at, created, value) select * from ${rows} d`,
  ],
  /** The row of \`feed\` is locked from here to the end of the transaction, so that events become visible in the order of their numbers (E5). */
  insertEvents: [
    'bigint, bigint, json',
    (rows) => `with made as materialized (
        select sum(d.count) over (order by d.number)::bigint as nth, d.time, d.list from ${rows} with ordinality d (count, time, list, number)
      ), head as (update {feed} set last = last + (select max(nth) from made) returning last - (select max(nth) from made) as base)
      insert into {events} (seq, time, list) select head.base + made.nth, made.time, made.list from head, made`,
  ],
} as const satisfies Record<keyof Writes, readonly [types: string, sql: (rows: string) => string]>

export type Queries = Readonly<Record<keyof typeof queries, Prepared>>
export type PreparedWrites = Readonly<Record<keyof Writes, PreparedWrite>>

export interface Statements {
  readonly queries: Queries
  readonly writes: PreparedWrites
}

/** The statements for the tables of one schema, whose names stand in braces above. */
export function statementsFor(schema: string): Statements {
  const within = (text: string): string => text.replaceAll(/\{(\w+)\}/g, `"${schema}".$1`)
  return {
    queries: Object.fromEntries(Object.entries(queries).map(([name, text]) => [name, { name, text: within(text) }])) as Queries,
    writes: Object.fromEntries(
      Object.entries(writes).map(([name, [columns, sql]]) => {
        const types = columns.split(', ')
        const rows = `unnest(${types.map((type, index) => `$${index + 1}::${type}[]`).join(', ')})`
        return [name, { name, text: within(sql(rows)), types }]
      }),
    ) as unknown as PreparedWrites,
  }
}
