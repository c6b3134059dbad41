import { constants } from 'node:fs'
import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, disconnect } from './holdfast.mjs'

/** @type {import('./places.mjs').Books['laws']} */
const laws = {
  S1: 'select count(*) as n from stock where reserved < 0 or sold < 0 or reserved + sold > total',
  S2: `with rows as (
      select item.value ->> 'sku' as sku, sum(item.value ->> 'quantity') filter (where r.status = 'active') as reserved,
        sum(item.value ->> 'quantity') filter (where o.status = 'placed') as sold
      from reservations r left join orders o on o.id = r.order_id, json_each(r.items) item group by 1
    ) select count(*) as n from stock s left join rows on rows.sku = s.sku
      where s.reserved <> coalesce(rows.reserved, 0) or s.sold <> coalesce(rows.sold, 0)`,
  S4: `with changes as (
      select change.value ->> 0 as sku, count(*) as n, count(distinct change.value ->> 1) as versions
      from events, json_each(events.list) event, json_each(event.value, '$[2].stock') change group by 1
    ) select count(*) as n from stock s left join changes c on c.sku = s.sku where s.version <> coalesce(c.n, 0) or c.n <> c.versions`,
  S5: `with open as (select sku, due_at, chunk, units from open_lines), active as (
      select item.value ->> 'sku', r.expires_at, r.seq >> 9, sum(item.value ->> 'quantity') from reservations r, json_each(r.items) item
      where r.status = 'active' group by 1, 2, 3
    ) select (select count(*) from (select * from open except select * from active))
      + (select count(*) from (select * from active except select * from open)) as n`,
  O3: `select (select count(*) from reservations where status = 'confirmed') + (select count(*) from orders)
      - 2 * (select count(*) from reservations r join orders o on o.reservation_id = r.id and o.id = r.order_id where r.status = 'confirmed') as n`,
}

/** @typedef {import('./places.mjs').Site & { path: string }} SqliteSite */

/**
 * @param {string} folder
 * @param {string} name
 * @returns {SqliteSite}
 */
export function sqliteSite(folder, name) {
  const path = join(folder, `${name}.db`)
  const remove = async () => {
    await Promise.all(['', '-wal', '-shm', '-journal'].map((suffix) => rm(path + suffix, { force: true })))
  }
  return {
    url: `sqlite:${path}`,
    path,
    openBooks: async () => {
      const database = await connect(path)
      return { laws, read: async (sql) => database.prepare(sql).all(), close: async () => disconnect(database) }
    },
    copyTo: (other) => copyFile(path, other.url.slice('sqlite:'.length), constants.COPYFILE_FICLONE),
    renew: remove,
    remove,
  }
}
