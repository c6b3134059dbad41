import { fork } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { verifyBooks } from './lib/books.mjs'
import { settledOutcomes, startHoldfast } from './lib/http.mjs'
import { sqlitePlace } from './lib/places.mjs'
import { cpuMicroseconds } from './lib/processes.mjs'
import { compare, state } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { makeStore, skuNames } from './lib/shop.mjs'
import { runWrk } from './lib/wrk.mjs'

const listenersAll = 10_000
/** Each is one process at an address of its own. */
const clients = 2
const timesMax = 2
const finalMsMax = 1_000
/** A round begins when the one before is over for the service, too. */
const restMs = 1_500

/** @typedef {import('./lib/steady-load.mjs').Steady & { finalMs: number, cpuPerRequest: number, framesPerSecond: number }} Sample `finalMs`: from the last answer until every listener had the last stock */

/** @type {import('./lib/report.mjs').Bench} */
export const listeners = {
  name: 'listeners',
  title: `HTTP: ${listenersAll.toLocaleString('en')} listeners to the stock while a sale runs at half its peak`,
  byDefault: false,
  run: async (context) => {
    const lines = []
    let settings = {}
    for (const count of [1, 100]) {
      const measured = await measure(context, count)
      lines.push(...measured.lines)
      settings = { ...settings, ...measured.settings }
    }
    return { settings, lines }
  },
}

/**
 * @param {import('./lib/report.mjs').Context} context
 * @param {number} skuCount that the sale and the listeners are spread over
 */
async function measure(context, skuCount) {
  const { rounds, quick, say } = context
  const seconds = quick ? 1 : 4
  const count = quick ? 200 : listenersAll
  const place = sqlitePlace(context)
  const site = place.at(`service-${skuCount}`)
  const skus = skuNames(skuCount)
  await makeStore(site, skus)
  const holdfast = await startHoldfast(site)
  const seller = startChild(new URL('./lib/steady-load.mjs', import.meta.url))
  const listening = Array.from({ length: clients }, () => startChild(new URL('./lib/listening.mjs', import.meta.url)))
  try {
    const full = await runWrk(holdfast.address, { sku: /** @type {string} */ (skus[0]), seconds: quick ? 1 : 5, headers: {} })
    const peak = full.requests / full.seconds
    const perSecond = Math.round(peak / 2)
    say(`${skuCount} skus: peak ${Math.round(peak)}/s, so the sale runs at ${perSecond}/s`)

    /** @returns {Promise<Sample>} */
    const sell = async () => {
      await delay(restMs)
      const before = cpuMicroseconds(holdfast.pid)
      /** @type {import('./lib/steady-load.mjs').Steady} */
      const sold = await seller.ask({ address: holdfast.address, skus, perSecond, seconds })
      const used = Number(cpuMicroseconds(holdfast.pid)) - Number(before)
      return { ...sold, finalMs: NaN, cpuPerRequest: used / sold.requests, framesPerSecond: 0 }
    }
    const sellToListeners = async () => {
      const paths = Array.from({ length: count }, (_, index) => pathOf(/** @type {string} */ (skus[index % skuCount])))
      await Promise.all(
        listening.map((client, index) =>
          client.ask({
            listen: {
              address: holdfast.address,
              from: `127.0.0.${index + 2}`,
              paths: paths.filter((_, at) => at % clients === index),
            },
          }),
        ),
      )
      const sold = await sell()
      const last = Object.fromEntries(await Promise.all(skus.map(async (sku) => [pathOf(sku), await versionOf(holdfast, sku)])))
      const shown = await Promise.all(listening.map((client) => client.ask({ await: last })))
      const lost = shown.reduce((sum, one) => sum + one.lost, 0)
      if (lost > 0) throw new Error(`${lost} streams were closed`)
      const finalMs = Math.max(...shown.map(({ at }) => Number(BigInt(at) - BigInt(sold.lastAt)) / 1e6))
      const frames = shown.reduce((sum, one) => sum + one.frames, 0)
      await Promise.all(listening.map((client) => client.ask({ close: true })))
      const sample = { ...sold, finalMs, framesPerSecond: frames / (seconds + finalMs / 1_000) }
      say(
        `p50 ${sample.p50.toFixed(1)} p99 ${sample.p99.toFixed(1)} ms, final after ${finalMs.toFixed(0)} ms, ${Math.round(sample.framesPerSecond)} frames/s, ${sample.cpuPerRequest.toFixed(0)} µs/request`,
      )
      return sample
    }
    const sellAlone = async () => {
      const sample = await sell()
      say(`p50 ${sample.p50.toFixed(1)} p99 ${sample.p99.toFixed(1)} ms, ${sample.cpuPerRequest.toFixed(0)} µs/request`)
      return sample
    }
    await sellAlone()
    const seen = await alternate({ listened: sellToListeners, alone: sellAlone }, { rounds, say })
    const told = await settledOutcomes(holdfast)
    await holdfast.stop()
    await verifyBooks(site, { active: told.get('accepted') ?? 0 })

    /** @type {(pick: (sample: Sample) => number) => { figures: number[], peers: number[] }} */
    const both = (pick) => ({ figures: seen.listened.map(pick), peers: seen.alone.map(pick) })
    const where = skuCount === 1 ? 'all to one sku' : `spread over ${skuCount} skus`
    const shared = { against: 'the same without them', durability: place.durability }
    return {
      settings: {
        listeners: count,
        [`reservationsPerSecond${skuCount === 1 ? '' : `Over${skuCount}Skus`}`]: perSecond,
        secondsPerRound: seconds,
        ...place.settings,
      },
      lines: [
        compare({
          ...shared,
          what: `p99 latency, fixed rate, ${where}`,
          unit: 'ms',
          ...both(({ p99 }) => p99),
          goal: timesMax,
          sense: 'at most',
          shownAs: '×',
        }),
        compare({ ...shared, what: `median latency, fixed rate, ${where}`, unit: 'ms', ...both(({ p50 }) => p50), shownAs: '×' }),
        compare({
          ...shared,
          what: `CPU time of the server process, ${where}`,
          unit: 'µs/request',
          ...both(({ cpuPerRequest }) => cpuPerRequest),
          shownAs: '×',
        }),
        state({
          what: `until every listener has the last stock, ${where}`,
          unit: 'ms',
          figures: seen.listened.map(({ finalMs }) => finalMs),
          atMost: finalMsMax,
          durability: place.durability,
        }),
      ],
    }
  } finally {
    for (const child of [seller, ...listening]) child.end()
    await holdfast.stop()
  }
}

/** @param {string} sku */
function pathOf(sku) {
  return `/v1/stock/stream?sku=${sku}`
}

/**
 * @param {import('./lib/processes.mjs').Service} service
 * @param {string} sku
 */
async function versionOf({ address }, sku) {
  const { version } = /** @type {{ version: number }} */ (await (await fetch(`${address}/v1/products/${sku}/stock`)).json())
  return version
}

/**
 * A process that does one thing after the other and answers each with one message.
 *
 * @param {URL} script
 */
function startChild(script) {
  const child = fork(fileURLToPath(script))
  return {
    /** @type {(order: object) => Promise<any>} */
    ask: (order) =>
      new Promise((resolve, reject) => {
        const fail = (/** @type {number | null} */ code) => reject(new Error(`${script.pathname} ended with ${code}`))
        child.once('exit', fail)
        child.once('message', (answer) => {
          child.off('exit', fail)
          resolve(answer)
        })
        child.send(order)
      }),
    end: () => child.disconnect(),
  }
}
