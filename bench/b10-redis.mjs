import { verifyBooks } from './lib/books.mjs'
import { withRedis } from './lib/places.mjs'
import { state } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { makeStore, reserveAll, userOf } from './lib/shop.mjs'

const sku = 'hot'
const inFlight = 4_000
/** Longer than any run. */
const ttlSeconds = 24 * 60 * 60
const maxPerUser = 4
const bytesMax = 300

/** @typedef {{ bytesEach: number, journalBytesEach: number, waited: number }} Sample */

/** @type {import('./lib/report.mjs').Bench} */
export const b10Redis = {
  name: 'B10-redis',
  title: 'Memory: of Redis, while many reservations are open',
  byDefault: false,
  run: (context) =>
    withRedis(context, async (place) => {
      const { rounds, quick, say } = context
      const [few, many] = quick ? [2_000, 20_000] : [100_000, 1_000_000]
      const contenders = {
        'few, limited': () => fill(place, few, { maxPerUser }),
        'many, limited': () => fill(place, many, { maxPerUser }),
        few: () => fill(place, few),
        many: () => fill(place, many),
      }
      const seen = await alternate(contenders, { rounds, say })
      /** @type {(name: keyof typeof contenders, words: string) => import('./lib/report.mjs').Line} */
      const line = (name, words) =>
        state({
          what: `memory, each open reservation of 1 line, ${words}`,
          unit: 'bytes',
          figures: seen[name].map(({ bytesEach }) => bytesEach),
          atMost: bytesMax,
          durability: place.durability,
        })
      const [fewOpen, manyOpen] = [few, many].map((open) => `${open.toLocaleString('en')} open`)
      return {
        settings: { limitPerUser: maxPerUser, ...place.settings },
        lines: [
          line('few, limited', `a limit per user, ${fewOpen}`),
          line('many, limited', `a limit per user, ${manyOpen}`),
          line('few', `no limit, ${fewOpen}`),
          line('many', `no limit, ${manyOpen}`),
          state({
            what: 'memory, each reservation that waits for the ledger besides',
            unit: 'bytes',
            figures: seen.many.map(({ journalBytesEach }) => journalBytesEach),
            durability: place.durability,
          }),
        ],
      }
    }),
}

/**
 * Every reservation has a user of its own. What it takes is read once the ledger has it; what the journal takes, as soon as all have been acknowledged.
 *
 * @param {import('./lib/places.mjs').RedisPlace} place
 * @param {number} open
 * @param {import('./lib/shop.mjs').ProductDetails} [details]
 * @returns {Promise<Sample>}
 */
async function fill({ at, server }, open, details = {}) {
  const site = at('memory')
  await makeStore(site, [sku], details)
  const before = await server.usedBytes()
  let journal = { transitions: 0, bytes: 0 }
  await reserveAll(site, {
    count: open,
    inFlight,
    cart: (index) => ({ userId: userOf(index), items: [{ sku, quantity: 1 }], ttlSeconds }),
    onAnswered: async () => {
      journal = await site.journal()
    },
  })
  // The store closes when the ledger has everything.
  const bytesEach = ((await server.usedBytes()) - before) / open
  await verifyBooks(site, { active: open })
  await site.remove()
  return { bytesEach, journalBytesEach: journal.bytes / journal.transitions, waited: journal.transitions }
}
