import { chunkOf, connect, disconnect, newId } from './holdfast.mjs'
import { totalStock, userOf } from './shop.mjs'

/**
 * What SQLite itself can do with the rows of Holdfast: the same tables and indexes, the same driver, the same pragmas, because the connection is opened by
 * Holdfast's own code. Both write reservations of one unit of each sku.
 */

/** @typedef {import('../../src/store/sql/rows.ts').Value} Value */

const ttlMs = 600_000

const reservationColumns = 'reservations (seq, id, user_id, status, items, metadata, created_at, expires_at)'
const lineColumns = 'open_lines (block, sku, due_at, chunk, units)'
const addUnits = 'on conflict (block, sku, due_at, chunk) do update set units = units + excluded.units'
const eventColumns = 'events (seq, time, list)'
const eventsOfRow = 16
const updateStock = 'update stock set reserved = ?, version = ? where sku = ?'

/**
 * @param {number} seq
 * @param {readonly string[]} skus
 * @param {number} now
 * @returns {{ reservation: Value[], event: [type: string, subject: string, detail: object] }}
 */
function rowsOf(seq, skus, now) {
  const id = newId()
  const items = JSON.stringify(skus.map((sku) => ({ sku, quantity: 1, unitPrice: null })))
  const detail = { stock: skus.map((sku) => [sku, seq + 1, totalStock, seq, 0]), expiresAt: now + ttlMs }
  return { reservation: [seq, id, userOf(seq), 'active', items, '{}', now, now + ttlMs], event: ['reservation.created', id, detail] }
}

/**
 * All rows of a commit: the reservations after `after`.
 *
 * @param {number} after
 * @param {{ count: number, skus: readonly string[], lastEvent: number }} options
 * @returns {{ reservations: Value[], lines: Value[], events: Value[] }} the values of all rows, one after the other
 */
function commitOf(after, { count, skus, lastEvent }) {
  const now = Date.now()
  const seqs = Array.from({ length: count }, (_, index) => after + 1 + index)
  const rows = seqs.map((seq) => rowsOf(seq, skus, now))
  /** @type {Map<number, number>} */
  const units = new Map()
  for (const seq of seqs) units.set(chunkOf(seq), (units.get(chunkOf(seq)) ?? 0) + 1)
  const lines = skus.flatMap((sku) => [...units].flatMap(([chunk, sum]) => [chunk >> 4, sku, now + ttlMs, chunk, sum]))
  /** @type {Value[]} */
  const events = []
  for (let at = 0; at < count; at += eventsOfRow) {
    const list = rows.slice(at, at + eventsOfRow).map(({ event }) => event)
    events.push(lastEvent + at + list.length, now, JSON.stringify(list))
  }
  return { reservations: rows.flatMap(({ reservation }) => reservation), lines, events }
}

/**
 * The same reservations in tables as one would draw them first: a row for each line and each event, and an index of what is due. More rows, which need no making.
 *
 * @param {number} after
 * @param {{ count: number, skus: readonly string[], lastEvent: number }} options
 * @returns {ReturnType<typeof commitOf>}
 */
function plainCommitOf(after, { count, skus, lastEvent }) {
  const now = Date.now()
  const seqs = Array.from({ length: count }, (_, index) => after + 1 + index)
  const rows = seqs.map((seq) => rowsOf(seq, skus, now))
  return {
    reservations: rows.flatMap(({ reservation }) => reservation),
    lines: seqs.flatMap((seq) => skus.flatMap((sku) => [seq >> 13, sku, now + ttlMs, seq, 1])),
    events: rows.flatMap(({ event: [type, subject, detail] }, index) => [
      lastEvent + 1 + index,
      type,
      now,
      subject,
      JSON.stringify(detail),
    ]),
  }
}

const plainTables = `
  create table plain_lines (block integer not null, sku text not null, due_at integer not null, reservation_seq integer not null,
    quantity integer not null check (quantity > 0), primary key (block, sku, due_at, reservation_seq)) strict, without rowid;
  create table plain_events (seq integer primary key, type text not null, time integer not null, subject text not null, detail text not null) strict;
  create index plain_due on reservations (expires_at) where status = 'active';`
const plainLineColumns = 'plain_lines (block, sku, due_at, reservation_seq, quantity)'
const plainEventColumns = 'plain_events (seq, type, time, subject, detail)'

/**
 * @param {number} columns
 * @param {number} rows
 */
function values(columns, rows) {
  return Array(rows)
    .fill(`(${Array(columns).fill('?').join(', ')})`)
    .join(', ')
}

/**
 * The ceiling: nothing is read and nothing decided. One statement for all the rows of a table and commit, which is the fastest way through this driver for commits of that size (on
 * the machine where it was tried 16 rows in a statement were a tenth slower, `json_each` a third). Making the rows is not counted.
 *
 * @param {string} path
 * @param {{ count: number, perCommit: number, skus: readonly string[], isPlain?: boolean }} options `isPlain`: a row for each line and event
 */
export async function bulkInsert(path, { count, perCommit, skus, isPlain = false }) {
  const database = await connect(path)
  if (isPlain) database.exec(plainTables)
  const begin = database.prepare('begin immediate')
  const commit = database.prepare('commit')
  const insertReservations = insertOf(database, reservationColumns, 8)
  const insertLines = isPlain ? insertOf(database, plainLineColumns, 5) : insertOf(database, lineColumns, 5, addUnits)
  const insertEvents = isPlain ? insertOf(database, plainEventColumns, 5) : insertOf(database, eventColumns, 3)
  const update = database.prepare(updateStock)
  let elapsedMs = 0
  let seq = lastOf(database, 'reservations')
  const last = seq + count
  // One event for each product, and one for each reservation.
  const eventsBefore = lastOf(database, 'events') - seq
  for (; seq < last; seq += perCommit) {
    const { reservations, lines, events } = (isPlain ? plainCommitOf : commitOf)(seq, {
      count: perCommit,
      skus,
      lastEvent: eventsBefore + seq,
    })
    const units = seq + perCommit
    const startedAt = performance.now()
    begin.run()
    insertReservations(reservations)
    insertLines(lines)
    insertEvents(events)
    for (const sku of skus) update.run(units, units + 1, sku)
    commit.run()
    elapsedMs += performance.now() - startedAt
  }
  disconnect(database)
  return (count / elapsedMs) * 1000
}

/**
 * @param {import('../../src/store/sqlite/connect.ts').Database} database
 * @param {'reservations' | 'events'} table
 */
function lastOf(database, table) {
  return Number(database.prepare(`select coalesce(max(seq), 0) as seq from ${table}`).get()?.['seq'])
}

/**
 * One statement for all rows of a table, whatever their number.
 *
 * @param {import('../../src/store/sqlite/connect.ts').Database} database
 * @param {string} table
 * @param {number} columns
 * @param {string} [suffix]
 */
function insertOf(database, table, columns, suffix = '') {
  /** @type {Map<number, import('../../src/store/sqlite/connect.ts').Statement>} */
  const statements = new Map()
  return (/** @type {Value[]} */ rows) => {
    let statement = statements.get(rows.length)
    if (statement === undefined) {
      statement = database.prepare(`insert into ${table} values ${values(columns, rows.length / columns)} ${suffix}`)
      statements.set(rows.length, statement)
    }
    statement.run(...rows)
  }
}

/**
 * What everybody writes first: one transaction for each reservation.
 *
 * @param {string} path
 * @param {{ count: number, skus: readonly string[] }} options
 */
export async function oneByOne(path, { count, skus }) {
  const database = await connect(path)
  const begin = database.prepare('begin immediate')
  const commit = database.prepare('commit')
  const select = database.prepare('select total, reserved, sold, version from stock where sku = ?')
  const update = database.prepare(updateStock)
  const insertReservation = insertOf(database, reservationColumns, 8)
  const insertLines = insertOf(database, lineColumns, 5, addUnits)
  const insertEvent = insertOf(database, eventColumns, 3)
  const eventsBefore = lastOf(database, 'events')
  const startedAt = performance.now()
  for (let seq = 1; seq <= count; seq++) {
    const { reservations, lines, events } = commitOf(seq - 1, { count: 1, skus, lastEvent: eventsBefore + seq - 1 })
    begin.run()
    for (const sku of skus) {
      const stock = select.get(sku) ?? {}
      const [reserved, version] = [Number(stock['reserved']), Number(stock['version'])]
      if (Number(stock['total']) - reserved - Number(stock['sold']) < 1) throw new Error('sold out')
      update.run(reserved + 1, version + 1, sku)
    }
    insertReservation(reservations)
    insertLines(lines)
    insertEvent(events)
    commit.run()
  }
  const elapsedMs = performance.now() - startedAt
  disconnect(database)
  return (count / elapsedMs) * 1000
}
