import { verifyBooks } from './lib/books.mjs'
import { withPostgres } from './lib/places.mjs'
import { bulkInsert, naive } from './lib/postgres-peers.mjs'
import { cpuOfTree } from './lib/processes.mjs'
import { compare, median, state } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { makeStore, reserveAll, userOf } from './lib/shop.mjs'

const inFlight = 1_000
const perCommit = 256
const naiveClients = [1, 2, 4, 8, 16, 32, 64]
const naiveClientsMax = 64
const bulkClients = [1, 2, 4]
const skus = ['hot-1', 'hot-2']

/** @typedef {import('./lib/postgres-peers.mjs').Sample} Sample */

/** @type {import('./lib/report.mjs').Bench} */
export const b1Postgres = {
  name: 'B1-postgres',
  title: 'Engine: accepted reservations of hot skus, without HTTP',
  byDefault: false,
  run: (context) =>
    withPostgres(context, async (place) => {
      const { rounds, quick, say } = context
      const count = quick ? 10_000 : 128_000
      const seconds = quick ? 1 : 3

      /** @type {Record<string, () => Promise<Sample>>} */
      const contenders = {}
      for (const lines of [1, 2]) {
        const load = { skus: skus.slice(0, lines), seconds }
        contenders[`engine ${lines}`] = () => engine(place, { lines, count, callers: inFlight })
        for (const clients of bulkClients)
          contenders[`bulk ${lines}, ${clients}`] = () => bulkInsert(place, { ...load, clients, perCommit })
        for (const clients of naiveClients) contenders[`naive ${lines}, ${clients}`] = () => naive(place, { ...load, clients })
      }
      contenders['engine, fewer callers'] = () => engine(place, { lines: 1, count, callers: perCommit })
      const warmUp = { 'warm-up': () => engine(place, { lines: 2, count, callers: inFlight }) }
      if (!quick) await alternate(warmUp, { rounds: 1, say })
      const seen = await alternate(contenders, { rounds, say })
      return {
        settings: { reservationsPerRound: count, secondsPerRoundOfPgbench: seconds, ...place.settings },
        lines: linesOf(seen, place.durability),
      }
    }),
}

/**
 * @param {import('./lib/places.mjs').PostgresPlace} place
 * @param {{ lines: number, count: number, callers: number }} load
 * @returns {Promise<Sample>}
 */
async function engine({ at, server }, { lines, count, callers }) {
  const site = at('engine')
  await makeStore(site, skus)
  const items = skus.slice(0, lines).map((sku) => ({ sku, quantity: 1 }))
  let batches = 0
  const [serverBefore, ownBefore] = [cpuOfTree(server.pid), process.cpuUsage()]
  const perSecond = await reserveAll(site, {
    count,
    inFlight: callers,
    cart: (index) => ({ userId: userOf(index), items }),
    onBatch: () => void batches++,
  })
  const own = process.cpuUsage(ownBefore)
  const serverCpu = (cpuOfTree(server.pid) - serverBefore) / count
  await verifyBooks(site, { active: count })
  await site.remove()
  return { perSecond, batchSize: count / batches, serverCpu, ownCpu: (own.user + own.system) / count }
}

/**
 * @param {Readonly<Record<string, readonly Sample[]>>} seen
 * @param {string} durability
 */
function linesOf(seen, durability) {
  /** @type {(name: string, pick?: (sample: Sample) => number) => number[]} */
  const figuresOf = (name, pick = ({ perSecond }) => perSecond) => (seen[name] ?? []).map(pick)
  /** @type {(kind: string, clients: readonly number[]) => number} */
  const bestOf = (kind, clients) => {
    const speed = (/** @type {number} */ one) => median(figuresOf(`${kind}, ${one}`))
    return clients.toSorted((a, b) => speed(b) - speed(a))[0] ?? 1
  }
  /** @type {(clients: number) => string} */
  const words = (clients) => (clients === 1 ? '1 client' : `${clients} clients`)
  const [single, bulk] = ['one transaction for each reservation', `the same rows in bulk, ${perCommit} per commit`]

  const lines = [1, 2].flatMap((number) => {
    const name = `engine ${number}`
    const what = `${number === 1 ? '1 line' : `${number} lines`}, ${inFlight} callers`
    const [bestNaive, bestBulk] = [bestOf(`naive ${number}`, naiveClients), bestOf(`bulk ${number}`, bulkClients)]
    /** @type {(against: string, peer: string, goal: number | null, shownAs: '×' | '%') => import('./lib/report.mjs').Line} */
    const line = (against, peer, goal, shownAs) =>
      compare({ what, figures: figuresOf(name), against, peers: figuresOf(peer), goal, shownAs, durability })
    return [
      line(`${single}, the best of 1–${naiveClientsMax}: ${words(bestNaive)}`, `naive ${number}, ${bestNaive}`, 10, '×'),
      line(`${single}, ${words(naiveClientsMax)}`, `naive ${number}, ${naiveClientsMax}`, 20, '×'),
      line(`${bulk}, the best of 1–4: ${words(bestBulk)}`, `bulk ${number}, ${bestBulk}`, 0.5, '%'),
      line(`${bulk}, 1 client`, `bulk ${number}, 1`, null, '%'),
      compare({
        what: `CPU time of PostgreSQL, ${what}`,
        unit: 'µs/reservation',
        figures: figuresOf(name, ({ serverCpu }) => serverCpu),
        against: `${bulk}, 1 client`,
        peers: figuresOf(`bulk ${number}, 1`, ({ serverCpu }) => serverCpu),
        durability,
      }),
      state({
        what: `CPU time of the engine, ${what}`,
        outcome: 'accepted',
        unit: 'µs/reservation',
        figures: figuresOf(name, ({ ownCpu = NaN }) => ownCpu),
        durability,
      }),
      state({
        what: `a batch, ${what}`,
        outcome: 'accepted',
        unit: 'reservations',
        figures: figuresOf(name, ({ batchSize }) => batchSize),
        durability,
      }),
    ]
  })
  const fewer = compare({
    what: `1 line, ${perCommit} callers`,
    figures: figuresOf('engine, fewer callers'),
    against: `${bulk}, the best of 1–4: ${words(bestOf('bulk 1', bulkClients))}`,
    peers: figuresOf(`bulk 1, ${bestOf('bulk 1', bulkClients)}`),
    durability,
  })
  return [...lines, fewer]
}
