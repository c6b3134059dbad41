import { blockOf, connect, disconnect, newId } from './holdfast.mjs'
import { totalStock, userOf } from './shop.mjs'

/**
 * What SQLite itself can do with the rows of Holdfast: the same tables and indexes, the same driver, the same pragmas, because the connection is opened by
 * Holdfast's own code. Both write reservations of one unit of each sku.
 */

/** @typedef {import('../../src/store/sql/rows.ts').Value} Value */

const ttlMsDefault = 600_000

const reservationColumns = 'reservations (seq, id, user_id, status, items, metadata, created_at, expires_at)'
const lineColumns = 'open_lines (block, sku, due_at, reservation_seq, quantity)'
const eventColumns = 'events (type, time, subject, detail)'
const updateStock = 'update stock set reserved = ?, version = ? where sku = ?'

/**
 * @param {number} seq
 * @param {number} units reserved of each sku, with this one
 * @param {readonly string[]} skus
 * @param {number} ttlMs
 * @returns {{ reservation: Value[], lines: Value[][], event: Value[] }}
 */
function rowsOf(seq, units, skus, ttlMs) {
  const id = newId()
  const now = Date.now()
  const items = JSON.stringify(skus.map((sku) => ({ sku, quantity: 1, unitPrice: null })))
  const detail = JSON.stringify({ stock: skus.map((sku) => [sku, units + 1, totalStock, units, 0]), expiresAt: now + ttlMs })
  return {
    reservation: [seq, id, userOf(seq), 'active', items, '{}', now, now + ttlMs],
    lines: skus.map((sku) => [blockOf(seq), sku, now + ttlMs, seq, 1]),
    event: ['reservation.created', now, id, detail],
  }
}

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
 * @param {{ count: number, perCommit: number, skus: readonly string[], ttlMs?: number }} options
 */
export async function bulkInsert(path, { count, perCommit, skus, ttlMs = ttlMsDefault }) {
  const database = await connect(path)
  const begin = database.prepare('begin immediate')
  const commit = database.prepare('commit')
  const insertReservations = database.prepare(`insert into ${reservationColumns} values ${values(8, perCommit)}`)
  const insertLines = database.prepare(`insert into ${lineColumns} values ${values(5, perCommit * skus.length)}`)
  const insertEvents = database.prepare(`insert into ${eventColumns} values ${values(4, perCommit)}`)
  const update = database.prepare(updateStock)
  let elapsedMs = 0
  let seq = Number(database.prepare('select coalesce(max(seq), 0) as seq from reservations').get()?.['seq'])
  const last = seq + count
  while (seq < last) {
    const rows = Array.from({ length: perCommit }, () => {
      seq++
      return rowsOf(seq, seq, skus, ttlMs)
    })
    const reservations = rows.flatMap((row) => row.reservation)
    const lines = rows.flatMap((row) => row.lines.flat())
    const events = rows.flatMap((row) => row.event)
    const startedAt = performance.now()
    begin.run()
    insertReservations.run(...reservations)
    insertLines.run(...lines)
    insertEvents.run(...events)
    for (const sku of skus) update.run(seq, seq + 1, sku)
    commit.run()
    elapsedMs += performance.now() - startedAt
  }
  disconnect(database)
  return (count / elapsedMs) * 1000
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
  const insertReservation = database.prepare(`insert into ${reservationColumns} values ${values(8, 1)}`)
  const insertLine = database.prepare(`insert into ${lineColumns} values ${values(5, 1)}`)
  const insertEvent = database.prepare(`insert into ${eventColumns} values ${values(4, 1)}`)
  const startedAt = performance.now()
  for (let seq = 1; seq <= count; seq++) {
    const { reservation, lines, event } = rowsOf(seq, seq, skus, ttlMsDefault)
    begin.run()
    for (const sku of skus) {
      const stock = select.get(sku) ?? {}
      const [reserved, version] = [Number(stock['reserved']), Number(stock['version'])]
      if (Number(stock['total']) - reserved - Number(stock['sold']) < 1) throw new Error('sold out')
      update.run(reserved + 1, version + 1, sku)
    }
    insertReservation.run(...reservation)
    for (const line of lines) insertLine.run(...line)
    insertEvent.run(...event)
    commit.run()
  }
  const elapsedMs = performance.now() - startedAt
  disconnect(database)
  return (count / elapsedMs) * 1000
}
