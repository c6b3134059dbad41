import { makeStore, reserveAll, userOf } from './shop.mjs'

/** Far enough from their end that none expires during a run. */
const ttlSeconds = 24 * 60 * 60
/** As many as one batch takes, since nobody measures the time. */
const inFlight = 4_000

/**
 * A store in which so many reservations of one sku are open.
 *
 * @param {import('./places.mjs').Site} site
 * @param {string} sku
 * @param {number} open
 */
export async function fillStore(site, sku, open) {
  await makeStore(site, [sku])
  await reserveAll(site, { count: open, inFlight, cart: (index) => ({ userId: userOf(index), items: [{ sku, quantity: 1 }], ttlSeconds }) })
}
