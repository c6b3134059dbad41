import { describe, expect, it, onTestFinished } from 'vitest'
import type { ConsumeMessage } from 'amqplib'
import { createFaultProxy } from '../../support/fault-proxy.ts'
import { temporaryFile } from '../../support/folder.ts'
import { createStand, eventually, type Node } from '../../support/rabbitmq.ts'
import type { RabbitMqServer } from '../../support/rabbitmq-server.ts'
import { startService } from '../../support/service.ts'

export function describeService(getServer: () => RabbitMqServer): void {
  describe('holdfast serve --amqp', () => {
    it('starts while RabbitMQ is away, and goes on when it is there', async () => {
      const { channel } = await createStand(getServer())
      const proxy = await createFaultProxy(getServer().port)
      onTestFinished(() => proxy.close())
      proxy.refusing = true
      const flags = ['--amqp', `amqp://guest:guest@127.0.0.1:${proxy.port}`]
      const service = await startService(`sqlite:${await temporaryFile()}`, undefined, flags)
      await eventually(() => service.errors().includes('RabbitMQ at'))
      expect(service.errors()).toContain(`RabbitMQ at 127.0.0.1:${proxy.port}: the connection broke. It is tried until that is over`)
      expect(service.errors()).not.toContain('guest')
      const health = async (): Promise<unknown> => (await fetch(`${service.address}/readyz`)).json()
      expect(await health()).toEqual({ status: 'ready', parts: { store: 'ready', rabbitmq: 'resting' } })

      await channel.assertExchange('holdfast.events', 'topic', { durable: true })
      await channel.assertQueue('shop')
      await channel.bindQueue('shop', 'holdfast.events', '#')
      const messages: ConsumeMessage[] = []
      await channel.consume('shop', (message) => message !== null && messages.push(message), { noAck: true })
      const made = await fetch(`${service.address}/v1/products`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ sku: 'a', name: 'A', totalStock: 1 }),
      })
      expect(made.status).toBe(201)
      proxy.refusing = false
      await eventually(() => messages.length === 1)
      expect(JSON.parse(messages[0]!.content.toString())).toMatchObject({ type: 'product.created', subject: 'a' })
      await eventually(() => service.errors().includes('all is well again'))
      expect(service.errors()).toMatch(/"level":"error".*"code":"broker_away"/)
      expect(service.errors()).toMatch(/"level":"warn".*all is well again/)
      expect(await health()).toMatchObject({ parts: { rabbitmq: 'ready' } })

      const body = { id: '1', type: 'adjust_stock', sku: 'a', delta: 4 }
      channel.sendToQueue('holdfast.commands', Buffer.from(JSON.stringify(body)))
      await eventually(() => messages.some(({ properties }) => properties.type === 'stock.adjusted'))
      const startedAt = performance.now()
      expect(await service.stop()).toBe(0)
      expect(performance.now() - startedAt).toBeLessThan(4_000)
    })

    it('uses what an operator has declared, and says what its user may not do', async () => {
      const server = getServer()
      const stand = await createStand(server)
      const [name] = [stand.prefix]
      const url = (password: string, vhost = ''): string => `amqp://${name}:${password}@127.0.0.1:${server.port}/${vhost}`
      await server.control('add_user', name, 'secret')
      const start = (its: string): Promise<Node> => stand.startNode({ url: its })
      const says = (what: string): Promise<void> => eventually(() => stand.reports.some((report) => String(report).includes(what)))
      const locked = await start(url('wrong'))
      await says('it does not let this user in, or not do what is needed')
      await locked.close()
      const lost = await start(url('secret'))
      await says('it has no such virtual host, or does not let this user into it')
      await lost.close()
      // It may make nothing, and need not.
      await server.control('set_permissions', name, '^$', '.*', '.*')
      const all = await stand.inbox('#')
      await stand.channel.assertQueue(`${stand.prefix}.commands`, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
      await stand.dead()
      await start(url('secret'))
      await eventually(() => all.messages.length === 1)
      await stand.command({ id: '1', type: 'adjust_stock', sku: 'a', delta: 3 })
      await eventually(async () => (await stand.stock('a')).total === 100_003)
    })
  })
}
