import { describe, expect, it } from 'vitest'
import { readAmqpUrl } from '../../src/events/rabbitmq/url.ts'

describe('readAmqpUrl()', () => {
  it('fills in what is left out', () => {
    const usual = { host: 'mq', port: 5672, username: 'guest', password: 'guest', vhost: '/', tls: false, where: 'RabbitMQ at mq:5672' }
    expect(readAmqpUrl('amqp://mq')).toEqual(usual)
    expect(readAmqpUrl('amqp://mq/')).toEqual(usual)
    expect(readAmqpUrl('amqps://mq')).toEqual({ ...usual, port: 5671, tls: true, where: 'RabbitMQ at mq:5671' })
  })

  it('reads all of it, and shows no password', () => {
    expect(readAmqpUrl('amqp://shop:p%40ss%2F@[::1]:1234/my%2Fshop')).toEqual({
      host: '::1',
      port: 1234,
      username: 'shop',
      password: 'p@ss/',
      vhost: 'my/shop',
      tls: false,
      where: 'RabbitMQ at ::1:1234',
    })
  })

  it('refuses what cannot be read', () => {
    expect(() => readAmqpUrl('amqp://u:%zz@mq')).toThrow(/cannot be read\. In a user, a password/)
    expect(() => readAmqpUrl('amqp://mq?heartbeat=5')).toThrow(/has no options, so none named "heartbeat"/)
  })
})
