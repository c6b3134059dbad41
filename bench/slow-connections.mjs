import { fileURLToPath } from 'node:url'
import { verifyBooks } from './lib/books.mjs'
import { loadHoldfast, settledOutcomes, startHoldfast } from './lib/http.mjs'
import { sqlitePlace } from './lib/places.mjs'
import { startService } from './lib/processes.mjs'
import { compare } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { makeStore } from './lib/shop.mjs'
import { connections } from './lib/wrk.mjs'

const sku = 'hot'
const slow = 2_000
const timesMax = 2

/** @type {import('./lib/report.mjs').Bench} */
export const slowConnections = {
  name: 'slow-connections',
  title: `HTTP: ${slow.toLocaleString('en')} half-open connections beside normal traffic`,
  byDefault: false,
  run: async (context) => {
    const { rounds, quick, say } = context
    // Longer than the headers of a request may take, so that those who are slow are cut off and come again.
    const seconds = quick ? 2 : 15
    const place = sqlitePlace(context)
    const site = place.at('service')
    await makeStore(site, [sku])
    const holdfast = await startHoldfast(site)
    try {
      const load = () => loadHoldfast(holdfast, { seconds, isSoldOut: false })
      const besieged = async () => {
        const script = fileURLToPath(new URL('./lib/half-open.mjs', import.meta.url))
        const clients = await startService(script, [holdfast.address, String(slow)])
        try {
          return await load()
        } finally {
          await clients.stop()
        }
      }
      await alternate({ load }, { rounds: 1, say: (text) => say(`warm-up: ${text}`) })
      const seen = await alternate({ besieged, quiet: load }, { rounds, say })
      const told = await settledOutcomes(holdfast)
      await holdfast.stop()
      await verifyBooks(site, { active: told.get('accepted') ?? 0 })
      /** @type {(pick: (sample: import('./lib/http.mjs').Sample) => number) => { figures: number[], peers: number[] }} */
      const both = (pick) => ({ figures: seen.besieged.map(pick), peers: seen.quiet.map(pick) })
      const shared = { against: 'the same without them', durability: place.durability }
      return {
        settings: { connections, slowConnections: slow, secondsPerRound: seconds, ...place.settings },
        lines: [
          compare({
            ...shared,
            what: 'p99 latency, closed loop',
            unit: 'ms',
            ...both(({ p99 }) => p99),
            goal: timesMax,
            sense: 'at most',
            shownAs: '×',
          }),
          compare({ ...shared, what: 'median latency, closed loop', unit: 'ms', ...both(({ p50 }) => p50), shownAs: '×' }),
          compare({ ...shared, what: 'one hot sku, 1 line, 201', unit: 'requests/s', ...both(({ perSecond }) => perSecond) }),
        ],
      }
    } finally {
      await holdfast.stop()
    }
  },
}
