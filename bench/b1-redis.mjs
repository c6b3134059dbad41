import { verifyBooks } from './lib/books.mjs'
import { withPostgres, withRedis } from './lib/places.mjs'
import { cpuOfTree } from './lib/processes.mjs'
import { minimalScript, multipleOf } from './lib/redis-peers.mjs'
import { compare, state } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { makeStore, reserveAll, userOf } from './lib/shop.mjs'

const inFlight = 2_000
const goal = 1.3
const skus = ['hot-1', 'hot-2']

/**
 * @typedef {object} Sample
 * @property {number} perSecond reservations until all were acknowledged, or until the script had made all
 * @property {number} serverCpu µs of Redis for each reservation until then
 * @property {number} [ownCpu] µs of the process of the engine for each reservation until then
 * @property {number} [settledPerSecond] reservations of the engine, until the ledger had everything
 * @property {number} [settledServerCpu] µs for each reservation until then
 * @property {number} [settledOwnCpu]
 */

/** @type {import('./lib/report.mjs').Bench} */
export const b1Redis = {
  name: 'B1-redis',
  title: 'Engine: accepted reservations of hot skus, without HTTP',
  byDefault: false,
  run: (context) =>
    withPostgres(context, (postgres) =>
      withRedis(context, async (place) => {
        const { rounds, quick, say } = context
        const overPostgres = place.over(postgres, 'PostgreSQL')
        // At least three seconds, and fewer than may wait for the ledger.
        const count = multipleOf * (quick ? 10 : 200)
        const contenders = {
          'engine, 1 line': () => engine(place, { lines: 1, count }),
          'script, 1 line': () => minimalScript(place.server, { skus: skus.slice(0, 1), count }),
          'engine over PostgreSQL, 1 line': () => engine(overPostgres, { lines: 1, count }),
          'engine, 2 lines': () => engine(place, { lines: 2, count }),
          'script, 2 lines': () => minimalScript(place.server, { skus, count }),
        }
        if (!quick) await alternate({ 'warm-up': contenders['engine, 2 lines'] }, { rounds: 1, say })
        const seen = await alternate(contenders, { rounds, say })
        return {
          settings: { callers: inFlight, reservationsPerRound: count, ...overPostgres.settings },
          lines: [
            ...linesOf('1 line', seen['engine, 1 line'], seen['script, 1 line'], { durability: place.durability, goal }),
            ...linesOf('2 lines', seen['engine, 2 lines'], seen['script, 2 lines'], { durability: place.durability, goal }),
            ...linesOf('1 line', seen['engine over PostgreSQL, 1 line'], seen['script, 1 line'], {
              durability: overPostgres.durability,
              goal,
            }),
          ],
        }
      }),
    ),
}

/**
 * @param {import('./lib/places.mjs').RedisPlace} place
 * @param {{ lines: number, count: number }} load
 * @returns {Promise<Sample>}
 */
async function engine({ at, server }, { lines, count }) {
  const site = at('engine')
  await makeStore(site, skus)
  const items = skus.slice(0, lines).map((sku) => ({ sku, quantity: 1 }))
  const [serverBefore, ownBefore] = [cpuOfTree(server.pid), process.cpuUsage()]
  const used = () => {
    const own = process.cpuUsage(ownBefore)
    return { serverCpu: (cpuOfTree(server.pid) - serverBefore) / count, ownCpu: (own.user + own.system) / count }
  }
  let [answered, answeredAt] = [used(), 0]
  const perSecond = await reserveAll(site, {
    count,
    inFlight,
    cart: (index) => ({ userId: userOf(index), items }),
    onAnswered: async () => {
      answered = used()
      answeredAt = performance.now()
    },
  })
  // The store closes when the ledger has everything.
  const settledPerSecond = count / (count / perSecond + (performance.now() - answeredAt) / 1_000)
  const settled = used()
  await verifyBooks(site, { active: count })
  await site.remove()
  return { perSecond, ...answered, settledPerSecond, settledServerCpu: settled.serverCpu, settledOwnCpu: settled.ownCpu }
}

/**
 * @param {string} words
 * @param {readonly Sample[]} samples
 * @param {readonly Sample[]} peers
 * @param {{ durability: string, goal: number }} options
 */
function linesOf(words, samples, peers, { durability, goal: least }) {
  const against = 'redis-benchmark of a minimal script for each reservation'
  const [burst, settled] = [`${words}, while the journal fills`, `${words}, until the ledger has everything`]
  /** @type {(pick: (sample: Sample) => number, pickPeer?: (sample: Sample) => number) => { figures: number[], against: string, peers: number[], durability: string }} */
  const both = (pick, pickPeer = ({ perSecond }) => perSecond) => ({
    figures: samples.map(pick),
    against,
    peers: peers.map(pickPeer),
    durability,
  })
  const cpu = { outcome: /** @type {const} */ ('accepted'), unit: 'µs/reservation' }
  return [
    compare({ what: burst, ...both(({ perSecond }) => perSecond), goal: least, shownAs: '×' }),
    compare({ what: settled, ...both(({ settledPerSecond = NaN }) => settledPerSecond), goal: least, shownAs: '×' }),
    compare({
      ...cpu,
      what: `CPU time of Redis, ${burst}`,
      ...both(
        ({ serverCpu }) => serverCpu,
        ({ serverCpu }) => serverCpu,
      ),
    }),
    compare({
      ...cpu,
      what: `CPU time of Redis, ${settled}`,
      ...both(
        ({ settledServerCpu = NaN }) => settledServerCpu,
        ({ serverCpu }) => serverCpu,
      ),
    }),
    state({ ...cpu, what: `CPU time of the engine, ${burst}`, figures: samples.map(({ ownCpu = NaN }) => ownCpu), durability }),
    state({
      ...cpu,
      what: `CPU time of the engine, ${settled}`,
      figures: samples.map(({ settledOwnCpu = NaN }) => settledOwnCpu),
      durability,
    }),
  ]
}
