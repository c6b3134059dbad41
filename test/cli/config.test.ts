import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  defaults,
  readKeep,
  readLogSettings,
  readServiceSettings,
  readStoreSettings,
  readStoreUrl,
  readWebhookSettings,
  readWorkerSettings,
} from '../../src/config.ts'

const day = 86_400_000
const nobody = { keys: [], tokens: null }
const dialects = { names: ['cart', 'flash', 'drop', 'checkout', 'product-page'], currency: 'USD' }

describe('readServiceSettings()', () => {
  it('has a default for everything', () => {
    expect(readServiceSettings({}, {})).toEqual({
      host: defaults.host,
      port: defaults.port,
      storeUrl: defaults.store,
      worker: true,
      amqp: null,
      webhooks: { allowPrivate: false },
      identity: nobody,
      dialects,
      limits: defaults.limits,
      keep: { eventsMs: 30 * day, reservationsMs: 90 * day },
    })
  })

  it('reads how many days what is over is kept, or for ever', () => {
    const keepOf = (events: string, reservations: string) =>
      readKeep({ HOLDFAST_KEEP_EVENTS_DAYS: events, HOLDFAST_KEEP_RESERVATIONS_DAYS: reservations })
    expect(keepOf('1', '365')).toEqual({ eventsMs: day, reservationsMs: 365 * day })
    expect(keepOf('0', 'forever')).toEqual({ eventsMs: null, reservationsMs: null })
    for (const wrong of ['-1', '1.5', 'never', '1e3', '100000']) {
      expect(() => keepOf('1', wrong)).toThrow(/^HOLDFAST_KEEP_RESERVATIONS_DAYS must be a whole number of days, for example 90, or/)
    }
  })

  it('lets flags win over the environment', () => {
    const environment = { HOLDFAST_PORT: '1', HOLDFAST_HOST: '127.0.0.2', HOLDFAST_STORE: 'sqlite:a.db' }
    expect(readServiceSettings({}, environment)).toMatchObject({ port: 1, host: '127.0.0.2', storeUrl: 'sqlite:a.db' })
    const flags = { port: '0', host: '::1', store: 'sqlite:b.db' }
    expect(readServiceSettings(flags, environment)).toMatchObject({ port: 0, host: '::1', storeUrl: 'sqlite:b.db' })
  })

  it('reads where a RabbitMQ is, and which events it is told of', () => {
    const url = 'amqp://shop:secret@mq.example.com/shop'
    expect(readServiceSettings({ amqp: url }, {}).amqp).toEqual({ url, types: null })
    const environment = { HOLDFAST_AMQP: url, HOLDFAST_AMQP_EVENTS: 'order.created, reservation.lost' }
    expect(readWorkerSettings({}, environment).amqp).toEqual({ url, types: ['reservation.lost', 'order.created'] })
    for (const wrong of ['', 'http://mq', 'amqp://u:secret#@host', 'amqp://u:secret@host/a/b', 'amqp://h?x=1']) {
      const read = (): unknown => readWorkerSettings({ amqp: wrong }, {})
      expect(read).toThrow(/^--amqp cannot be used\. .* Write it as amqp:\/\/user:password@host:5672\/vhost/)
      expect(read).not.toThrow(/secret/)
    }
    expect(() => readWorkerSettings({}, { HOLDFAST_AMQP_EVENTS: 'order.*' })).toThrow(
      /^HOLDFAST_AMQP_EVENTS must be some of .*"order\.\*" is none/,
    )
  })

  it('reads how many active reservations a user may have, and has no limit otherwise', () => {
    const environment = { HOLDFAST_ACTIVE_PER_USER_MAX: '3' }
    expect(readServiceSettings({}, {}).activePerUserMax).toBeUndefined()
    expect(readServiceSettings({}, environment).activePerUserMax).toBe(3)
    expect(readServiceSettings({ activePerUser: '1000' }, environment).activePerUserMax).toBe(1_000)
    for (const wrong of ['0', '1001', '1e2', '-1', 'one']) {
      expect(() => readServiceSettings({ activePerUser: wrong }, {})).toThrow(
        /^--active-per-user must be a whole number from 1 to 1000, not/,
      )
    }
  })

  it('takes a variable that is set to nothing as not set', () => {
    const environment = { HOLDFAST_PORT: '', HOLDFAST_HOST: ' ', HOLDFAST_STORE: '', HOLDFAST_API_KEYS: '' }
    expect(readServiceSettings({}, environment)).toEqual(readServiceSettings({}, {}))
  })

  it.each(['-1', '65536', '3e3', '0x50', '30 00', 'http'])('refuses the port %j and names the variable', (port) => {
    expect(() => readServiceSettings({}, { HOLDFAST_PORT: port })).toThrow(/^HOLDFAST_PORT must be a whole number from 0 to 65535/)
    expect(() => readServiceSettings({ port }, {})).toThrow(/^--port must be/)
  })

  it('refuses what cannot be a host', () => {
    expect(() => readServiceSettings({ host: 'http://127.0.0.1' }, {})).toThrow(/^--host must be an address or a host name/)
  })

  it('reads keys and what tokens are checked with', () => {
    const environment = {
      HOLDFAST_API_KEYS: 'shop:service:s3cret:with:colons, office:admin:another',
      HOLDFAST_JWT_SECRET: 'jwt',
      HOLDFAST_JWKS_URL: 'https://login.example.com/jwks.json',
      HOLDFAST_JWT_ISSUER: 'login',
      HOLDFAST_JWT_AUDIENCE: 'shop',
    }
    expect(readServiceSettings({}, environment).identity).toEqual({
      keys: [
        { name: 'shop', scope: 'service', secret: 's3cret:with:colons' },
        { name: 'office', scope: 'admin', secret: 'another' },
      ],
      tokens: { secret: 'jwt', jwksUrl: 'https://login.example.com/jwks.json', issuer: 'login', audience: 'shop' },
    })
  })

  it.each([
    ['HOLDFAST_API_KEYS', 's3cret', /entry 1 is not/],
    ['HOLDFAST_API_KEYS', 'shop:s3cret', /entry 1 is not/],
    ['HOLDFAST_API_KEYS', 'a:admin:x,shop:root:s3cret', /a scope is admin, service or read; entry 2 is not/],
    ['HOLDFAST_API_KEYS', 'a:admin:x,', /entry 2 is not/],
    ['HOLDFAST_API_KEYS', 'shop:admin:', /entry 1 is not/],
    ['HOLDFAST_API_KEYS', 'a:admin:x,a:read:s3cret', /the name of "a" twice/],
    ['HOLDFAST_API_KEYS', 'a:admin:s3cret,b:read:s3cret', /the secret of "b" twice/],
    ['HOLDFAST_JWKS_URL', 'login.example.com', /must be a URL/],
    ['HOLDFAST_JWT_AUDIENCE', 'shop', /set HOLDFAST_JWT_SECRET or HOLDFAST_JWKS_URL as well/],
  ])('refuses %s=%s and shows no secret', (name, value, sentence) => {
    const read = (): unknown => readServiceSettings({}, { [name]: value })
    expect(read).toThrow(sentence)
    expect(read).not.toThrow(/s3cret/)
  })

  it('reads limits, and refuses what cannot be one', () => {
    const environment = {
      HOLDFAST_RATE_LIMIT: '600/60',
      HOLDFAST_FLASH_RATE_LIMIT: '5/1',
      HOLDFAST_TRUST_PROXY: 'loopback, 10.0.0.0/8,::1',
      HOLDFAST_CONNECTIONS_MAX: '5',
      HOLDFAST_QUEUE_WAIT_MS: '500',
    }
    const limits = {
      requests: { max: 600, windowMs: 60_000 },
      flash: { max: 5, windowMs: 1_000 },
      trustProxy: ['loopback', '10.0.0.0/8', '::1'],
      connectionsMax: 5,
      queueWaitMsMax: 500,
    }
    expect(readServiceSettings({}, environment).limits).toEqual(limits)
    expect(readServiceSettings({ rateLimit: 'off' }, environment).limits).toEqual({ ...limits, requests: null })
    expect(readServiceSettings({}, { HOLDFAST_FLASH_RATE_LIMIT: 'off' }).limits.flash).toBeNull()
    expect(() => readServiceSettings({ rateLimit: '' }, {})).toThrow(/^--rate-limit must be /)
    const wrong = {
      HOLDFAST_RATE_LIMIT: ['600', '0/60', '60/0', '1/86401', '-1/60', '1.5/60', '1/1/1', 'on'],
      HOLDFAST_FLASH_RATE_LIMIT: ['0/1'],
      HOLDFAST_TRUST_PROXY: ['true', '1', '*', '0.0.0.0/0', '10.0.0.0/33', '::/0', '::1/129', '10.0.0/8', '10.0.0.1,', 'proxy.example.com'],
      HOLDFAST_CONNECTIONS_MAX: ['0', '-1', '1e3', '1000001', 'many'],
      HOLDFAST_QUEUE_WAIT_MS: ['0', '2.5', '60001'],
    }
    for (const [name, values] of Object.entries(wrong)) {
      for (const value of values) expect(() => readServiceSettings({}, { [name]: value })).toThrow(new RegExp(`^${name} must be `))
    }
  })
})

describe('the older APIs', () => {
  const read = (names: string, flag?: string) =>
    readServiceSettings(flag === undefined ? {} : { dialects: flag }, { HOLDFAST_DIALECTS: names }).dialects.names

  it('are all served, or those that are named, or none', () => {
    expect(read('')).toEqual(dialects.names)
    expect(read('checkout, cart')).toEqual(['cart', 'checkout'])
    expect(read('none')).toEqual([])
    expect(read('cart', 'none')).toEqual([])
    expect(readServiceSettings({}, { HOLDFAST_DIALECT_CURRENCY: 'EUR' }).dialects.currency).toBe('EUR')
  })

  it.each(['carts', 'cart,,drop', 'none,cart', 'Cart', '*'])('refuse %j and list what there is', (names) => {
    expect(() => read(names)).toThrow(/^HOLDFAST_DIALECTS must be "none", or some of cart, flash, drop, checkout, product-page/)
    expect(() => read('', names)).toThrow(/^--dialects must be/)
  })

  it.each(['eur', 'EURO', '€'])('refuse the currency %j', (currency) => {
    expect(() => readServiceSettings({}, { HOLDFAST_DIALECT_CURRENCY: currency })).toThrow(/^HOLDFAST_DIALECT_CURRENCY must be/)
  })
})

describe('readLogSettings()', () => {
  it('logs what matters, in the format of whoever reads it, unless it is told otherwise', () => {
    expect(readLogSettings({})).toEqual({ level: 'info', format: null })
    expect(readLogSettings({ HOLDFAST_LOG: 'debug', HOLDFAST_LOG_FORMAT: 'json' })).toEqual({ level: 'debug', format: 'json' })
    expect(() => readLogSettings({ HOLDFAST_LOG: 'verbose' })).toThrow(/^HOLDFAST_LOG must be one of silent, error, warn, info, debug, not/)
    expect(() => readLogSettings({ HOLDFAST_LOG_FORMAT: 'JSON' })).toThrow(/^HOLDFAST_LOG_FORMAT must be one of json, text, not/)
  })
})

describe('where webhooks may go', () => {
  const read = (text: string) => readServiceSettings({}, { HOLDFAST_WEBHOOK_ALLOW_PRIVATE: text }).webhooks.allowPrivate

  it('is the public internet unless every address is allowed', () => {
    expect(['', 'false', 'true'].map(read)).toEqual([false, false, true])
    expect(readWebhookSettings({ HOLDFAST_WEBHOOK_ALLOW_PRIVATE: 'true' })).toEqual({ allowPrivate: true })
  })

  it.each(['yes', '1', 'on', 'TRUE'])('refuses %j rather than guess', (text) => {
    expect(() => read(text)).toThrow(/^HOLDFAST_WEBHOOK_ALLOW_PRIVATE must be true or false/)
  })
})

describe('readStoreUrl()', () => {
  it('refuses an empty flag rather than fall back to another store', () => {
    expect(() => readStoreUrl('', { HOLDFAST_STORE: 'sqlite:a.db' })).toThrow(/^--store must name a store/)
  })
})

describe('readStoreSettings()', () => {
  it('reads the ledger like the store', () => {
    const environment = { HOLDFAST_STORE: 'redis://a', HOLDFAST_LEDGER: 'sqlite:a.db' }
    expect(readStoreSettings({}, {})).toEqual({ storeUrl: defaults.store, ledgerUrl: undefined })
    expect(readStoreSettings({}, environment)).toEqual({ storeUrl: 'redis://a', ledgerUrl: 'sqlite:a.db' })
    expect(readStoreSettings({ ledger: 'sqlite:b.db' }, environment)).toEqual({ storeUrl: 'redis://a', ledgerUrl: 'sqlite:b.db' })
    expect(readServiceSettings({}, environment)).toMatchObject({ storeUrl: 'redis://a', ledgerUrl: 'sqlite:a.db' })
    expect(readStoreSettings({}, { HOLDFAST_LEDGER: ' ' }).ledgerUrl).toBeUndefined()
  })

  it('refuses an empty flag', () => {
    expect(() => readStoreSettings({ ledger: '' }, {})).toThrow(/^--ledger must name a ledger/)
  })
})

describe('.env.example', () => {
  it('lists every variable that config.ts reads, with its default', () => {
    const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8')
    const source = readFileSync(new URL('../../src/config.ts', import.meta.url), 'utf8')
    const listed = new Map([...example.matchAll(/^(HOLDFAST_\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]))
    const known = new Set([...source.matchAll(/'(HOLDFAST_\w+)'/g)].map(([, name = '']) => name))
    expect(new Set(listed.keys())).toEqual(known)
    expect(listed.get('HOLDFAST_PORT')).toBe(String(defaults.port))
    expect(listed.get('HOLDFAST_HOST')).toBe(defaults.host)
    expect(listed.get('HOLDFAST_STORE')).toBe(defaults.store)
    expect(readServiceSettings({}, Object.fromEntries([...listed].filter(([, value]) => value !== '')))).toEqual(
      readServiceSettings({}, {}),
    )
    expect(listed.get('HOLDFAST_DIALECT_CURRENCY')).toBe(defaults.currency)
    expect(listed.get('HOLDFAST_LOG')).toBe(defaults.log)
  })
})
