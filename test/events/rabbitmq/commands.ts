import type { ConsumeMessage, Options } from 'amqplib'
import { describe, expect, it } from 'vitest'
import type { RabbitMqServer } from '../../support/rabbitmq-server.ts'
import { createStand, eventually, queueExists, type Inbox, type Stand } from '../../support/rabbitmq.ts'
import { accepted } from '../../support/shop.ts'
import { Fault } from '../../../src/domain/faults.ts'
import type { Store } from '../../../src/index.ts'

interface Answer {
  readonly id: string
  readonly ok: boolean
  readonly value?: Readonly<Record<string, unknown>>
  readonly refusal?: { readonly code: string; readonly detail: string }
}

/** A stand where commands are taken, and of which nobody wants events. */
async function openStand(server: RabbitMqServer, options?: Parameters<typeof createStand>[1]): Promise<Stand> {
  const stand = await createStand(server, options)
  await stand.startNode({ types: [] })
  await eventually(() => queueExists(server, `${stand.prefix}.commands`))
  return stand
}

async function reserve({ shop }: Stand): Promise<string> {
  return accepted(await shop.reserve({ userId: 'ada', items: [{ sku: 'a', quantity: 1 }] })).id
}

const answersIn = ({ messages }: Inbox): Answer[] => messages.map(({ content }) => JSON.parse(content.toString()) as Answer)

const reasonsOf = ({ messages }: Inbox): unknown[] =>
  messages.map(({ properties }) => [properties.messageId as string, properties.headers?.['x-holdfast-reason']])

export function describeCommands(getServer: () => RabbitMqServer): void {
  describe('commands from RabbitMQ', () => {
    it('are done, and answered as the HTTP API would', async () => {
      const stand = await openStand(getServer())
      const answers = await stand.inbox()
      const [confirmed, cancelled, extended] = [await reserve(stand), await reserve(stand), await reserve(stand)]
      const replyTo = answers.queue
      const ask = (body: object, properties: Options.Publish = {}): Promise<void> => stand.command(body, { replyTo, ...properties })
      await ask({ id: 'c1', type: 'confirm', reservationId: confirmed, userId: 'ada', metadata: { paid: 'yes' } }, { correlationId: 'x' })
      await ask({ id: 'c2', type: 'cancel', reservationId: cancelled })
      await ask({ id: 'c3', type: 'extend', reservationId: extended, ttlSeconds: 900 })
      // The id may be that of the message.
      await ask({ type: 'adjust_stock', sku: 'a', delta: -10, reason: 'broken' }, { messageId: 'c4' })
      await eventually(() => answers.messages.length === 4)
      const byId = new Map(answersIn(answers).map((answer) => [answer.id, answer]))
      const order = byId.get('c1')!.value!
      expect(order).toMatchObject({ reservationId: confirmed, status: 'placed', metadata: { paid: 'yes' }, cancelledAt: null })
      expect(order['createdAt']).toMatch(/^\d{4}-.*Z$/)
      expect(byId.get('c2')).toMatchObject({ ok: true, value: { id: cancelled, status: 'cancelled' } })
      expect(byId.get('c3')).toMatchObject({ ok: true, value: { id: extended, status: 'active', expiresInMs: 900_000 } })
      expect(byId.get('c4')).toMatchObject({ ok: true, value: { sku: 'a', total: 99_990 } })
      expect(answers.messages.map(({ properties }) => properties.correlationId as string).toSorted()).toEqual(['c2', 'c3', 'c4', 'x'])
      await ask({ id: 'c5', type: 'cancel_order', orderId: order['id'], reason: 'changed my mind' })
      await ask({ id: 'c6', type: 'confirm', reservationId: 'nowhere' })
      await eventually(() => answers.messages.length === 6)
      expect(answersIn(answers).slice(4)).toEqual([
        { id: 'c5', ok: true, value: expect.objectContaining({ id: order['id'], status: 'cancelled' }) },
        { id: 'c6', ok: false, refusal: { code: 'reservation_not_found', detail: 'There is no reservation with this id.' } },
      ])
      await stand.expectSound()
    })

    it('go to the engine together, and those of one reservation in their order', async () => {
      const stand = await openStand(getServer())
      const answers = await stand.inbox()
      const ids = await Promise.all(Array.from({ length: 60 }, () => reserve(stand)))
      const batchesBefore = stand.batches.length
      const replyTo = answers.queue
      for (const reservationId of ids) {
        stand.channel.sendToQueue(
          `${stand.prefix}.commands`,
          Buffer.from(JSON.stringify({ id: `e${reservationId}`, type: 'extend', reservationId, ttlSeconds: 700 })),
          { replyTo },
        )
        stand.channel.sendToQueue(
          `${stand.prefix}.commands`,
          Buffer.from(JSON.stringify({ id: `c${reservationId}`, type: 'confirm', reservationId })),
          { replyTo },
        )
      }
      await eventually(() => answers.messages.length === 120)
      // In another order an extend would come too late.
      expect(answersIn(answers).filter(({ ok }) => !ok)).toEqual([])
      expect(stand.batches.length - batchesBefore).toBeLessThan(40)
    })

    it('that are delivered again have one effect, and the first answer', async () => {
      const stand = await openStand(getServer())
      const answers = await stand.inbox()
      // The connection breaks when it is acknowledged: the work is done then, and answered.
      let acknowledgements = 0
      stand.proxy.inspect = (piece, from) => (from === 'client' && isAcknowledgement(piece) && ++acknowledgements <= 2 ? 'reset' : 'pass')
      await stand.command({ id: 'twice', type: 'adjust_stock', sku: 'a', delta: 5 }, { replyTo: answers.queue })
      await eventually(() => {
        stand.time.skip(100)
        return acknowledgements === 3
      })
      expect(answers.messages).toHaveLength(3)
      const [first, ...others] = answersIn(answers)
      expect(others).toEqual([first, first])
      expect((await stand.stock('a')).total).toBe(100_005)
    })

    it('are answered although the first answers were lost', async () => {
      const stand = await openStand(getServer())
      const answers = await stand.inbox()
      let lost = 0
      stand.proxy.inspect = (piece, from) => (from === 'client' && piece.includes('holdfast.answer') && ++lost <= 3 ? 'reset' : 'pass')
      await stand.command({ id: 'lost', type: 'adjust_stock', sku: 'a', delta: 7 }, { replyTo: answers.queue })
      await eventually(() => {
        stand.time.skip(100)
        return answers.messages.length > 0
      })
      expect(lost).toBe(4)
      expect(answersIn(answers)[0]).toMatchObject({ id: 'lost', ok: true, value: { total: 100_007 } })
      expect((await stand.stock('a')).total).toBe(100_007)
    })

    it('that nobody can have meant are dead letters, with the reason', async () => {
      const stand = await openStand(getServer())
      const [dead, copies] = [await stand.dead(), await stand.inbox()]
      const reservationId = await reserve(stand)
      const send = (messageId: string, body: object | string, more: Options.Publish = {}): Promise<void> =>
        stand.command(body, { messageId, ...more })
      await send('m1', '{ "type": ', { contentType: 'text/plain', headers: { mine: 'kept', CC: [copies.queue] } })
      await send('m2', { type: 'reserve' })
      await send('m3', { type: 'confirm', reservationId, colour: 'red' })
      await send('m4', { type: 'extend', reservationId })
      await send('m5', { id: 'ünï', type: 'cancel', reservationId })
      await send('m6', { type: 'confirm', reservationId, metadata: { long: 'x'.repeat(2_100) } })
      await send('m7', { type: 'cancel', reservationId: 'a\0b' })
      await send('m8', 'x'.repeat(70_000))
      await stand.command({ type: 'cancel', reservationId })
      await send('k1', { type: 'adjust_stock', sku: 'a', delta: 1 })
      await eventually(async () => (await stand.stock('a')).total === 100_001)
      await send('k1', { type: 'adjust_stock', sku: 'a', delta: 2 })
      // Refused, and nobody is there to be told.
      await send('r1', { type: 'confirm', reservationId: 'nowhere' })
      await send('r2', { type: 'confirm', reservationId: 'nowhere' }, { replyTo: 'gone' })
      await eventually(() => dead.messages.length === 12)
      // What its sender wanted copied was not copied once more.
      expect(copies.messages).toHaveLength(1)
      expect(reasonsOf(dead).toSorted(byText)).toEqual([
        ['', 'validation_failed'],
        ['k1', 'idempotency_key_reused'],
        ...['m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7', 'm8'].map((id) => [id, 'validation_failed']),
        ['r1', 'reservation_not_found'],
        ['r2', 'reservation_not_found'],
      ])
      const detailOf = (id: string): unknown => find(dead, id).properties.headers?.['x-holdfast-detail']
      expect(detailOf('m2')).toBe('/type must be one of confirm, cancel, extend, cancel_order, adjust_stock')
      expect(detailOf('m3')).toBe('/colour is not a known property')
      expect(detailOf('m8')).toBe('has 70000 bytes; at most 65536 are allowed')
      expect(find(dead, 'm1')).toMatchObject({
        content: Buffer.from('{ "type": '),
        properties: { contentType: 'text/plain', deliveryMode: 2, headers: { mine: 'kept' } },
      })
      expect((await stand.shop.reservation(reservationId))!.status).toBe('active')
      expect((await stand.stock('a')).total).toBe(100_001)
    })

    it('that have headers which cannot be sent on are dead letters without them', async () => {
      const stand = await openStand(getServer())
      const dead = await stand.dead()
      // A table with a member by which the driver means something else, and one that leaves no room for the reason.
      const table = { '!': 'object', value: { '!': 'x' } }
      await stand.command('no JSON', { messageId: 'm1', headers: { table } })
      await stand.command('no JSON', { messageId: 'm2', headers: { long: '€'.repeat(21_800) } })
      await eventually(() => dead.messages.length === 2)
      expect(reasonsOf(dead).toSorted(byText)).toEqual([
        ['m1', 'validation_failed'],
        ['m2', 'validation_failed'],
      ])
      expect(dead.messages.map(({ content }) => content.toString())).toEqual(['no JSON', 'no JSON'])
    })

    it('are answered by direct reply, and whoever has gone is not waited for', async () => {
      const stand = await openStand(getServer())
      const answers: ConsumeMessage[] = []
      await stand.channel.consume('amq.rabbitmq.reply-to', (message) => message !== null && answers.push(message), { noAck: true })
      await stand.command({ id: 'd1', type: 'adjust_stock', sku: 'a', delta: 1 }, { replyTo: 'amq.rabbitmq.reply-to' })
      await eventually(() => answers.length === 1)
      await stand.command({ id: 'd2', type: 'adjust_stock', sku: 'a', delta: 1 }, { replyTo: 'gone' })
      await stand.command({ id: 'd3', type: 'adjust_stock', sku: 'a', delta: 1 }, { replyTo: 'amq.rabbitmq.reply-to' })
      await eventually(() => answers.length === 2)
      expect((await stand.stock('a')).total).toBe(100_003)
    })

    it('wait while the store fails, and are left to the next node where this one stops', async () => {
      const faults: string[] = []
      let isDown = true
      const stand = await createStand(getServer(), {
        wrap: (store: Store): Store => ({
          ...store,
          execute: async (commands, options) => {
            if (!isDown || !commands.some(({ type }) => type === 'extend')) return store.execute(commands, options)
            faults.push(commands[0]!.type)
            throw new Fault('store_unavailable', 'The store is away.')
          },
        }),
      })
      const reservationId = await reserve(stand)
      const answers = await stand.inbox()
      const node = await stand.startNode({ types: [] })
      await eventually(() => queueExists(getServer(), `${stand.prefix}.commands`))
      await stand.command({ id: 'w', type: 'extend', reservationId, ttlSeconds: 700 }, { replyTo: answers.queue })
      // This one could be done, and must not overtake.
      await eventually(() => faults.length > 0)
      await stand.command({ id: 'v', type: 'cancel', reservationId }, { replyTo: answers.queue })
      await eventually(() => {
        stand.time.skip(1_000)
        return faults.length > 6
      })
      await node.close()
      isDown = false
      expect(answers.messages).toEqual([])
      await stand.startNode({ types: [] })
      await eventually(() => answers.messages.length === 2)
      expect(answersIn(answers)).toMatchObject([
        { id: 'w', ok: true, value: { status: 'active' } },
        { id: 'v', ok: true, value: { status: 'cancelled' } },
      ])
    })

    it('are taken by one node of several, and by another when that has gone', async () => {
      const stand = await openStand(getServer())
      const second = await stand.startNode({ types: [] })
      const answers = await stand.inbox()
      const reservationId = await reserve(stand)
      for (let n = 1; n <= 20; n++)
        await stand.command({ id: `n${n}`, type: 'extend', reservationId, ttlSeconds: 600 + n }, { replyTo: answers.queue })
      await eventually(() => answers.messages.length === 20)
      expect(answersIn(answers).map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, n) => `n${n + 1}`))
      await second.close()
      stand.proxy.resetAll()
      await stand.command({ id: 'last', type: 'cancel', reservationId }, { replyTo: answers.queue })
      await eventually(() => {
        stand.time.skip(100)
        return answers.messages.length >= 21
      })
      expect(answersIn(answers)[20]).toMatchObject({ id: 'last', ok: true })
    })

    it('go on when somebody has deleted the queues', async () => {
      const stand = await openStand(getServer())
      await stand.channel.deleteQueue(`${stand.prefix}.commands.dead`)
      await stand.channel.deleteQueue(`${stand.prefix}.commands`)
      await eventually(() => {
        stand.time.skip(100)
        return queueExists(getServer(), `${stand.prefix}.commands`)
      })
      await stand.channel.deleteQueue(`${stand.prefix}.commands.dead`)
      await stand.command('no JSON', { messageId: 'p' })
      await eventually(() => queueExists(getServer(), `${stand.prefix}.commands.dead`))
      const dead = await stand.dead()
      await eventually(() => {
        stand.time.skip(100)
        return dead.messages.length === 1
      })
      expect(String(stand.reports)).toContain(`the queue "${stand.prefix}.commands" was deleted`)
    })
  })
}

function find({ messages }: Inbox, messageId: string): ConsumeMessage {
  return messages.find(({ properties }) => properties.messageId === messageId)!
}

function byText(a: unknown, b: unknown): number {
  return String(a) < String(b) ? -1 : 1
}

/** A method frame of class 60 (basic), method 80 (ack). */
function isAcknowledgement(piece: Buffer): boolean {
  return piece.includes(Buffer.from([0, 60, 0, 80]))
}
