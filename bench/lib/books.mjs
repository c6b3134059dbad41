import { audit, openSite } from './holdfast.mjs'

/** Above so many reservations the audit takes longer than the run. */
const auditMax = 20_000

/** What is found of each law when it is broken; the SQL that counts it comes with the store. */
const found = {
  S1: 'skus whose books are impossible',
  S2: 'skus whose reserved or sold units are not those of the rows',
  S4: 'skus whose version is not the number of their changes',
  S5: 'open lines that are not the items of active reservations, or the other way round',
  O3: 'orders without a confirmed reservation, or the other way round',
}

/** @typedef {keyof typeof found} Law */

/** @typedef {Partial<Record<'active' | 'confirmed' | 'cancelled' | 'expired' | 'lost', number>>} Told reservations by status, as the callers were told */

const everyLaw = /** @type {Law[]} */ (Object.keys(found))

/**
 * Hold a store that nobody has open against the promises, and against what the callers were told. Throws when anything differs, so that a run that broke an
 * invariant prints no number.
 *
 * @param {import('./places.mjs').Site} site
 * @param {Told} told
 * @param {{ laws?: readonly Law[] }} [options] fewer laws: of a peer that does less than the store
 */
export async function verifyBooks(site, told, { laws = everyLaw } = {}) {
  const books = await site.openBooks()
  try {
    for (const law of laws) {
      const [row] = await books.read(books.laws[law])
      const count = Number(row?.['n'])
      if (count !== 0) throw new Error(`${site.url}: ${count} ${found[law]} (${law})`)
    }
    const rows = await books.read('select status, count(*) as n from reservations group by status')
    const counts = new Map(rows.map((row) => [String(row['status']), Number(row['n'])]))
    for (const [status, count] of Object.entries(told)) {
      if ((counts.get(status) ?? 0) !== count)
        throw new Error(`${site.url}: ${counts.get(status) ?? 0} are ${status}; callers were told ${count}`)
    }
    const all = Object.values(told).reduce((sum, count) => sum + count, 0)
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
    if (all !== total) throw new Error(`${site.url}: ${total} reservations; callers were told ${all}`)
    if (all > auditMax || laws.length < everyLaw.length) return
  } finally {
    await books.close()
  }
  const store = await openSite(site)
  try {
    const { findings } = await audit(store)
    if (findings.length > 0) throw new Error(`${site.url}: ${findings.map(({ promise, message }) => `${promise}: ${message}`).join('; ')}`)
  } finally {
    await store.close()
  }
}
