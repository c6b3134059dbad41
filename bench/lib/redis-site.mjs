import { headerOf, openSite, prefixOf } from './holdfast.mjs'

const pageSize = 200

/**
 * @typedef {object} Journal What waits for the ledger.
 * @property {number} transitions
 * @property {number} bytes of the memory of Redis
 */

/** @typedef {import('./places.mjs').Site & { journal: () => Promise<Journal> }} RedisSite */

/**
 * Each store has a namespace of its own, and a ledger of its own.
 *
 * @param {import('./redis-server.mjs').RedisServer} server
 * @param {string} name
 * @param {import('./places.mjs').Site} ledger
 * @returns {RedisSite}
 */
export function redisSite(server, name, ledger) {
  const { client } = server
  const namespace = name.replaceAll(/[^\w.-]/g, '_')
  const header = headerOf(namespace)

  // Not in the background, where it would take time from whoever is measured next.
  const forget = async () => {
    for await (const keys of client.scanStream({ match: `${header}*`, count: 1_000 })) if (keys.length > 0) await client.del(keys)
  }
  const site = { url: server.url(namespace), ledger: ledger.url }
  return {
    ...site,
    openBooks: async () => {
      const stock = await settledStock(site)
      const books = await ledger.openBooks()
      const rows = await books.read('select sku, total, sold, version from stock')
      const differing = rows.filter(({ sku, ...row }) =>
        Object.entries(row).some(([column, value]) => stock.get(String(sku))?.[column] !== Number(value)),
      )
      if (differing.length === 0 && rows.length === stock.size) return books
      await books.close()
      throw new Error(`${site.url}: the books of ${differing.length} skus are others in Redis than in the ledger`)
    },
    copyTo: async () => {
      throw new Error('what is in Redis belongs to the one ledger that it was loaded from')
    },
    renew: async () => {
      await forget()
      await ledger.renew()
    },
    remove: async () => {
      await forget()
      await ledger.remove()
    },
    journal: async () => {
      const prefix = prefixOf(namespace, Number(await client.hget(header, 'generation')))
      const [transitions, bytes] = await Promise.all([
        client.hget(`${prefix}h`, 'pending'),
        client.memory('USAGE', `${prefix}j`, 'SAMPLES', 0),
      ])
      return { transitions: Number(transitions), bytes: Number(bytes) }
    },
  }
}

/**
 * The stock of every sku by Redis, once the ledger has everything: a reader of events waits for that.
 *
 * @param {Pick<import('./places.mjs').Site, 'url' | 'ledger'>} site
 */
async function settledStock(site) {
  const store = await openSite(site)
  try {
    await store.events({ limit: 1, cursor: null })
    /** @type {Map<string, Readonly<Record<string, unknown>>>} */
    const stock = new Map()
    /** @type {string | null} */
    let cursor = null
    do {
      const page = await store.products({ limit: pageSize, cursor })
      for (const product of page.data) stock.set(product.sku, { ...product.stock })
      cursor = page.nextCursor
    } while (cursor !== null)
    return stock
  } finally {
    await store.close()
  }
}
