import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLog } from '../../src/operation/log.ts'
import { Fault, openStore } from '../../src/index.ts'
import { putOnSale, reservationOf, reserve } from '../support/http-shop.ts'
import { expectNoReports, startService, type Service } from '../support/http.ts'

let service: Service

beforeAll(async () => {
  service = await startService()
})
afterAll(async () => {
  expectNoReports(service)
  await service.close()
})

describe('health', () => {
  it('answers /livez and /readyz with 200', async () => {
    for (const path of ['/livez', '/readyz']) {
      const { status, headers, body } = await service.get<{ status: string }>(path)
      expect(status).toBe(200)
      expect(headers['content-type']).toMatch(/^application\/json/)
      expect(body.status).toMatch(/\S/)
    }
    expect((await service.get('/readyz')).body).toEqual({ status: 'ready', parts: { store: 'ready' } })
  })
})

describe('metrics', () => {
  it('answers Prometheus text: every line a comment or a sample', async () => {
    const { status, headers, text } = await service.get('/metrics')
    expect(status).toBe(200)
    expect(headers['content-type']).toMatch(/^text\/plain/)
    const lines = text.trimEnd().split('\n')
    expect(lines.length).toBeGreaterThan(5)
    for (const line of lines) if (line !== '') expect(line).toMatch(/^(?:# (?:HELP|TYPE) \w+ .+|\w+(?:\{[^}]*\})? [-+\d.eInfNa]+)$/)
  })

  it('counts commands by type and outcome', async () => {
    const count = async (outcome: string) => {
      const { text } = await service.get('/metrics')
      return Number(new RegExp(`^holdfast_commands_total\\{type="reserve",outcome="${outcome}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
    }
    const outcomes = ['accepted', 'replayed', 'insufficient_stock']
    const before = await Promise.all(outcomes.map(count))
    const sku = await putOnSale(service, 3)
    const key = { 'idempotency-key': 'metrics' }
    await reserve(service, sku)
    await service.post('/v1/reservations', reservationOf(sku), key)
    for (let n = 0; n < 3; n++) await service.post('/v1/reservations', reservationOf(sku), key)
    await service.post('/v1/reservations', reservationOf(sku, { quantity: 2 }))
    const after = await Promise.all(outcomes.map(count))
    expect(after.map((value, index) => value - before[index]!)).toEqual([2, 3, 1])
  })
})

describe('what is counted of requests', () => {
  const sum = (text: string, name: string, labels: string): number => {
    const lines = text.matchAll(new RegExp(`^${name}\\{${labels}[^}]*\\} (\\S+)$`, 'gm'))
    return [...lines].reduce((total, [, value]) => total + Number(value), 0)
  }
  const seen = async (name: string, labels = ''): Promise<number> => sum((await service.get('/metrics')).text, name, labels)

  it('is each answer, by method, route and status, whatever clients make up', async () => {
    const requests = 'holdfast_http_requests_total'
    const labels = [
      'method="GET",route="/v1/products/:sku",status="404"',
      'method="HEAD",route="/livez",status="200"',
      'method="GET",route="unknown",status="404"',
      'method="_OTHER",route="/livez",status="405"',
      'method="POST",route="/v1/reservations",status="400"',
    ]
    const before = (await service.get('/metrics')).text
    for (let n = 0; n < 3; n++) await service.get(`/v1/products/none-${n}`)
    await service.send('HEAD', '/livez')
    for (let n = 0; n < 2; n++) await service.get(`/made-up/${n}`)
    await service.send('PROPFIND', '/livez')
    await service.post('/v1/reservations', {})
    const after = (await service.get('/metrics')).text
    expect(labels.map((label) => sum(after, requests, label) - sum(before, requests, label))).toEqual([3, 1, 2, 1, 1])
    const counted = (text: string) => sum(text, 'holdfast_http_request_duration_seconds_count', 'method="GET",route="/v1/products/:sku"')
    expect(counted(after) - counted(before)).toBe(3)
    const problems = (text: string) =>
      ['product_not_found', 'not_found', 'method_not_allowed', 'validation_failed'].map((code) =>
        sum(text, 'holdfast_http_problems_total', `code="${code}"`),
      )
    expect(problems(after).map((count, index) => count - problems(before)[index]!)).toEqual([3, 2, 1, 1])
    expect(after).not.toMatch(/none-0|made-up|PROPFIND/)
  })

  it('is also what is open: connections, and streams until their listener goes', async () => {
    const gauge = async (name: string): Promise<number> =>
      Number(new RegExp(`^${name} (\\d+)$`, 'm').exec((await service.get('/metrics')).text)?.[1])
    expect(await gauge('holdfast_http_open_connections')).toBeGreaterThan(0)
    const sku = await putOnSale(service, 1)
    const before = await seen('holdfast_http_requests_total', 'method="GET",route="/v1/stock/stream",status="200"')
    const listener = new AbortController()
    await fetch(`${service.address}/v1/stock/stream?sku=${sku}`, { signal: listener.signal })
    expect(await gauge('holdfast_http_open_streams')).toBe(1)
    expect(await seen('holdfast_http_requests_total', 'method="GET",route="/v1/stock/stream",status="200"')).toBe(before + 1)
    listener.abort()
    await expect.poll(() => gauge('holdfast_http_open_streams')).toBe(0)
  })
})

describe('a request id', () => {
  it('comes back as it was sent, unless it could mislead whoever reads a log', async () => {
    const ids = { 'abc-123/x.y:z': true, ['x'.repeat(129)]: false, 'a b': false, '"}{': false, '': false }
    for (const [id, comesBack] of Object.entries(ids)) {
      for (const path of ['/livez', '/v1/products/none', '/nothing']) {
        const { headers } = await service.get(path, { 'x-request-id': id })
        expect(headers['x-request-id']).toBe(comesBack ? id : undefined)
      }
    }
  })
})

describe('the log of a service', () => {
  const secrets = ['Bearer-of-secrets', 'a-value-of-the-query', 'a-user-of-the-body']

  async function logged(level: 'info' | 'debug', work: (one: Service) => Promise<unknown>) {
    const lines: string[] = []
    const log = createLog({ level, format: 'json', write: (line) => lines.push(line) })
    const store = await openStore('sqlite::memory:')
    const broken = {
      ...store,
      orders: () => Promise.reject(new Error('a bug')),
      nextDueInMs: () => Promise.reject(new Fault('store_unavailable', 'away')),
    }
    const one = await startService({ store: broken, app: { log, parts: () => ({ rabbitmq: 'resting' }) }, report: log.fault })
    await work(one)
    await one.close()
    log.flush()
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  it('names the request whose answer was a failure, and shows no credentials, bodies or query strings', async () => {
    let id = ''
    const lines = await logged('debug', async (one) => {
      const failed = await one.get(`/v1/orders?userId=${secrets[1]}`, { authorization: `Bearer ${secrets[0]}` })
      id = String(failed.headers['x-request-id'])
      await one.post('/v1/reservations', { userId: secrets[2], items: [{ sku: 'none', quantity: 1 }] })
    })
    expect(lines).toContainEqual(expect.objectContaining({ level: 'error', code: 'internal', message: 'a bug', requestId: id }))
    expect(lines).toContainEqual(expect.objectContaining({ level: 'debug', method: 'GET', path: '/v1/orders', status: 500, requestId: id }))
    expect(lines).toContainEqual(expect.objectContaining({ level: 'info', message: 'refused', code: 'product_not_found', count: 1 }))
    for (const secret of secrets) expect(JSON.stringify(lines)).not.toContain(secret)
  })

  it('has no line for each request otherwise; /readyz tells which part is away', async () => {
    const lines = await logged('info', async (one) => {
      for (let n = 0; n < 20; n++) await one.get('/v1/products/none')
      const { status, body } = await one.get<{ code: string; parts: object }>('/readyz')
      expect([status, body.code, body.parts]).toEqual([503, 'store_unavailable', { store: 'unavailable', rabbitmq: 'resting' }])
    })
    expect(lines.map(({ message, code, count }) => [message, code, count])).toEqual([
      ['away', 'store_unavailable', undefined],
      ['refused', 'product_not_found', 20],
    ])
  })
})

describe('documentation', () => {
  it('answers a readable page at /docs, with what it needs', async () => {
    const { status, headers, text } = await service.get('/docs')
    expect(status).toBe(200)
    expect(headers['content-type']).toMatch(/^text\/html/)
    const assets = [...text.matchAll(/(?:href|src)="(\/docs\/[^"]+)"/g)].map(([, path = '']) => path)
    expect(assets.length).toBeGreaterThan(2)
    for (const path of assets) expect({ path, status: (await service.get(path)).status }).toEqual({ path, status: 200 })
  })
})
