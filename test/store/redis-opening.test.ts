import { readdirSync, readFileSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createHoldfast, openLedger, openStore, redisStore, sqliteStore, type Holdfast } from '../../src/index.ts'
import { createProduct, reserve } from '../../src/store/conformance/kit.ts'
import { hidePassword, nameStore } from '../../src/store/open.ts'
import { refuseOldVersion } from '../../src/store/redis/inspect.ts'
import { aclRule, rights } from '../../src/store/redis/rights.ts'
import { temporaryFile } from '../support/folder.ts'
import { openingRefusal } from '../support/opening.ts'
import { createRedisCluster } from '../support/redis-cluster.ts'
import { createRedisPair } from '../support/redis-replica.ts'
import { createRedisServer, skipRedis, type RedisServer } from '../support/redis-server.ts'
import { accepted } from '../support/shop.ts'

const inMemory = 'sqlite::memory:'
const open = (url: string, ledger: string | undefined = inMemory) => openStore(url, { ledger, warn: () => {} })
const refusalOf = (url: string, ledger?: string) => openingRefusal(open(url, ledger))

async function expectRefusal(refusal: ReturnType<typeof refusalOf>, ...sentences: readonly string[]): Promise<void> {
  const { code, message } = await refusal
  expect(code).toBe('cannot_open')
  for (const sentence of sentences) expect(message).toContain(sentence)
  expect(message).not.toContain('secret')
}

describe('openStore()', () => {
  it('wants a ledger beside a Redis, and shows how to name one', () =>
    expectRefusal(
      openingRefusal(openStore('redis://:secret@127.0.0.1:1')),
      'A store in Redis needs a ledger, in which sales are kept. Add --ledger postgres://user:password@host:port/database, or --ledger sqlite:PATH',
    ))

  it.each(['sqlite::memory:', 'postgres://shop:secret@127.0.0.1:1/shop'])('wants none beside %s', (url) =>
    expectRefusal(refusalOf(url), `Only a store in Redis has a ledger, and ${hidePassword(url)} is none. Leave out --ledger`),
  )

  it.each([
    ['redis://:secret@127.0.0.1:1', 'A ledger keeps what Redis may lose, so it cannot be in Redis. Use --ledger postgres://'],
    ['mysql://shop:secret@127.0.0.1/shop', '"mysql://shop:***@127.0.0.1/shop" cannot be a ledger. Use --ledger postgres://'],
    ['sqlite:', '"sqlite:" cannot be a ledger.'],
    ['sqlite:/nowhere/at/all.db', 'The ledger cannot be opened. The folder of /nowhere/at/all.db does not exist; create it first.'],
    ['postgres://shop:secret@127.0.0.1:1/shop', 'The ledger cannot be opened. Nothing answers at 127.0.0.1:1. Start PostgreSQL there'],
  ])('refuses the ledger %s', (ledger, sentence) => expectRefusal(refusalOf('redis://127.0.0.1:1', ledger), sentence))

  const form = 'Write it as redis://user:password@host:6379/0?namespace=shop.'

  it.each([
    ['redis://127.0.0.1/0?nodes=3', 'The URL of a Redis has no option "nodes"; there are only namespace and from.', form],
    ['redis://127.0.0.1/?password=secret', 'The URL of a Redis has no option "password"; there are only namespace and from.', form],
    ['redis://127.0.0.1/?namespace=a%20shop', 'The namespace "a shop" must be 1 to 64 letters, digits, dots, hyphens or underscores.'],
    ['redis://127.0.0.1/?namespace=', 'The namespace "" must be 1 to 64'],
    ['redis://127.0.0.1/shop', 'The database of a Redis is a number, not "shop".', form],
    ['redis://127.0.0.1/-1', 'The database of a Redis is a number, not "-1".', form],
    ['redis:user:secret@127.0.0.1', 'This is not the URL of a Redis.', form],
    ['redis://:secret/secret@127.0.0.1', 'This is not the URL of a Redis.', 'write / ? # @ and % as %2F %3F %23 %40 and %25'],
    ['redis://user:12/secret@127.0.0.1', 'This is not the URL of a Redis.', 'write / ? # @ and % as %2F %3F %23 %40 and %25'],
    ['redis://user:12#secret@127.0.0.1', 'This is not the URL of a Redis.', 'write / ? # @ and % as %2F %3F %23 %40 and %25'],
    ['redis://:%secret@127.0.0.1', 'The user or the password in the URL of a Redis cannot be read.', '%25'],
  ])('refuses %s', (url, ...sentences) => expectRefusal(refusalOf(url), ...sentences))

  it('makes no ledger for a Redis that cannot be', async () => {
    const file = await temporaryFile()
    await expectRefusal(refusalOf('redis://127.0.0.1/shop', `sqlite:${file}`), 'is a number')
    await (await sqliteStore({ path: file })).close()
    await expectRefusal(refusalOf('redis://127.0.0.1:1', `sqlite:${file}`), 'cannot be reached')
    // It was given back.
    await (await sqliteStore({ path: file })).close()
  })
})

describe('hidePassword()', () => {
  it.each([
    ['redis://:secret@host:6379/1', 'redis://:***@host:6379/1'],
    ['rediss://user:secret@host', 'rediss://user:***@host'],
    ['redis://user:se/cr?e#t@host', 'redis://user:***@host'],
    ['REDIS://user:secret@host', 'REDIS://user:***@host'],
    ['redis:user:secret@host', 'redis:user:***@host'],
    ['redis://host:6379/0?namespace=a', 'redis://host:6379/0?namespace=a'],
    ['postgres://shop:secret@host/shop?sslpassword=secret', 'postgres://shop:***@host/shop?sslpassword=***'],
    ['sqlite:./a:b@c.db', 'sqlite:./a:b@c.db'],
  ])('%s', (url, shown) => expect(hidePassword(url)).toBe(shown))

  it('is asked for both names of a store', () => {
    expect(nameStore('redis://:secret@r', 'postgres://u:secret@p/d')).toBe('redis://:***@r, ledger postgres://u:***@p/d')
  })
})

describe('refuseOldVersion()', () => {
  const server = (version: string): string => `# Server\r\nredis_version:${version}\r\nredis_mode:standalone\r\n`

  it.each(['2.8.24', '6.2.14'])('refuses %s', (version) => {
    const refusal = `The Redis at shop:6379 is version ${version}; Holdfast needs Redis 7 or newer, or Valkey.`
    expect(() => refuseOldVersion(server(version), 'Redis at shop:6379')).toThrow(refusal)
  })

  it.each(['7.0.15', '10.0.0', '7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0'])('lets %j in', (version) => {
    refuseOldVersion(server(version), 'Redis at shop:6379')
  })

  it('refuses what tells no version', () => {
    expect(() => refuseOldVersion('# Server\r\n', 'Redis at shop:6379')).toThrow('is version unknown;')
  })
})

const running: RedisServer[] = []

async function startRedis(settings: Readonly<Record<string, string>> = {}): Promise<RedisServer> {
  const redis = await createRedisServer(settings)
  running.push(redis)
  await redis.start()
  return redis
}

describe.skipIf(skipRedis)('a Redis that cannot be used is refused with a sentence', () => {
  let redis: RedisServer
  let locked: RedisServer

  beforeAll(async () => {
    ;[redis, locked] = await Promise.all([startRedis(), startRedis({ requirepass: 'a/secret:' })])
  })

  afterAll(() => Promise.all(running.map((one) => one.remove())))

  const at = (server: RedisServer, login = ''): string => `redis://${login}127.0.0.1:${server.port}`
  let namespaces = 0
  const newUrl = (server = redis): string => `${server.url}?namespace=n${++namespaces}`

  it('where nothing answers', async () => {
    await expectRefusal(
      refusalOf('redis://user:secret@127.0.0.1:1'),
      'The Redis at 127.0.0.1:1 cannot be reached (ECONNREFUSED). Start it there, or correct --store: redis://user:password@host:6379.',
    )
    await expectRefusal(refusalOf('redis://no-such-host.invalid'), 'The Redis at no-such-host.invalid:6379 cannot be reached (E')
  })

  it('that does not answer in time', async () => {
    const paused = await startRedis()
    paused.pause()
    const ledger = await openLedger(inMemory)
    await expectRefusal(
      openingRefusal(redisStore({ url: paused.url, ledger, answerMsMax: 50 })),
      'cannot be used now: it did not answer in time.',
    )
    await ledger.close()
  })

  it('that speaks no TLS', () => expectRefusal(refusalOf(`rediss://127.0.0.1:${redis.port}`), 'cannot be reached'))

  it('that wants a password, or another one', async () => {
    const form = 'Name them in the URL: redis://user:password@host:6379, or redis://:password@host:6379 without a user.'
    await expectRefusal(refusalOf(at(locked)), `The Redis at 127.0.0.1:${locked.port} asks for a password. ${form}`)
    const wrong = `The Redis at 127.0.0.1:${locked.port} does not accept this user or password. ${form}`
    for (const login of [':secret@', 'nobody:secret@', 'default:secret@']) await expectRefusal(refusalOf(at(locked, login)), wrong)
    await (await open(locked.url)).close()
  })

  it('that has no such database', async () => {
    await expectRefusal(refusalOf(`${at(redis)}/99`), 'has no such database; leave its number out of the URL, or use a smaller one.')
    await (await open(`${at(redis)}/15?namespace=fifteen`)).close()
    expect(await redis.cli('KEYS', '{holdfast:fifteen}*')).toBe('')
  })

  it('that is a replica', async () => {
    const pair = await createRedisPair()
    onTestFinished(() => pair.remove())
    await expectRefusal(
      refusalOf(pair.replica.url),
      `The Redis at 127.0.0.1:${pair.replica.port} is a replica and takes no writes. Name its primary in --store.`,
    )
  })

  it.each(['allkeys-lru', 'volatile-ttl'])('that evicts by %s', async (policy) => {
    const evicting = await startRedis({ 'maxmemory-policy': policy })
    const sentence = `may evict keys when its memory is full (maxmemory-policy ${policy}), which would lose stock. Set it: CONFIG SET maxmemory-policy noeviction`
    await expectRefusal(refusalOf(evicting.url), sentence)
  })

  it('whose user lacks a right, each of those in the list and by name', async () => {
    const user = `redis://shop:pw@127.0.0.1:${redis.port}?namespace=rights`
    for (const right of rights) {
      await redis.cli('ACL', 'SETUSER', 'shop', 'reset', 'on', '>pw', ...aclRule.split(' '), `-${right}`)
      await expectRefusal(refusalOf(user), `does not let its user do what is needed (${right}). Give the user the rights`, aclRule)
    }
    await redis.cli('ACL', 'SETUSER', 'shop', 'reset', 'on', '>pw', ...aclRule.split(' '), '-zadd', '-rename')
    await expectRefusal(refusalOf(user), '(rename, zadd)')
    for (const keys of ['~other:*', '~{holdfast:rights}:*', '~{holdfast:rights}']) {
      await redis.cli('ACL', 'SETUSER', 'shop', 'reset', 'on', '>pw', ...aclRule.split(' '), 'resetkeys', keys)
      await expectRefusal(refusalOf(user), 'does not let its user do what is needed (', aclRule)
    }
  })

  it('unless its user has them', async () => {
    await redis.cli('ACL', 'SETUSER', 'shop', 'reset', 'on', '>pw', ...aclRule.split(' '))
    const warnings: string[] = []
    const url = `redis://shop:pw@127.0.0.1:${redis.port}/3?namespace=rights`
    await redis.cli('ACL', 'LOG', 'RESET')
    const store = await openStore(url, { ledger: inMemory, warn: (message) => void warnings.push(message) })
    await using shop = createHoldfast({ store })
    await sellSomeOfEverything(shop)
    expect(warnings).toEqual([])
    // Whoever loads it anew needs them, too.
    await redis.cli('SWAPDB', '3', '4')
    await expect.poll(() => shop.product('a').catch(() => null), { timeout: 10_000 }).toMatchObject({ stock: { total: 10, sold: 0 } })
    expect(warnings).toEqual([expect.stringContaining('It is loaded anew from the ledger')])
    expect(await redis.cli('ACL', 'LOG')).toBe('')
  })

  it('whose namespace belongs to another ledger', async () => {
    const url = newUrl()
    await (await open(url)).close()
    const [, name] = url.split('=')
    await expectRefusal(
      refusalOf(url),
      `The namespace "${name}" of the Redis at 127.0.0.1:${redis.port} belongs to another ledger. Name that one with --ledger, or another namespace in the URL: ?namespace=NAME.`,
    )
  })

  it('when the ledger is an older copy: of an older generation', async () => {
    const own = await startRedis()
    const [file, copy] = [await temporaryFile(), await temporaryFile()]
    await (await open(own.url, `sqlite:${file}`)).close()
    await copyFile(file, copy)
    await own.kill()
    await own.start()
    await (await open(own.url, `sqlite:${file}`)).close()
    await expectRefusal(
      refusalOf(own.url, `sqlite:${copy}`),
      `The ledger is an older copy: it ends at position 0 of generation 1, and it had reached position 0 of generation 2 when the Redis at 127.0.0.1:${own.port} last heard of it.`,
      'Start with the ledger that was in use; or, if that is gone for good, remove the keys {holdfast:holdfast}* from Redis.',
    )
    await (await open(own.url, `sqlite:${file}`)).close()
  })

  it('when the ledger is an older copy: of the same generation, without a sale that was acknowledged', async () => {
    const url = newUrl()
    const [file, copy] = [await temporaryFile(), await temporaryFile()]
    await (await open(url, `sqlite:${file}`)).close()
    await copyFile(file, copy)
    const shop = createHoldfast({ store: await open(url, `sqlite:${file}`) })
    accepted(await shop.createProduct({ sku: 'a', name: 'A', totalStock: 1 }))
    await shop.confirm(accepted(await shop.reserve({ userId: 'ann', items: [{ sku: 'a', quantity: 1 }] })).id)
    await shop.close()
    await expectRefusal(
      refusalOf(url, `sqlite:${copy}`),
      'The ledger is an older copy: it ends at position 0 of generation 1, and it had reached position ',
    )
    const right = await open(url, `sqlite:${file}`)
    expect(await right.product('a')).toMatchObject({ stock: { sold: 1, available: 0 } })
    await right.close()
  })

  it('when the ledger has open reservations of its own, until they have ended', async () => {
    const [url, path] = [newUrl(), await temporaryFile()]
    const ledger = `sqlite:${path}`
    const before = createHoldfast({ store: await openStore(ledger) })
    accepted(await before.createProduct({ sku: 'a', name: 'A', totalStock: 3 }))
    const [bought, held] = [await take(before), await take(before)]
    accepted(await before.confirm(bought))
    await before.close()
    await expectRefusal(
      refusalOf(url, ledger),
      'The ledger has 1 open reservations of its own, which would be lost. Stop taking new ones, wait until they have ended, and start again.',
    )
    // It is what it was: a store.
    const still = createHoldfast({ store: await openStore(ledger) })
    accepted(await still.cancel(held))
    await still.close()
    const store = await open(url, ledger)
    expect(await store.product('a')).toMatchObject({ stock: { total: 3, reserved: 0, sold: 1 } })
    await store.close()
    await expectRefusal(
      openingRefusal(openStore(ledger)),
      `${path} is the ledger of a Redis store. Open it as such: --store redis://HOST:PORT --ledger ${ledger}`,
    )

    async function take(shop: Holdfast): Promise<string> {
      return accepted(await shop.reserve({ userId: 'ann', items: [{ sku: 'a', quantity: 1 }] })).id
    }
  })

  it('unless it is a Cluster, whose user has these rights on every node', async () => {
    const cluster = await createRedisCluster()
    onTestFinished(() => cluster.remove())
    for (const node of cluster.nodes) await node.cli('ACL', 'SETUSER', 'shop', 'reset', 'on', '>pw', ...aclRule.split(' '))
    const url = cluster.url.replace('//', '//shop:pw@')
    await expectRefusal(refusalOf(`${url}/1`), 'has no such database; leave its number out of the URL', 'A Cluster has only number 0.')
    const store = await open(url)
    const outcomes = await store.execute([createProduct('a', 1), reserve('ann', { a: 1 })])
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, true])
    await store.close()
  })
})

describe('the list of rights', () => {
  it('has what the scripts and the loading run, and no more', () => {
    const folder = resolve(import.meta.dirname, '../../src/store/redis')
    const texts = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(lua|ts)$/.test(entry.name))
      .map(({ parentPath, name }) => readFileSync(resolve(parentPath, name), 'utf8'))
    const found = texts.flatMap((text) =>
      [...text.matchAll(/(?:call\(|command\(|\[)'([A-Z]+)',/g)].map(([, name = '']) => name.toLowerCase()),
    )
    // TIME has no arguments; the driver sends the others.
    expect(new Set([...found, 'time', 'scan', 'eval', 'evalsha', 'info'])).toEqual(new Set(rights))
  })

  it('is the one in docs/stores.md', () => {
    expect(readFileSync(resolve(import.meta.dirname, '../../docs/stores.md'), 'utf8')).toContain(aclRule)
  })
})

async function sellSomeOfEverything(shop: Holdfast): Promise<void> {
  accepted(await shop.createProduct({ sku: 'a', name: 'A', totalStock: 9 }))
  accepted(await shop.createProduct({ sku: 'b', name: 'B', totalStock: 9, maxPerUser: 5 }))
  const cart = { userId: 'ann', items: ['a', 'b'].map((sku) => ({ sku, quantity: 1 })), metadata: { note: 'x' } }
  const order = accepted(await shop.confirm(accepted(await shop.reserve(cart, { idempotencyKey: 'k' })).id, { metadata: { till: '3' } }))
  const held = accepted(await shop.reserve(cart))
  accepted(await shop.extend(held.id, { ttlSeconds: 900 }))
  accepted(await shop.cancel(held.id))
  accepted(await shop.updateProduct('a', { maxPerUser: 4 }))
  accepted(await shop.adjustStock('a', { delta: 1 }))
  accepted(await shop.cancelOrder(order.id))
  const last = accepted(await shop.reserve({ ...cart, ttlSeconds: 1 }))
  await expect.poll(async () => (await shop.product('b'))?.stock.reserved, { timeout: 10_000 }).toBe(0)
  expect(await shop.reservation(last.id)).toMatchObject({ status: 'expired' })
  expect((await shop.products({ limit: 9 })).data.map(({ sku }) => sku)).toEqual(['a', 'b'])
  expect((await shop.orders({ userId: 'ann', limit: 9 })).data).toHaveLength(1)
}
