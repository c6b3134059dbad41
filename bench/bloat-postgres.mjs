import { verifyBooks } from './lib/books.mjs'
import { statementsFor } from './lib/holdfast.mjs'
import { runPgbench } from './lib/pgbench.mjs'
import { withPostgres } from './lib/places.mjs'
import { schema } from './lib/postgres-site.mjs'
import { compare, state } from './lib/report.mjs'
import { makeStore, skuNames, totalStock, userOf, withShop } from './lib/shop.mjs'

const callers = 8
const skus = skuNames(8)
const parts = [0.1, 0.5, 1]
const hotGoal = 0.99
/** With its index. If the space of old rows were not used again, a million updates would take a hundred times as much. */
const sizeMaxKiB = 1_024

/** @typedef {{ table: string, sizes: number[], updates: import('./lib/postgres-site.mjs').Updates }} Seen */

/** @type {import('./lib/report.mjs').Bench} */
export const bloatPostgres = {
  name: 'bloat-postgres',
  title: 'Hot rows: updates that stay on their page, and tables that do not grow',
  byDefault: false,
  run: (context) =>
    withPostgres(context, async (place) => {
      const { quick, say } = context
      // Every batch has something of nearly every sku, so these are a million updates, too.
      const batches = quick ? 2_000 : 125_000
      const updates = quick ? 20_000 : 1_000_000
      const ofBatches = await runBatches(place, { batches, say })
      const ofStatement = await runStatement(place, { updates, say })
      return {
        settings: { batches, updatesByTheStatementAlone: updates, callers, skus: skus.length, autovacuum: 'on', ...place.settings },
        lines: [
          ...ofBatches.flatMap((seen) => linesOf(seen, `${batches.toLocaleString('en')} batches`, place.durability)),
          ...linesOf(ofStatement, `${updates.toLocaleString('en')} updates by the store's statement`, place.durability),
        ],
      }
    }),
}

/**
 * Batches as small as they come: few callers, each of whom reserves one unit and cancels it.
 *
 * @param {import('./lib/places.mjs').PostgresPlace} place
 * @param {{ batches: number, say: (text: string) => void }} options
 * @returns {Promise<Seen[]>}
 */
async function runBatches(place, { batches, say }) {
  const site = place.at('batches')
  await makeStore(site, skus)
  const sizes = { stock: /** @type {number[]} */ ([]), feed: /** @type {number[]} */ ([]) }
  let [done, cancelled] = [0, 0]
  for (const part of parts) {
    await withShop(site, { onBatch: () => void done++ }, async (shop) => {
      const caller = async (/** @type {number} */ number) => {
        const items = [{ sku: skus[number % skus.length] ?? '', quantity: 1 }]
        while (done < batches * part) {
          const reserved = await shop.reserve({ userId: userOf(number), items })
          if (!reserved.ok) throw new Error(`a reservation was refused: ${reserved.refusal.code}`)
          const ended = await shop.cancel(reserved.value.id)
          if (!ended.ok) throw new Error(`an end was refused: ${ended.refusal.code}`)
          cancelled++
        }
      }
      await Promise.all(Array.from({ length: callers }, (_, number) => caller(number)))
    })
    sizes.stock.push((await site.updatesOf('stock')).bytes)
    sizes.feed.push((await site.updatesOf('feed')).bytes)
    say(`${done.toLocaleString('en')} batches`)
  }
  const seen = [
    { table: 'stock', sizes: sizes.stock, updates: await site.updatesOf('stock') },
    { table: 'feed', sizes: sizes.feed, updates: await site.updatesOf('feed') },
  ]
  if (seen.some(({ updates }) => updates.all < batches)) throw new Error('there were fewer updates than batches')
  await verifyBooks(site, { cancelled })
  await site.remove()
  return seen
}

/**
 * The store's own statement alone, one update in each transaction and all clients at once: a million batches would take half an hour. Its values are of no sale, so only the table is judged.
 *
 * @param {import('./lib/places.mjs').PostgresPlace} place
 * @param {{ updates: number, say: (text: string) => void }} options
 * @returns {Promise<Seen>}
 */
async function runStatement(place, { updates, say }) {
  const site = place.at('statement')
  await makeStore(site, skus)
  const values = ["'sku-000' || :client_id", String(totalStock), ':units', '0', ':units + 1']
  const script = `\\set units random(0, ${totalStock})
${values.reduce((sql, value, index) => sql.replace(`$${index + 1}`, `array[${value}]`), statementsFor(schema).writes.updateStock.text)};
`
  /** @type {number[]} */
  const sizes = []
  let done = 0
  for (const part of parts) {
    const { transactions } = await runPgbench(place, site, {
      script,
      clients: skus.length,
      transactionsEach: (updates * part - done) / skus.length,
    })
    done += transactions
    sizes.push((await site.updatesOf('stock')).bytes)
    say(`${done.toLocaleString('en')} updates`)
  }
  const seen = await site.updatesOf('stock')
  if (seen.all < updates) throw new Error(`${seen.all} updates were counted instead of ${updates}`)
  await verifyBooks(site, {}, { laws: ['S1'] })
  await site.remove()
  return { table: 'stock', sizes, updates: seen }
}

/**
 * @param {Seen} seen
 * @param {string} run
 * @param {string} durability
 */
function linesOf({ table, sizes, updates }, run, durability) {
  const shared = { outcome: /** @type {const} */ ('–'), durability }
  const what = `updates of ${table} that touch no index (HOT), ${run}`
  return [
    compare({ ...shared, what, unit: 'updates', figures: [updates.hot], against: 'all its updates', peers: [updates.all], goal: hotGoal }),
    ...sizes.map((bytes, index) =>
      state({
        ...shared,
        what: `size of ${table} after ${(parts[index] ?? 1) * 100} % of ${run}`,
        unit: 'KiB',
        figures: [bytes / 1_024],
        atMost: sizeMaxKiB,
      }),
    ),
  ]
}
