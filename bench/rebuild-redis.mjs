import { setTimeout as delay } from 'node:timers/promises'
import { verifyBooks } from './lib/books.mjs'
import { faultCode } from './lib/holdfast.mjs'
import { onEachLedger } from './lib/places.mjs'
import { state } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { drive, makeStore, userOf, withShop } from './lib/shop.mjs'

const sku = 'hot'
const inFlight = 4_000
const maxPerUser = 1
const pollMs = 5
const secondsMax = 5

/** @type {import('./lib/report.mjs').Bench} */
export const rebuildRedis = {
  name: 'rebuild-redis',
  title: 'Rebuild: from an emptied Redis to the first reservation accepted again',
  byDefault: false,
  run: (context) => onEachLedger(context, rebuild),
}

/**
 * Every unit that was sold has a buyer of its own, so that no more can be loaded for as many units: the limit per user counts them.
 *
 * @param {import('./lib/places.mjs').RedisPlace} place
 * @param {import('./lib/report.mjs').Context} context
 * @returns {Promise<import('./lib/report.mjs').Measured>}
 */
async function rebuild(place, { rounds, quick, say }) {
  const { durability } = place
  const sold = quick ? 5_000 : 1_000_000
  const site = place.at('rebuild')
  await makeStore(site, [sku], { maxPerUser })
  await sell(site, sold)
  say(`${sold.toLocaleString('en')} units are sold`)
  const seen = await withShop(site, {}, (shop) => alternate({ rebuild: () => emptied(place, shop, sold) }, { rounds, say }))
  await verifyBooks(site, { confirmed: sold, cancelled: rounds })
  await site.remove()
  const what = `${sold.toLocaleString('en')} units sold, each to another user, with a limit per user`
  return {
    settings: { ...place.settings },
    lines: [state({ what, unit: 's', figures: seen.rebuild.map(({ seconds }) => seconds), atMost: secondsMax, durability })],
  }
}

/**
 * @param {import('./lib/places.mjs').Site} site
 * @param {number} units
 */
function sell(site, units) {
  return withShop(site, {}, (shop) =>
    drive(units, inFlight, async (index) => {
      const reserved = await shop.reserve({ userId: userOf(index), items: [{ sku, quantity: 1 }] })
      const ended = reserved.ok ? await shop.confirm(reserved.value.id) : reserved
      if (!ended.ok) throw new Error(`a unit was not sold: ${ended.refusal.code}`)
    }),
  )
}

/**
 * @param {import('./lib/places.mjs').RedisPlace} place
 * @param {import('../src/index.ts').Holdfast} shop
 * @param {number} sold
 */
async function emptied({ server }, shop, sold) {
  // So that the ledger has everything, and nothing is lost but what the rounds are about.
  await shop.events({ limit: 1 })
  await server.client.flushall()
  const startedAt = performance.now()
  const reserved = await reserveStubbornly(shop, userOf(sold))
  const seconds = (performance.now() - startedAt) / 1_000
  const refused = await shop.reserve({ userId: userOf(0), items: [{ sku, quantity: 1 }] })
  if (refused.ok || refused.refusal.code !== 'user_limit_exceeded')
    throw new Error('a user may buy again who has bought all that the limit allows')
  const ended = await shop.cancel(reserved.id)
  if (!ended.ok) throw new Error(`an end was refused: ${ended.refusal.code}`)
  return { seconds }
}

/**
 * @param {import('../src/index.ts').Holdfast} shop
 * @param {string} userId
 */
async function reserveStubbornly(shop, userId) {
  for (;;) {
    try {
      const outcome = await shop.reserve({ userId, items: [{ sku, quantity: 1 }] })
      if (!outcome.ok) throw new Error(`a reservation was refused: ${outcome.refusal.code}`)
      return outcome.value
    } catch (error) {
      if (faultCode(error) !== 'store_unavailable') throw error
      await delay(pollMs)
    }
  }
}
