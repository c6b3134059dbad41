import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { stranger, type Identify } from '../../src/http/caller.ts'
import { networkOf } from '../../src/http/limits/client.ts'
import { manualClock } from '../support/clock.ts'
import { putOnSale, reservationOf } from '../support/http-shop.ts'
import { expectNoReports, refusal, startService, type Answer, type Headers, type Service, type StartOptions } from '../support/http.ts'

const limit = { max: 3, windowMs: 60_000 }
const clock = manualClock(0)
/** Everybody may do everything. */
let service: Service
/** Keys are needed. */
let guarded: Service

function start(app: NonNullable<StartOptions['app']> = {}): Promise<Service> {
  return startService({ app: { requests: { limits: { requests: limit, flash: { ...limit, max: 2 } }, now: clock }, ...app } })
}

beforeAll(async () => {
  service = await start()
  guarded = await start({ identify })
})
beforeEach(() => {
  clock.advance(limit.windowMs)
})
afterAll(async () => {
  for (const one of [service, guarded]) {
    expectNoReports(one)
    await one.close()
  }
})

function limitsOf({ status, headers }: Answer): string {
  const told = ['limit', 'remaining', 'reset'].map((name) => String(headers[`ratelimit-${name}`] ?? '–'))
  return `${status} ${told.join(' ')}`
}

/** As identity.ts will: a key is its own name, and everything else is wrong. */
const identify: Identify = ({ headers: { authorization } }) => {
  if (authorization === undefined) return stranger
  const name = authorization.slice('Bearer '.length)
  return name.startsWith('key-') ? { role: 'service', name, userId: null } : 'The key is not known.'
}
async function statusOf({ address }: Service, headers: Headers = {}): Promise<number> {
  return (await fetch(`${address}/v1/orders`, { headers })).status
}
const as = (key: string): Headers => ({ authorization: `Bearer ${key}` })

describe('a limit of requests', () => {
  it('is told with every answer, and beyond it the answer is 429 until the window is over', async () => {
    const sku = await putOnSale(service, 5)
    expect(limitsOf(await service.get('/v1/products'))).toBe('200 3 1 60')
    clock.advance(20_001)
    // A refusal counts like any other answer.
    expect(limitsOf(await service.get('/v1/products/nothing'))).toBe('404 3 0 40')
    const refused = await service.post('/v1/reservations', reservationOf(sku))
    expect(limitsOf(refused)).toBe('429 3 0 40')
    expect(refused.headers['retry-after']).toBe('40')
    expect([refusal(refused), refused.body.detail]).toEqual(['rate_limited', 'This client may ask 3 times in 60 seconds here.'])
    clock.advance(39_998)
    expect((await service.get('/v1/products')).status).toBe(429)
    clock.advance(1)
    expect(limitsOf(await service.get('/v1/products'))).toBe('200 3 2 60')
    expect((await service.get(`/v1/products/${sku}/stock`)).body).toMatchObject({ reserved: 0 })
  })

  it('is refused before the body is read, and counts HEAD once', async () => {
    expect(limitsOf(await service.send('HEAD', '/v1/products'))).toBe('200 3 2 60')
    for (let n = 0; n < 2; n++) await service.get('/v1/products')
    expect((await service.send('POST', '/v1/reservations', { raw: '{' })).status).toBe(429)
  })

  it('is not of probes, metrics, documentation, and paths that do not exist', async () => {
    for (const path of ['/livez', '/readyz', '/metrics', '/docs', '/openapi.json', '/v1/nothing']) {
      for (let n = 0; n < 5; n++) {
        const answer = await service.get(path)
        expect([path, answer.status, answer.headers['ratelimit-limit']]).toEqual([path, path === '/v1/nothing' ? 404 : 200, undefined])
      }
    }
    expect((await service.send('PUT', '/v1/products')).status).toBe(405)
    expect(limitsOf(await service.get('/v1/products'))).toBe('200 3 2 60')
  })

  it('is another on the routes of the Flash deal API together, told in its words', async () => {
    const paths = ['/api/products/a/status', '/api/products/b/status', '/api/products/a/status']
    const answers: Answer[] = []
    for (const path of paths) answers.push(await service.get(path))
    expect(answers.map(limitsOf)).toEqual(['404 2 1 60', '404 2 0 60', '429 2 0 60'])
    expect(answers[2]).toMatchObject({
      headers: { 'retry-after': '60' },
      body: { code: 'rate_limited', error: expect.any(String) as string },
    })
    expect(limitsOf(await service.get('/v1/products'))).toBe('200 3 2 60')
  })

  it('is documented on every route that has one', () => {
    const unlimited = ['/livez', '/readyz']
    const operations = Object.entries(service.openapi.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { responses }]) => ({
        name: `${method} ${path}`,
        isLimited: !unlimited.includes(path),
        codes: Object.keys(responses),
      })),
    )
    expect(operations.filter(({ isLimited, codes }) => codes.includes('429') !== isLimited).map(({ name }) => name)).toEqual([])
  })

  it('is off unless somebody sets it', async () => {
    const unlimited = await startService()
    for (let n = 0; n < 10; n++) expect(limitsOf(await unlimited.get('/v1/products'))).toBe('200 – – –')
    await unlimited.close()
  })
})

describe('who is counted', () => {
  it('is a key or a user by its name, and a stranger by the address', async () => {
    const read = async (headers?: Headers) => (await guarded.get('/v1/orders', headers)).headers['ratelimit-remaining']
    expect([await read(as('key-a')), await read(as('key-a')), await read(as('key-b'))]).toEqual(['2', '1', '2'])
    // Where anybody may come, nobody looks at keys.
    const open = async (headers?: Headers) => (await guarded.get('/v1/products', headers)).headers['ratelimit-remaining']
    expect([await open(), await open(as('key-a'))]).toEqual(['2', '1'])
  })

  it('is the address that a trusted proxy tells, and nobody else may tell one', async () => {
    const from = (address: string): Headers => ({ 'x-forwarded-for': address })
    const ask = async (one: Service, address: string) => (await one.get('/v1/products', from(address))).headers['ratelimit-remaining']
    const behind = await start({ trustProxy: ['127.0.0.0/8', '10.0.0.0/8'] })
    // The last that is not a proxy: whatever a client has put before it is its own invention.
    const addresses = [
      '1.1.1.1',
      '2.2.2.2, 1.1.1.1',
      '2.2.2.2',
      '1.1.1.1, 10.1.1.1',
      '2001:db8:0:1::1',
      '2001:db8:0:1:ffff::2',
      '2001:db8:0:2::1',
    ]
    const left: unknown[] = []
    for (const address of addresses) left.push(await ask(behind, address))
    expect(left).toEqual(['2', '1', '2', '0', '2', '1', '2'])
    expect([await ask(behind, 'what'), await ask(behind, '9'.repeat(500))]).toEqual(['2', '1'])
    await behind.close()
    expect([await ask(service, '1.1.1.1'), await ask(service, '2.2.2.2')]).toEqual(['2', '1'])
  })

  it('is of IPv6 the network of 64 bits', () => {
    expect(
      [
        '1.2.3.4',
        '::ffff:1.2.3.4',
        '::1',
        '::',
        '2001:DB8::1',
        '2001:db8:0:0:1:2:3:4',
        '1:2:3:4:5:6:7:8',
        '1:2:3::8',
        '1::',
        'fe80::1%eth0',
      ].map(networkOf),
    ).toEqual(['1.2.3.4', '1.2.3.4', '0:0:0:0', '0:0:0:0', '2001:db8:0:0', '2001:db8:0:0', '1:2:3:4', '1:2:3:0', '1:0:0:0', 'fe80:0:0:0'])
  })
})

describe('guessing keys', () => {
  it('ends after as many wrong ones as there may be requests: the next is not looked at, be it right', async () => {
    for (let n = 0; n < 3; n++) expect(await statusOf(guarded, as(`wrong-${n}`))).toBe(401)
    const refused = await guarded.get('/v1/orders', as('key-a'))
    expect(limitsOf(refused)).toBe('429 3 0 60')
    expect(refused.headers['retry-after']).toBe('60')
    expect((await guarded.get('/metrics', as('key-a'))).status).toBe(429)
    // What takes no key goes on.
    expect((await guarded.get('/v1/products', as('key-a'))).status).toBe(200)
    clock.advance(60_000)
    expect((await guarded.get('/v1/orders', as('key-a'))).status).toBe(200)
  })

  it('is not to come without a key', async () => {
    for (let n = 0; n < 5; n++) expect(await statusOf(guarded)).toBe(401)
    expect((await guarded.get('/v1/orders', as('key-a'))).status).toBe(200)
  })
})
