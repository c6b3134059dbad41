import { makeStore } from './shop.mjs'
import { bulkInsert } from './sqlite-peers.mjs'

/**
 * A file in which so many reservations of one sku are open. Far enough from their end that none expires during a run.
 *
 * @param {string} path
 * @param {string} sku
 * @param {number} open
 */
export async function fillStore(path, sku, open) {
  await makeStore(path, [sku])
  if (open > 0) await bulkInsert(path, { count: open, perCommit: Math.min(open, 1_000), skus: [sku], ttlMs: 24 * 60 * 60 * 1000 })
}
