// A consumer in a process of its own, as one of a shop: rabbitmq-consumer.mjs URL QUEUE COUNT. It tells its parent when it is ready, and what it has seen when it has so many different events.
import { connect } from 'amqplib'

const [url = '', queue = '', expected = ''] = process.argv.slice(2)
const count = Number(expected)
const prefetch = 1_000
const ackEvery = 250

const connection = await connect(url)
const channel = await connection.createChannel()
await channel.prefetch(prefetch)

const seen = new Set()
/** The last event of each reservation. */
const last = new Map()
let [repeated, outOfOrder, unacknowledged] = [0, 0, 0]

await channel.consume(queue, (message) => {
  if (message === null) throw new Error('the queue is gone')
  const { type, subject, data } = JSON.parse(message.content.toString())
  const id = Number(message.properties.messageId)
  const key = type.startsWith('order.') ? data.reservationId : subject
  if (seen.has(id)) repeated++
  else {
    seen.add(id)
    if ((last.get(key) ?? -1) > id) outOfOrder++
    last.set(key, id)
  }
  const isAll = seen.size === count
  if (++unacknowledged >= ackEvery || isAll) {
    channel.ack(message, true)
    unacknowledged = 0
  }
  if (isAll) process.send?.({ repeated, outOfOrder, distinct: seen.size })
})
process.send?.('ready')
process.once('disconnect', () => process.exit(0))
