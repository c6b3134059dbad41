import { verifyBooks } from './lib/books.mjs'
import { loadHoldfast, settledOutcomes, startHoldfast } from './lib/http.mjs'
import { sqlitePlace } from './lib/places.mjs'
import { compare } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { makeStore } from './lib/shop.mjs'
import { connections } from './lib/wrk.mjs'

const sku = 'hot'
/** More than a round sends. */
const rateLimit = '9999999/3600'
const secret = 'bench'

/** @type {import('./lib/report.mjs').Bench} */
export const b4Limits = {
  name: 'B4-limits',
  title: 'HTTP: B4 with an API key and a limit of requests',
  byDefault: false,
  run: async (context) => {
    const { rounds, quick, say } = context
    const seconds = quick ? 1 : 6
    const place = sqlitePlace(context)
    const sites = { limited: place.at('limited'), plain: place.at('plain') }
    /** @type {import('./lib/processes.mjs').Service[]} */
    const running = []
    try {
      for (const [name, site] of Object.entries(sites)) {
        await makeStore(site, [sku])
        running.push(await (name === 'limited' ? startHoldfast(site, ['--rate-limit', rateLimit], { secret }) : startHoldfast(site)))
      }
      const [limited, plain] = /** @type {[import('./lib/processes.mjs').Service, import('./lib/processes.mjs').Service]} */ (running)
      const contenders = {
        limited: () => loadHoldfast(limited, { seconds, isSoldOut: false }),
        plain: () => loadHoldfast(plain, { seconds, isSoldOut: false }),
      }
      await alternate(contenders, { rounds: 1, say: (text) => say(`warm-up: ${text}`) })
      const seen = await alternate(contenders, { rounds, say })
      for (const [service, site] of /** @type {const} */ ([
        [limited, sites.limited],
        [plain, sites.plain],
      ])) {
        const told = await settledOutcomes(service)
        await service.stop()
        await verifyBooks(site, { active: told.get('accepted') ?? 0 })
      }
      /** @type {(pick: (sample: import('./lib/http.mjs').Sample) => number) => { figures: number[], peers: number[] }} */
      const both = (pick) => ({ figures: seen.limited.map(pick), peers: seen.plain.map(pick) })
      const shared = { against: 'the same without either', durability: place.durability }
      const what = 'one hot sku, 1 line, 201'
      return {
        settings: { connections, secondsPerRound: seconds, ...place.settings },
        lines: [
          compare({ ...shared, what, unit: 'requests/s', ...both(({ perSecond }) => perSecond), goal: 0.9 }),
          compare({ ...shared, what: 'CPU time of the server process', unit: 'µs/request', ...both(({ cpuPerRequest }) => cpuPerRequest) }),
        ],
      }
    } finally {
      await Promise.all(running.map((service) => service.stop()))
    }
  },
}
