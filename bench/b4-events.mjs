import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { verifyBooks } from './lib/books.mjs'
import { loadHoldfast, settledOutcomes, startHoldfast } from './lib/http.mjs'
import { sqlitePlace } from './lib/places.mjs'
import { startService } from './lib/processes.mjs'
import { compare, median } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { makeStore } from './lib/shop.mjs'
import { connections } from './lib/wrk.mjs'

const sku = 'hot'
const scrapeMs = 1_000
const secret = 'bench'

/**
 * B4 beside B4: one service tells a webhook of every event, streams the feed to a listener and is scraped each second; nobody listens to the other. Between rounds the webhook goes on.
 *
 * @type {import('./lib/report.mjs').Bench}
 */
export const b4Events = {
  name: 'B4-events',
  title: 'HTTP: B4 with a webhook, a listener to the feed, and metrics',
  byDefault: false,
  run: async (context) => {
    const { rounds, quick, say } = context
    const seconds = quick ? 1 : 6
    const place = sqlitePlace(context)
    const sites = { told: place.at('told'), alone: place.at('alone') }
    /** @type {import('./lib/processes.mjs').Service[]} */
    const running = []
    const leaving = new AbortController()
    try {
      for (const site of Object.values(sites)) await makeStore(site, [sku])
      const told = await startHoldfast(sites.told, [], { secret, scope: 'admin', environment: { HOLDFAST_WEBHOOK_ALLOW_PRIVATE: 'true' } })
      running.push(told)
      const alone = await startHoldfast(sites.alone, [], { secret, scope: 'admin' })
      running.push(alone)
      const receiver = await startService(fileURLToPath(new URL('./lib/receiver.mjs', import.meta.url)), [])
      running.push(receiver)
      await addWebhook(told, receiver.address)
      const heard = { events: 0 }
      void listen(told, heard, leaving.signal)
      void scrape(told, leaving.signal)

      const received = async () => Number(await (await fetch(receiver.address)).text())
      /** @type {number[]} */
      const webhooks = []
      const contenders = {
        told: async () => {
          const before = await received()
          const sample = await loadHoldfast(told, { seconds, isSoldOut: false })
          webhooks.push(((await received()) - before) / sample.seconds)
          return sample
        },
        alone: () => loadHoldfast(alone, { seconds, isSoldOut: false }),
      }
      await alternate(contenders, { rounds: 1, say: (text) => say(`warm-up: ${text}`) })
      const seen = await alternate(contenders, { rounds, say })
      leaving.abort()
      for (const [service, site] of /** @type {const} */ ([
        [told, sites.told],
        [alone, sites.alone],
      ])) {
        const outcomes = await settledOutcomes(service)
        await service.stop()
        await verifyBooks(site, { active: outcomes.get('accepted') ?? 0 })
      }
      /** @type {(pick: (sample: import('./lib/http.mjs').Sample) => number) => { figures: number[], peers: number[] }} */
      const both = (pick) => ({ figures: seen.told.map(pick), peers: seen.alone.map(pick) })
      const shared = { against: 'the same with nobody to tell', durability: place.durability }
      const what = 'one hot sku, 1 line, 201'
      return {
        settings: {
          connections,
          secondsPerRound: seconds,
          webhooksPerSecondMeanwhile: Math.round(median(webhooks)),
          eventsHeard: heard.events,
          ...place.settings,
        },
        lines: [
          compare({ ...shared, what, unit: 'requests/s', ...both(({ perSecond }) => perSecond), goal: 0.85 }),
          compare({ ...shared, what: 'p99 latency, closed loop', unit: 'ms', ...both(({ p99 }) => p99) }),
          compare({ ...shared, what: 'CPU time of the server process', unit: 'µs/request', ...both(({ cpuPerRequest }) => cpuPerRequest) }),
        ],
      }
    } finally {
      leaving.abort()
      await Promise.all(running.map((service) => service.stop()))
    }
  },
}

const every = [
  ...['created', 'confirmed', 'cancelled', 'expired', 'extended', 'lost'].map((end) => `reservation.${end}`),
  ...['created', 'cancelled'].map((end) => `order.${end}`),
]

/**
 * @param {import('./lib/processes.mjs').Service} service
 * @param {string} url
 */
async function addWebhook({ address, headers }, url) {
  const response = await fetch(`${address}/v1/webhooks`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ url: `${url}/`, events: every }),
  })
  if (response.status !== 201) throw new Error(`the webhook was answered with ${response.status}: ${await response.text()}`)
}

/**
 * @param {import('./lib/processes.mjs').Service} service
 * @param {{ events: number }} heard
 * @param {AbortSignal} signal
 */
async function listen({ address, headers }, heard, signal) {
  try {
    const response = await fetch(`${address}/v1/events/stream`, { headers, signal })
    for await (const chunk of response.body ?? []) heard.events += Buffer.from(chunk).toString('latin1').split('\nid: ').length - 1
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/**
 * @param {import('./lib/processes.mjs').Service} service
 * @param {AbortSignal} signal
 */
async function scrape({ address, headers }, signal) {
  while (!signal.aborted) {
    await (await fetch(`${address}/metrics`, { headers })).text()
    await delay(scrapeMs)
  }
}
