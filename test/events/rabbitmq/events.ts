import type { ConsumeMessage } from 'amqplib'
import { describe, expect, it } from 'vitest'
import type { Event } from '../../../src/domain/event.ts'
import { cloudEvent } from '../../../src/events/cloud-event.ts'
import { keyOf } from '../../../src/events/relay/pending.ts'
import { createStand, eventually, type Stand } from '../../support/rabbitmq.ts'
import type { RabbitMqServer } from '../../support/rabbitmq-server.ts'

/** Every event, and those of each reservation in the order of the feed; of what came more than once, the first counts. */
function expectAll(messages: readonly ConsumeMessage[], events: readonly Event[]): void {
  const keys = new Map(events.map((event) => [event.id, keyOf(event)]))
  const inOrder = (ids: Iterable<string>): object => {
    const byKey: Record<string, string[]> = {}
    for (const id of ids) (byKey[keys.get(id) ?? 'unknown'] ??= []).push(id)
    return byKey
  }
  const ids = new Set(messages.map(({ properties }) => properties.messageId as string))
  expect(inOrder(ids)).toEqual(inOrder(events.map(({ id }) => id)))
}

function distinct(messages: readonly ConsumeMessage[]): number {
  return new Set(messages.map(({ properties }) => properties.messageId as string)).size
}

/** A method frame of class 60 (basic), method 80 (ack). */
const confirm = Buffer.from([0, 60, 0, 80])

const said = ({ reports }: Stand): string => reports.map(String).join('\n')

export function describeEvents(getServer: () => RabbitMqServer): void {
  describe('events in RabbitMQ', () => {
    it('come once each, as the feed shows them, those of a reservation in their order', async () => {
      const stand = await createStand(getServer())
      const [all, orders] = [await stand.inbox('#'), await stand.inbox('order.*')]
      await stand.sell(100)
      await stand.startNode()
      const events = await stand.events()
      await eventually(() => all.messages.length >= events.length)
      expect(all.messages).toHaveLength(events.length)
      expectAll(all.messages, events)
      expect(orders.messages).toHaveLength(50)
      const [first] = events
      const message = all.messages.find(({ properties }) => properties.messageId === first!.id)!
      expect(message.content.toString()).toBe(cloudEvent(first!))
      expect(message.fields).toMatchObject({ routingKey: 'product.created', exchange: `${stand.prefix}.events` })
      expect(message.properties).toMatchObject({
        contentType: 'application/cloudevents+json',
        type: 'product.created',
        deliveryMode: 2,
        timestamp: Math.floor(first!.time / 1_000),
      })
      expect(stand.reports).toEqual([])
    })

    it('that nobody is bound to are told when somebody is', async () => {
      const stand = await createStand(getServer())
      const reservations = await stand.inbox('reservation.*')
      const { relays } = await stand.startNode()
      await stand.sell(2)
      await eventually(() => reservations.messages.length >= 6)
      // Each was tried, and none was marked as told.
      await eventually(() => relays.status()[0]!.failed >= 2)
      expect(said(stand)).toContain(`nobody is bound to "product.created" at the exchange "${stand.prefix}.events"`)
      const rest = await stand.inbox('product.*', 'order.*')
      stand.time.skip(10_000)
      await eventually(() => rest.messages.length >= 2)
      expectAll([...reservations.messages, ...rest.messages], await stand.events())

      // With the exchange all bindings are gone.
      await stand.channel.deleteExchange(`${stand.prefix}.events`)
      await stand.sell(1)
      await eventually(() => said(stand).includes(`NOT_FOUND - no exchange '${stand.prefix}.events'`))
      await stand.channel.assertExchange(`${stand.prefix}.events`, 'topic', { durable: true })
      await stand.channel.bindQueue(rest.queue, `${stand.prefix}.events`, '#')
      await eventually(async () => {
        stand.time.skip(100)
        return distinct([...reservations.messages, ...rest.messages]) >= (await stand.events()).length
      })
    })

    it('are only those that were asked for', async () => {
      const stand = await createStand(getServer())
      const all = await stand.inbox('#')
      const { relays } = await stand.startNode({ types: ['order.created', 'stock.sold_out'] })
      await stand.sell(4)
      await eventually(() => relays.status()[0]!.lagMs === 0 && all.messages.length >= 2)
      expect(all.messages.map(({ properties }) => properties.type)).toEqual(['order.created', 'order.created'])
    })

    it('wait while RabbitMQ is away for minutes, and it is said once', async () => {
      const stand = await createStand(getServer())
      const all = await stand.inbox('#')
      stand.proxy.refusing = true
      const { relays } = await stand.startNode({ isShared: false })
      await stand.sell(20)
      for (let minute = 0; minute < 10; minute++) {
        const before = relays.status()[0]!.failed
        stand.time.skip(60_000)
        await eventually(() => relays.status()[0]!.failed > before)
      }
      expect(all.messages).toEqual([])
      const away = stand.reports.map(String).filter((report) => report.startsWith('Error: RabbitMQ at'))
      expect(away).toEqual([expect.stringMatching(/^Error: RabbitMQ at 127\.0\.0\.1:\d+: the connection broke\./)])
      stand.proxy.heal()
      stand.time.skip(10_000)
      await eventually(async () => {
        stand.time.skip(1_000)
        return distinct(all.messages) >= (await stand.events()).length
      })
      expectAll(all.messages, await stand.events())
      await eventually(() => said(stand).includes('all is well again'))
    })

    it('survive connections that break at any moment', async () => {
      const stand = await createStand(getServer())
      const all = await stand.inbox('#')
      let [pieces, breaks] = [0, 0]
      stand.proxy.inspect = (piece) => {
        // What goes there and what comes back, in turn.
        const isOfEvents = piece.includes('cloudevents') || piece.includes(confirm)
        if (!isOfEvents || ++pieces % 5 !== 0) return 'pass'
        breaks++
        return 'reset'
      }
      await stand.sell(100)
      await stand.startNode()
      await eventually(() => {
        stand.time.skip(100)
        return breaks >= 6
      })
      stand.proxy.heal()
      const events = await stand.events()
      await eventually(() => {
        stand.time.skip(100)
        return distinct(all.messages) >= events.length
      })
      expectAll(all.messages, events)
    })

    it('are sent again where no confirm comes, over a connection that is made anew', async () => {
      const stand = await createStand(getServer())
      const all = await stand.inbox('#')
      await stand.startNode()
      await eventually(() => all.messages.length === 1)
      // It arrives, and what RabbitMQ says to it does not.
      stand.proxy.inspect = (_piece, from) => (from === 'server' ? 'silent' : 'pass')
      await stand.sell(1)
      await eventually(() => all.messages.length === 2)
      stand.proxy.inspect = () => 'pass'
      stand.time.skip(31_000)
      await eventually(async () => {
        stand.time.skip(100)
        return distinct(all.messages) >= (await stand.events()).length
      })
      expectAll(all.messages, await stand.events())
      const ids = all.messages.map(({ properties }) => properties.messageId as string)
      expect(ids[1]).toBe(ids[2])
      expect(said(stand)).toContain('did not confirm a message')
    })

    it('wait while RabbitMQ takes no messages, because it is short of memory', async () => {
      const stand = await createStand(getServer())
      const all = await stand.inbox('#')
      await stand.startNode()
      await eventually(() => all.messages.length === 1)
      await getServer().control('set_vm_memory_high_watermark', '0.0000001')
      try {
        await stand.sell(2)
        await eventually(() => said(stand).includes('it takes no messages at the moment'))
        stand.time.skip(40_000)
        await eventually(() => said(stand).includes('rabbitmq is not told'))
      } finally {
        await getServer().control('set_vm_memory_high_watermark', '0.4')
      }
      const events = await stand.events()
      await eventually(() => {
        stand.time.skip(100)
        return distinct(all.messages) >= events.length
      })
      expectAll(all.messages, events)
      await eventually(() => said(stand).includes('all is well again'))
      // The connection was the same all the time.
      expect(said(stand)).not.toContain('broke')
    })

    it('come from one node at a time, and from the next when it stops', async () => {
      const stand = await createStand(getServer())
      const all = await stand.inbox('#')
      const nodes = [await stand.startNode(), await stand.startNode()]
      await stand.sell(20)
      let events = await stand.events()
      await eventually(() => all.messages.length >= events.length)
      const owner = nodes.findIndex(({ relays }) => relays.status()[0]!.isOwner)
      expect(nodes.filter(({ relays }) => relays.status()[0]!.sent > 0)).toEqual([nodes[owner]])
      await nodes[owner]!.close()
      await stand.sell(20)
      events = await stand.events()
      await eventually(() => {
        stand.time.skip(1_000)
        return all.messages.length >= events.length
      })
      expect(all.messages).toHaveLength(events.length)
      expectAll(all.messages, events)
    })

    it('come from another node where one cannot reach RabbitMQ', async () => {
      const stand = await createStand(getServer())
      const all = await stand.inbox('#')
      stand.proxy.refusing = true
      const first = await stand.startNode()
      await eventually(() => first.relays.status()[0]!.isOwner)
      const second = await stand.startNode({ url: getServer().url })
      await stand.sell(2)
      const events = await stand.events()
      await eventually(() => {
        stand.time.skip(1_000)
        return all.messages.length >= events.length
      })
      expect(second.relays.status()[0]!.sent).toBe(events.length)
      expectAll(all.messages, events)
    })

    it('do not keep a node that is told to stop, even where RabbitMQ is silent', async () => {
      const stand = await createStand(getServer())
      const all = await stand.inbox('#')
      const node = await stand.startNode()
      await eventually(() => all.messages.length === 1)
      stand.proxy.inspect = () => 'silent'
      await stand.sell(2)
      const startedAt = performance.now()
      await node.close()
      expect(performance.now() - startedAt).toBeLessThan(2_000)
    })

    it('outlive a RabbitMQ that is killed and started again', async () => {
      const stand = await createStand(getServer())
      const { queue, messages } = await stand.inbox('#')
      await stand.startNode()
      await eventually(() => messages.length === 1)
      await getServer().kill()
      await stand.sell(20)
      await eventually(() => said(stand).includes('RabbitMQ at'))
      await getServer().start()
      const again = await createStand(getServer())
      await again.channel.consume(queue, (message) => message !== null && messages.push(message), { noAck: true })
      const events = await stand.events()
      await eventually(() => {
        stand.time.skip(100)
        return distinct(messages) >= events.length
      })
      expectAll(messages, events)
    })
  })
}
