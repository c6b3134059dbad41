import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { manualClock } from '../support/clock.ts'
import { startEndpoint } from '../support/endpoint.ts'
import { freshSku } from '../support/http-shop.ts'
import type { Attempt, Page, Webhook, WebhookWithSecret } from '../support/http-shapes.ts'
import { expectNoReports, refusal, startService, type Answer, type Service } from '../support/http.ts'
import { expectSigned } from '../support/webhooks.ts'

const dayMs = 24 * 60 * 60 * 1000
const clock = manualClock(Date.now())
const url = 'http://127.0.0.1:1/hooks'
let service: Service

beforeAll(async () => {
  service = await startService({ clock, webhooks: { allowPrivate: true } })
})
afterAll(async () => {
  expectNoReports(service)
  await service.close()
})

const freshKey = () => ({ 'idempotency-key': freshSku('key') })
const remove = (path: string, headers = {}) => service.send('DELETE', path, { headers })
const list = async () => (await service.get<Page<Webhook>>('/v1/webhooks?limit=200')).body.data

async function newWebhook(named: object = {}): Promise<WebhookWithSecret & { readonly path: string }> {
  const { status, body } = await service.post<WebhookWithSecret>('/v1/webhooks', { url, ...named })
  expect(status).toBe(201)
  return { ...body, path: `/v1/webhooks/${body.id}` }
}

describe('POST /v1/webhooks', () => {
  it('makes a webhook and shows its secret', async () => {
    const { status, headers, body } = await service.post<WebhookWithSecret>('/v1/webhooks', { url, events: ['order.created'] })
    expect(status).toBe(201)
    expect(body).toMatchObject({ url, events: ['order.created'], status: 'active', createdAt: new Date(clock()).toISOString() })
    expect(Buffer.from(/^whsec_([A-Za-z0-9+/]+=*)$/.exec(body.secret)![1]!, 'base64')).toHaveLength(32)
    expect(headers['location']).toBe(`/v1/webhooks/${body.id}`)
    const read = await service.get<Webhook>(headers['location'] ?? '')
    const { secret: _secret, ...shown } = body
    expect(read.body).toEqual({ ...shown, disabledReason: null, updatedAt: body.createdAt })
  })

  it('tells of every type unless some are named', async () => {
    expect((await newWebhook()).events).toEqual(['*'])
    expect((await newWebhook({ events: ['*'] })).events).toEqual(['*'])
  })

  it.each([
    [{}, '/url'],
    [{ url: 'hooks' }, '/url'],
    [{ url: 7 }, '/url'],
    [{ url: 'ftp://127.0.0.1/' }, '/url'],
    [{ url: 'http://user:word@127.0.0.1/' }, '/url'],
    [{ url: `http://127.0.0.1/${'x'.repeat(2_048)}` }, '/url'],
    [{ url, events: [] }, '/events'],
    [{ url, events: ['order.made'] }, '/events/0'],
    [{ url, events: ['order.created', 'order.created'] }, '/events'],
    [{ url, events: ['*', 'order.created'] }, '/events'],
    [{ url, events: 'order.created' }, '/events'],
    [{ url, secret: 'whsec_AAAA' }, '/secret'],
    [{ url, status: 'disabled' }, '/status'],
  ])('refuses %j', async (body, path) => {
    const answer = await service.post('/v1/webhooks', body)
    expect([answer.status, refusal(answer)]).toEqual([400, `validation_failed at ${path}`])
  })

  it('says which types there are', async () => {
    const { body } = await service.post('/v1/webhooks', { url, events: ['order.made'] })
    expect(body.errors![0]!.message).toMatch(/^must be one of reservation\.created, .*product\.updated, \*$/)
  })

  it('refuses an address that is not public, and a change to one, unless it is allowed', async () => {
    const careful = await startService({ clock, webhooks: { resolve: async () => ['10.0.0.1'] } })
    for (const wrong of ['https://127.0.0.1/', 'https://intern.example/']) {
      expect(refusal(await careful.post('/v1/webhooks', { url: wrong }))).toBe('validation_failed at /url')
    }
    const { body } = await careful.post<WebhookWithSecret>('/v1/webhooks', { url: 'https://8.8.8.8/' })
    expect(refusal(await careful.patch(`/v1/webhooks/${body.id}`, { url: 'https://[::1]/' }))).toBe('validation_failed at /url')
    expect((await careful.get<Webhook>(`/v1/webhooks/${body.id}`)).body.url).toBe('https://8.8.8.8/')
    await careful.close()
  })

  it('makes one hundred and no more', async () => {
    const small = await startService({ clock, webhooks: { allowPrivate: true } })
    for (let made = 0; made < 100; made++) await small.post('/v1/webhooks', { url })
    const answer = await small.post('/v1/webhooks', { url })
    expect([answer.status, refusal(answer)]).toEqual([409, 'webhook_limit_exceeded'])
    const [one] = (await small.get<Page<Webhook>>('/v1/webhooks')).body.data
    expect((await small.send('DELETE', `/v1/webhooks/${one!.id}`)).status).toBe(204)
    expect((await small.post('/v1/webhooks', { url })).status).toBe(201)
    await small.close()
  })
})

describe('a webhook', () => {
  it('is listed, newest first, a page at a time, without its secret', async () => {
    const made: string[] = []
    for (let count = 0; count < 5; count++) {
      clock.advance(1)
      made.unshift((await newWebhook()).id)
    }
    const seen: string[] = []
    let cursor: string | null = ''
    while (cursor !== null && seen.length < 5) {
      const page: Answer<Page<Webhook>> = await service.get(`/v1/webhooks?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
      expect(page.text).not.toContain('whsec')
      seen.push(...page.body.data.map(({ id }) => id))
      cursor = page.body.nextCursor
    }
    expect(seen.slice(0, 5)).toEqual(made)
    expect(refusal(await service.get('/v1/webhooks?cursor=x'))).toBe('validation_failed at cursor')
    expect(refusal(await service.get('/v1/webhooks?limit=0'))).toBe('validation_failed at limit')
  })

  it('can be changed, disabled and made active again', async () => {
    const { path } = await newWebhook()
    clock.advance(1_000)
    const changed = await service.patch<Webhook>(path, { url: `${url}/2`, events: ['stock.sold_out'], status: 'disabled' })
    expect([changed.status, changed.body]).toEqual([200, (await service.get(path)).body])
    expect(changed.body).toMatchObject({ url: `${url}/2`, events: ['stock.sold_out'], status: 'disabled' })
    expect(changed.body).toMatchObject({ disabledReason: 'Disabled by an operator.', updatedAt: new Date(clock()).toISOString() })
    expect((await service.patch<Webhook>(path, { url })).body).toMatchObject({ url, events: ['stock.sold_out'], status: 'disabled' })
    expect((await service.patch<Webhook>(path, { events: ['*'] })).body).toMatchObject({ url, events: ['*'], status: 'disabled' })
    expect((await service.patch<Webhook>(path, { url: `${url}/2` })).body).toMatchObject({ url: `${url}/2`, events: ['*'] })
    const active = await service.patch<Webhook>(path, { status: 'active' })
    expect(active.body).toMatchObject({ url: `${url}/2`, status: 'active', disabledReason: null })
    clock.advance(1_000)
    expect((await service.patch(path, {})).body).toEqual(active.body)
  })

  it.each([
    [{ url: null }, '/url'],
    [{ events: [] }, '/events'],
    [{ events: ['*', 'stock.adjusted'] }, '/events'],
    [{ status: 'paused' }, '/status'],
    [{ secret: 'whsec_AAAA' }, '/secret'],
  ])('is not changed by %j', async (body, path) => {
    const webhook = await newWebhook()
    expect(refusal(await service.patch(webhook.path, body))).toBe(`validation_failed at ${path}`)
  })

  it('is gone when it was deleted, and all that belongs to it', async () => {
    const { path, id } = await newWebhook()
    const answer = await remove(path)
    expect([answer.status, answer.text]).toEqual([204, ''])
    const answers = await Promise.all([
      service.get(path),
      service.get(`${path}/attempts`),
      service.patch(path, { status: 'active' }),
      remove(path),
      ...['rotate', 'test'].map((verb) => service.post(`${path}/${verb}`)),
      service.post(`${path}/replay`, { after: null }),
      ...['x', '%00', '..%2f', '0', 'webhook%2f1'].map((other) => service.get(`/v1/webhooks/${other}`)),
    ])
    expect(answers.map((one) => [one.status, refusal(one)])).toEqual(answers.map(() => [404, 'webhook_not_found']))
    expect((await list()).map((one) => one.id)).not.toContain(id)
  })

  it('gets a new secret, which is shown', async () => {
    const { path, secret, id, createdAt } = await newWebhook()
    const rotated = await service.post<WebhookWithSecret>(`${path}/rotate`)
    expect(rotated.status).toBe(200)
    expect(rotated.body).toMatchObject({ id, createdAt, secret: expect.stringMatching(/^whsec_/) as string })
    expect(rotated.body.secret).not.toBe(secret)
    expect(refusal(await service.post(`${path}/rotate`, { secret }))).toBe('validation_failed at /secret')
  })

  it('replays from a cursor, or from the beginning', async () => {
    const { path } = await newWebhook()
    await service.post('/v1/products', { sku: freshSku(), name: 'x', totalStock: 1 })
    const { nextCursor } = (await service.get<Page<object>>('/v1/events')).body
    for (const after of [nextCursor, null, '0']) expect((await service.post(`${path}/replay`, { after })).status).toBe(202)
    for (const body of [{ after: 'yesterday' }, { after: 7 }, {}]) {
      expect(refusal(await service.post(`${path}/replay`, body))).toBe('validation_failed at /after')
    }
  })
})

describe('POST /v1/webhooks/{id}/test', () => {
  it('sends an event of its own, signed, and tells what came of it', async () => {
    const endpoint = await startEndpoint((response) => response.writeHead(200).end('hello'))
    const { path, id, secret } = await newWebhook({ url: endpoint.url, events: ['order.created'] })
    const { status, body } = await service.post<Attempt>(`${path}/test`)
    expect(status).toBe(200)
    expect(body).toMatchObject({ eventType: 'webhook.test', outcome: 'delivered', statusCode: 200, reason: null, response: 'hello' })
    const [request] = endpoint.received
    expectSigned(request!, secret)
    expect(JSON.parse(request!.body)).toMatchObject({ specversion: '1.0', id: body.eventId, type: 'webhook.test', subject: id })
    expect(request!.headers['webhook-id']).toBe(body.eventId)
  })

  it('carries both signatures after a rotation', async () => {
    const endpoint = await startEndpoint()
    const { path, secret } = await newWebhook({ url: endpoint.url })
    const rotated = await service.post<WebhookWithSecret>(`${path}/rotate`)
    await service.post(`${path}/test`)
    for (const one of [secret, rotated.body.secret]) expectSigned(endpoint.received[0]!, one)
  })

  it('tells why it failed', async () => {
    const { path } = await newWebhook()
    const { status, body } = await service.post<Attempt>(`${path}/test`)
    expect([status, body.outcome, body.statusCode, body.reason]).toEqual([200, 'failed', null, 'It refused the connection.'])
  })

  it('disables an endpoint that is gone', async () => {
    const endpoint = await startEndpoint((response) => response.writeHead(410).end())
    const { path } = await newWebhook({ url: endpoint.url })
    expect((await service.post<Attempt>(`${path}/test`)).body.statusCode).toBe(410)
    const { body } = await service.get<Webhook>(path)
    expect([body.status, body.disabledReason]).toEqual(['disabled', 'It answered 410: it is gone.'])
  })
})

describe('GET /v1/webhooks/{id}/attempts', () => {
  it('has the last hundred, newest first', async () => {
    const endpoint = await startEndpoint((response) => response.writeHead(500).end('x'.repeat(2_000)))
    const { path } = await newWebhook({ url: endpoint.url })
    expect((await service.get<Page<Attempt>>(`${path}/attempts`)).body).toEqual({ data: [], nextCursor: null })
    const ids: string[] = []
    for (let count = 0; count < 103; count++) ids.unshift((await service.post<Attempt>(`${path}/test`)).body.id)
    const first = await service.get<Page<Attempt>>(`${path}/attempts?limit=60`)
    const second = await service.get<Page<Attempt>>(`${path}/attempts?limit=60&cursor=${first.body.nextCursor}`)
    expect([...first.body.data, ...second.body.data].map(({ id }) => id)).toEqual(ids.slice(0, 100))
    expect([second.body.nextCursor, first.body.data[0]!.response!.length]).toEqual([null, 500])
    expect(refusal(await service.get(`${path}/attempts?cursor=1`))).toBe('validation_failed at cursor')
    expect(refusal(await service.get(`${path}/attempts?after=1`))).toBe('validation_failed at after')
  })
})

describe('the same request under the same key', () => {
  const writes: Readonly<Record<string, (path: string, headers: { readonly 'idempotency-key': string }) => Promise<Answer>>> = {
    'POST /v1/webhooks': (_path, headers) => service.post('/v1/webhooks', { url, events: ['order.created'] }, headers),
    'PATCH /v1/webhooks/{id}': (path, headers) => service.patch(path, { status: 'disabled' }, headers),
    'DELETE /v1/webhooks/{id}': (path, headers) => remove(path, headers),
    'POST /v1/webhooks/{id}/rotate': (path, headers) => service.post(`${path}/rotate`, undefined, headers),
    'POST /v1/webhooks/{id}/test': (path, headers) => service.post(`${path}/test`, undefined, headers),
    'POST /v1/webhooks/{id}/replay': (path, headers) => service.post(`${path}/replay`, { after: null }, headers),
  }

  it.each(Object.entries(writes))('has one effect and one answer: %s', async (_route, write) => {
    const { path } = await newWebhook()
    const headers = freshKey()
    const before = (await list()).length
    // At the same moment, and later, whatever happened since.
    const together = await Promise.all(Array.from({ length: 5 }, () => write(path, headers)))
    await service.patch(path, { events: ['stock.adjusted'] })
    clock.advance(dayMs - 1)
    const later = await write(path, headers)
    const seen = [...together, later].map((answer) => [answer.status, answer.text, answer.headers['location']])
    expect(new Set(seen.map((one) => JSON.stringify(one))).size).toBe(1)
    const first = together.filter((answer) => answer.headers['idempotent-replayed'] === undefined)
    expect([first.length, later.headers['idempotent-replayed']]).toEqual([1, 'true'])
    expect(Math.abs((await list()).length - before)).toBeLessThanOrEqual(1)
  })

  it('is another one after a day', async () => {
    const headers = freshKey()
    const first = await service.post<WebhookWithSecret>('/v1/webhooks', { url }, headers)
    clock.advance(dayMs)
    const second = await service.post<WebhookWithSecret>('/v1/webhooks', { url }, headers)
    expect([second.status, second.headers['idempotent-replayed'], second.body.id === first.body.id]).toEqual([201, undefined, false])
    const third = await service.post<WebhookWithSecret>('/v1/webhooks', { url }, headers)
    expect([third.headers['idempotent-replayed'], third.text]).toEqual(['true', second.text])
  })

  it('is refused where it is another request, or of another webhook', async () => {
    const [one, two] = [await newWebhook(), await newWebhook()]
    const [made, changed, rotated] = [freshKey(), freshKey(), freshKey()]
    await service.post('/v1/webhooks', { url }, made)
    await service.patch(one.path, { status: 'disabled' }, changed)
    await service.post(`${one.path}/rotate`, undefined, rotated)
    const answers = [
      await service.post('/v1/webhooks', { url: `${url}/2` }, made),
      await service.patch(one.path, { status: 'active' }, changed),
      await service.post(`${two.path}/rotate`, undefined, rotated),
    ]
    expect(answers.map((answer) => [answer.status, refusal(answer)])).toEqual(answers.map(() => [422, 'idempotency_key_reused']))
    expect((await service.get<Webhook>(one.path)).body.status).toBe('disabled')
    expect(refusal(await service.post('/v1/webhooks', { url }, { 'idempotency-key': 'ä' }))).toBe('validation_failed at Idempotency-Key')
  })

  it('is remembered of the making and of the last ten others', async () => {
    const headers = freshKey()
    const { body, text } = await service.post<WebhookWithSecret>('/v1/webhooks', { url }, headers)
    const keys = Array.from({ length: 12 }, freshKey)
    for (const key of keys) await service.post(`/v1/webhooks/${body.id}/rotate`, undefined, key)
    const again = async (key: { readonly 'idempotency-key': string }) =>
      (await service.post(`/v1/webhooks/${body.id}/rotate`, undefined, key)).headers['idempotent-replayed']
    expect([await again(keys[2]!), await again(keys[11]!)]).toEqual(['true', 'true'])
    expect((await service.post('/v1/webhooks', { url }, headers)).text).toBe(text)
    expect(await again(keys[1]!)).toBeUndefined()
  })
})
