import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { connect } from 'amqplib'
import { cloudEvent, createHoldfast, createRelays, openSite, startRabbitMq } from './lib/holdfast.mjs'
import { options } from './lib/options.mjs'
import { sqlitePlace } from './lib/places.mjs'
import { startRabbitMqServer } from './lib/rabbitmq-server.mjs'
import { compare, state } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { drive, makeStore, userOf, withShop } from './lib/shop.mjs'

const sku = 'hot'
const inFlight = 4_000
const perSecondMin = 5_000
/** A unit that is sold: it was reserved, confirmed, and there is an order. */
const eventsOfSale = 3
/** As the relay has it. */
const windowMax = 512
const pageSize = 200
const consumer = fileURLToPath(new URL('lib/rabbitmq-consumer.mjs', import.meta.url))

/** @typedef {{ repeated: number, outOfOrder: number, distinct: number }} Seen */

/** @type {import('./lib/report.mjs').Bench} */
export const rabbitMq = {
  name: 'rabbitmq',
  title: 'RabbitMQ: events relayed with confirms, none lost, those of a reservation in order',
  byDefault: false,
  run: async (context) => {
    const { rounds, quick, say, folder } = context
    const place = sqlitePlace(context)
    const sales = Math.ceil((options.events ?? (quick ? 20_000 : 1_000_000)) / eventsOfSale)
    const site = place.at('relay')
    await makeStore(site, [sku])
    await sell(site, sales)
    // The product is one as well.
    const events = sales * eventsOfSale + 1
    say(`${events.toLocaleString('en')} events are in the feed`)
    const server = await startRabbitMqServer(folder)
    try {
      const seen = await alternate(
        {
          relay: (round) => relayed(server.url, site, events, `relay${round}`),
          bare: (round) => bare(server.url, site, events, `bare${round}`),
        },
        { rounds, say },
      )
      const [figures, peers] = [seen.relay, seen.bare].map((samples) => samples.map(({ perSecond }) => perSecond))
      const common = { unit: 'events/s', durability: 'persistent messages in a durable queue, confirmed' }
      const what = `${events.toLocaleString('en')} events, from the feed of a SQLite file to a consumer in another process`
      return {
        settings: {
          server: `RabbitMQ ${server.version} with its default settings`,
          lost: 0,
          outOfOrder: 0,
          sentTwice: seen.relay.reduce((sum, { repeated }) => sum + repeated, 0),
        },
        lines: [
          state({ ...common, what, figures: figures ?? [], atLeast: perSecondMin }),
          compare({ ...common, what, outcome: '–', figures: figures ?? [], against: 'amqplib alone, 512 at once', peers: peers ?? [] }),
        ],
      }
    } finally {
      await server.stop()
      await site.remove()
    }
  },
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
 * @param {string} url
 * @param {import('./lib/places.mjs').Site} site
 * @param {number} events
 * @param {string} prefix
 */
async function relayed(url, site, events, prefix) {
  const store = await openSite(site)
  const shop = createHoldfast({ store })
  const notes = notesOf(store, prefix)
  const report = (/** @type {unknown} */ error) => console.error(error)
  try {
    return await consumed(url, prefix, events, async () => {
      const relays = createRelays({ shop, notes, isShared: false, report })
      const running = await startRabbitMq({ shop, relays, isShared: false, url, types: null, prefix, report })
      return running.close
    })
  } finally {
    await shop.close()
  }
}

/**
 * Each round begins at the beginning.
 *
 * @param {import('../src/index.ts').Store} store
 * @param {string} prefix
 * @returns {import('../src/store/port.ts').Notes}
 */
function notesOf({ notes }, prefix) {
  if (notes === undefined) throw new Error('the store keeps no notes')
  return {
    list: (name) => notes.list(`${prefix}/${name}`),
    read: (name) => notes.read(`${prefix}/${name}`),
    write: (name, value, version) => notes.write(`${prefix}/${name}`, value, version),
  }
}

/**
 * The same number of equally long messages, each confirmed, from nowhere.
 *
 * @param {string} url
 * @param {import('./lib/places.mjs').Site} site
 * @param {number} events
 * @param {string} prefix
 */
async function bare(url, site, events, prefix) {
  // The product, and a sale.
  const samples = await withShop(site, {}, async (shop) => (await shop.events({ limit: pageSize })).data.slice(0, 1 + eventsOfSale))
  const types = ['reservation.created', 'reservation.confirmed', 'order.created']
  const texts = types.map((type) => {
    const sample = samples.find((one) => one.type === type) ?? samples.at(-1)
    if (sample === undefined) throw new Error('the feed is empty')
    return cloudEvent(sample).replace(`"type":"${sample.type}"`, `"type":"${type}"`)
  })
  const ids = texts.map((text) => /"(?:reservationId|subject)":"([^"]+)"/.exec(text)?.[1] ?? '')
  return consumed(url, prefix, events, async () => {
    const connection = await connect(url)
    const channel = await connection.createConfirmChannel()
    const publish = (/** @type {number} */ index) =>
      new Promise((resolve, reject) => {
        const kind = index % eventsOfSale
        const id = `sale-${Math.floor(index / eventsOfSale)}`.padEnd(ids[kind]?.length ?? 0, '-')
        const body = Buffer.from((texts[kind] ?? '').replaceAll(ids[kind] ?? '', id))
        const properties = { messageId: String(index), persistent: true, mandatory: true, type: types[kind] ?? '' }
        channel.publish(`${prefix}.events`, properties.type, body, properties, (error) => (error === null ? resolve(null) : reject(error)))
      })
    await drive(events, windowMax, async (index) => void (await publish(index)))
    return () => connection.close()
  })
}

/**
 * From the start of whoever publishes until the consumer has all.
 *
 * @param {string} url
 * @param {string} prefix
 * @param {number} events
 * @param {() => Promise<() => Promise<void>>} start
 */
async function consumed(url, prefix, events, start) {
  const queue = `${prefix}.shop`
  const connection = await connect(url)
  const channel = await connection.createChannel()
  await channel.assertExchange(`${prefix}.events`, 'topic', { durable: true })
  await channel.assertQueue(queue, { durable: true })
  await channel.bindQueue(queue, `${prefix}.events`, '#')
  const child = fork(consumer, [url, queue, String(events)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  await once(child, 'message')
  const done = once(child, 'message')
  const startedAt = performance.now()
  const stop = await start()
  const [seen] = /** @type {[Seen]} */ (await done)
  const perSecond = (events / (performance.now() - startedAt)) * 1_000
  await stop()
  child.disconnect()
  await once(child, 'exit')
  await channel.deleteQueue(queue)
  await connection.close()
  if (seen.distinct !== events) throw new Error(`${events - seen.distinct} events were lost`)
  if (seen.outOfOrder > 0) throw new Error(`${seen.outOfOrder} events came before an earlier one of their reservation`)
  return { ...seen, perSecond }
}
