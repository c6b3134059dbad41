import { audit, connect, disconnect, sqliteStore } from './holdfast.mjs'

/** Above so many reservations the audit takes longer than the run. */
const auditMax = 20_000

/** S1, S2, S4 and O3 in the words of SQL; each names what is wrong and finds how many. */
const laws = {
  'skus whose books are impossible (S1)': 'select count(*) as n from stock where reserved < 0 or sold < 0 or reserved + sold > total',
  'skus whose reserved or sold units are not those of the rows (S2)': `
    with rows as (
      select item.value ->> 'sku' as sku, sum(item.value ->> 'quantity') filter (where r.status = 'active') as reserved,
        sum(item.value ->> 'quantity') filter (where o.status = 'placed') as sold
      from reservations r left join orders o on o.id = r.order_id, json_each(r.items) item group by 1
    ) select count(*) as n from stock s left join rows on rows.sku = s.sku
      where s.reserved <> coalesce(rows.reserved, 0) or s.sold <> coalesce(rows.sold, 0)`,
  'skus whose version is not the number of their changes (S4)': `
    with changes as (
      select change.value ->> 0 as sku, count(*) as n, count(distinct change.value ->> 1) as versions
      from events, json_each(events.list) event, json_each(event.value, '$[2].stock') change group by 1
    ) select count(*) as n from stock s left join changes c on c.sku = s.sku where s.version <> coalesce(c.n, 0) or c.n <> c.versions`,
  'open lines that are not the items of active reservations, or the other way round (S5)': `
    with open as (select sku, due_at, chunk, units from open_lines), active as (
      select item.value ->> 'sku', r.expires_at, r.seq >> 9, sum(item.value ->> 'quantity') from reservations r, json_each(r.items) item
      where r.status = 'active' group by 1, 2, 3
    ) select (select count(*) from (select * from open except select * from active))
      + (select count(*) from (select * from active except select * from open)) as n`,
  'orders without a confirmed reservation, or the other way round (O3)': `
    select (select count(*) from reservations where status = 'confirmed') + (select count(*) from orders)
      - 2 * (select count(*) from reservations r join orders o on o.reservation_id = r.id and o.id = r.order_id where r.status = 'confirmed') as n`,
}

/**
 * Hold a file that is closed against the promises, and against what the callers were told. Throws when anything differs, so that a run that broke an
 * invariant prints no number.
 *
 * @param {string} path
 * @param {Partial<Record<'active' | 'confirmed' | 'cancelled' | 'expired', number>>} told reservations by status
 */
export async function verifyBooks(path, told) {
  const database = await connect(path)
  try {
    for (const [law, sql] of Object.entries(laws)) {
      const found = database.prepare(sql).get()?.['n']
      if (found !== 0) throw new Error(`${path}: ${found} ${law}`)
    }
    const rows = database.prepare('select status, count(*) as n from reservations group by status').all()
    const found = new Map(rows.map((row) => [String(row['status']), Number(row['n'])]))
    for (const [status, count] of Object.entries(told)) {
      if ((found.get(status) ?? 0) !== count)
        throw new Error(`${path}: ${found.get(status) ?? 0} are ${status}; callers were told ${count}`)
    }
    const all = Object.values(told).reduce((sum, count) => sum + count, 0)
    const total = [...found.values()].reduce((sum, count) => sum + count, 0)
    if (all !== total) throw new Error(`${path}: ${total} reservations; callers were told ${all}`)
    if (all > auditMax) return
  } finally {
    disconnect(database)
  }
  const store = await sqliteStore({ path })
  try {
    const { findings } = await audit(store)
    if (findings.length > 0) throw new Error(`${path}: ${findings.map(({ promise, message }) => `${promise}: ${message}`).join('; ')}`)
  } finally {
    await store.close()
  }
}
