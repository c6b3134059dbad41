import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { manualClock } from '../support/clock.ts'
import { booksOf, buy, freshSku, putOnSale, reservationOf, reserve, stockOf } from '../support/http-shop.ts'
import type { Order, Reservation } from '../support/http-shapes.ts'
import { expectNoReports, refusal, startService, type Answer, type Service } from '../support/http.ts'

let service: Service
const clock = manualClock()
const dayMs = 24 * 60 * 60 * 1_000

beforeAll(async () => {
  service = await startService({ clock })
})
afterAll(async () => {
  expectNoReports(service)
  await service.close()
})

const freshKey = () => ({ 'idempotency-key': freshSku('key') })
const onSale = () => putOnSale(service, 100)
const reserved = async () => `/v1/reservations/${(await reserve(service, await onSale(), { ttlSeconds: 1_000 })).id}`
const bought = async () => `/v1/orders/${(await buy(service, await onSale())).id}`

interface Write {
  readonly method?: 'PATCH'
  /** A path on which the write is possible once; another each time. */
  readonly path: () => Promise<string>
  readonly body: () => Promise<object>
  /** The same with something else in it. */
  readonly other: (body: object) => object
  readonly status: 200 | 201
  /** Afterwards, so that the truth is no longer what the first answer said. */
  readonly later?: (path: string, first: Answer<{ id: string; sku: string }>) => Promise<unknown>
}

const writes: Readonly<Record<string, Write>> = {
  'POST /v1/products': {
    path: async () => '/v1/products',
    body: async () => ({ sku: freshSku(), name: 'x', totalStock: 9 }),
    other: (body) => ({ ...body, totalStock: 8 }),
    status: 201,
    later: (_path, { body }) => service.patch(`/v1/products/${body.sku}`, { name: 'changed' }),
  },
  'PATCH /v1/products/{sku}': {
    method: 'PATCH',
    path: async () => `/v1/products/${await onSale()}`,
    body: async () => ({ description: 'x', maxPerUser: 5 }),
    other: (body) => ({ ...body, maxPerUser: null }),
    status: 200,
    later: (path) => service.patch(path, { description: 'changed' }),
  },
  'POST /v1/products/{sku}/stock-adjustments': {
    path: async () => `/v1/products/${await onSale()}/stock-adjustments`,
    body: async () => ({ delta: 5, reason: 'x' }),
    other: (body) => ({ ...body, reason: 'y' }),
    status: 200,
    later: (path) => service.post(path, { delta: 1 }),
  },
  'POST /v1/reservations': {
    path: async () => '/v1/reservations',
    body: async () => ({ ...reservationOf(await onSale()), ttlSeconds: 60, metadata: { a: '1', b: '2' } }),
    other: (body) => ({ ...body, ttlSeconds: 61 }),
    status: 201,
    later: (_path, { body }) => service.post(`/v1/reservations/${body.id}/cancel`),
  },
  'POST /v1/reservations/{id}/confirm': {
    path: async () => `${await reserved()}/confirm`,
    body: async () => ({ userId: 'ada', metadata: { a: '1' } }),
    other: (body) => ({ ...body, metadata: {} }),
    status: 201,
    later: (_path, { body }) => service.post(`/v1/orders/${body.id}/cancel`),
  },
  'POST /v1/reservations/{id}/cancel': {
    path: async () => `${await reserved()}/cancel`,
    body: async () => ({ userId: 'ada' }),
    other: () => ({}),
    status: 200,
  },
  'POST /v1/reservations/{id}/extend': {
    path: async () => `${await reserved()}/extend`,
    body: async () => ({ ttlSeconds: 2_000, userId: 'ada' }),
    other: () => ({ ttlSeconds: 2_000 }),
    status: 200,
    later: (path) => service.post(path.replace('extend', 'cancel')),
  },
  'POST /v1/orders/{id}/cancel': {
    path: async () => `${await bought()}/cancel`,
    body: async () => ({ reason: 'x' }),
    other: () => ({}),
    status: 200,
  },
}

/** How many events there are: one more for every effect. */
async function countEvents(): Promise<number> {
  let count = 0
  for (let cursor = '0'; ;) {
    const { body } = await service.get<{ data: unknown[]; nextCursor: string }>(`/v1/events?after=${cursor}&limit=200`)
    if (body.data.length === 0) return count
    count += body.data.length
    cursor = body.nextCursor
  }
}

describe.each(Object.entries(writes))('%s', (_route, { method = 'POST', path, body, other, status, later }) => {
  type Told = Answer<{ id: string; sku: string }>
  const send = (where: string, what: object, headers: Record<string, string>) =>
    service.send<Told['body']>(method, where, { body: what, headers })
  const same = ({ status: code, text, headers }: Answer) => ({ code, text, location: headers.location, type: headers['content-type'] })

  it('I2 answers a repeat with the same key byte for byte, whatever happened since', async () => {
    const [where, what, key] = [await path(), await body(), freshKey()]
    const first = await send(where, what, key)
    expect(first.status).toBe(status)
    expect(first.headers).not.toHaveProperty('idempotent-replayed')
    clock.advance(7_777)
    await later?.(where, first)
    const events = await countEvents()
    for (let n = 0; n < 3; n++) {
      const again = await send(where, what, key)
      expect(same(again)).toEqual(same(first))
      expect(again.headers['idempotent-replayed']).toBe('true')
    }
    expect(await countEvents()).toBe(events)
  })

  it('I3 refuses the key for another body and another id, without effect', async () => {
    const [where, what, key] = [await path(), await body(), freshKey()]
    const first = await send(where, what, key)
    const elsewhere = await path()
    const events = await countEvents()
    expect(refusal((await send(where, other(what), key)) as never)).toBe('idempotency_key_reused')
    if (elsewhere !== where) expect(refusal((await send(elsewhere, what, key)) as never)).toBe('idempotency_key_reused')
    expect(await countEvents()).toBe(events)
    expect(same(await send(where, what, key))).toEqual(same(first))
  })

  it('I1 I4 has one effect for 50 at once, and gives all of them the same answer', async () => {
    const [where, what, key] = [await path(), await body(), freshKey()]
    const events = await countEvents()
    const answers = await Promise.all(Array.from({ length: 50 }, () => send(where, what, key)))
    expect(new Set(answers.map((answer) => JSON.stringify(same(answer)))).size).toBe(1)
    expect(answers[0]!.status).toBe(status)
    expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === 'true')).toHaveLength(49)
    expect(await countEvents()).toBe(events + (where.endsWith('/confirm') ? 2 : 1))
  })

  it('takes equal JSON for the same request, in any order and spelling', async () => {
    const [where, what, key] = [await path(), await body(), freshKey()]
    const first = await send(where, what, key)
    const turned = Object.fromEntries(
      Object.entries(what)
        .map(([name, value]: [string, unknown]) => [
          name,
          name === 'metadata' ? Object.fromEntries(Object.entries(value as object).toReversed()) : value,
        ])
        .toReversed() as [string, unknown][],
    )
    const spelled = JSON.stringify(turned, null, 2)
      .replace('"x"', '"\\u0078"')
      .replace(/: (\d+)(?=[,\n])/, ': $1.0')
    const again = await service.send(method, where, { raw: spelled, headers: key })
    expect(same(again)).toEqual(same(first))
    expect(again.headers['idempotent-replayed']).toBe('true')
  })
})

describe('a key', () => {
  it('may be used on every route: each has a scope of its own', async () => {
    const key = freshKey()
    for (const { method = 'POST', path, body, status } of Object.values(writes)) {
      const answer = await service.send(method, await path(), { body: await body(), headers: key })
      expect(answer.status).toBe(status)
      expect(answer.headers).not.toHaveProperty('idempotent-replayed')
    }
  })

  it('is not used up by a refusal', async () => {
    const [sku, key] = [await putOnSale(service, 0), freshKey()]
    const ask = () => service.post('/v1/reservations', reservationOf(sku), key)
    for (let n = 0; n < 2; n++) {
      const refused = await ask()
      expect(refusal(refused)).toBe('insufficient_stock')
      expect(refused.headers).not.toHaveProperty('idempotent-replayed')
    }
    expect(refusal(await service.post('/v1/reservations', { userId: '' }, key))).toBe('validation_failed at /items /userId')
    await service.post(`/v1/products/${sku}/stock-adjustments`, { delta: 1 })
    const { status, headers } = await ask()
    expect(status).toBe(201)
    expect(headers).not.toHaveProperty('idempotent-replayed')
    expect((await ask()).headers['idempotent-replayed']).toBe('true')
    expect(await stockOf(service, sku)).toMatchObject({ reserved: 1, version: 3 })
  })

  it('is remembered for 24 hours, by the clock of the store', async () => {
    const [sku, key] = [await putOnSale(service, 10), freshKey()]
    const ask = async () => (await service.post<Reservation>('/v1/reservations', reservationOf(sku), key)).body.id
    const first = await ask()
    clock.advance(dayMs - 1)
    expect(await ask()).toBe(first)
    clock.advance(2)
    expect(await ask()).not.toBe(first)
  })

  it('is told apart by every character', async () => {
    const sku = await putOnSale(service, 10)
    const keys = ['k', 'K', 'k1', 'k 1', 'k.1', '"k"', 'k'.repeat(255), 'k'.repeat(254)]
    for (const key of keys) await service.post('/v1/reservations', reservationOf(sku), { 'idempotency-key': key })
    expect((await stockOf(service, sku)).reserved).toBe(keys.length)
  })

  it('repeats what a second confirm was told as well: 200, the same order', async () => {
    const where = `${await reserved()}/confirm`
    const [one, two] = [freshKey(), freshKey()]
    const first = await service.post<Order>(where, {}, one)
    const second = await service.post<Order>(where, {}, two)
    expect([first.status, second.status, second.text]).toEqual([201, 200, first.text])
    expect((await service.post(where, {}, one)).status).toBe(201)
    const replayed = await service.post(where, {}, two)
    expect([replayed.status, replayed.text, replayed.headers['idempotent-replayed']]).toEqual([200, first.text, 'true'])
  })
})

describe('a body that is left out', () => {
  it.each([
    ['confirm', async () => `${await reserved()}/confirm`],
    ['cancel', async () => `${await reserved()}/cancel`],
    ['cancel of an order', async () => `${await bought()}/cancel`],
  ])('equals {} for %s', async (_name, path) => {
    const [where, key] = [await path(), freshKey()]
    const first = await service.post(where, undefined, key)
    const again = await service.post(where, {}, key)
    expect([again.status, again.text, again.headers['idempotent-replayed']]).toEqual([first.status, first.text, 'true'])
    const third = await service.send('POST', where, { headers: { ...key, 'content-type': 'application/json' } })
    expect(third.headers['idempotent-replayed']).toBe('true')
  })

  it('equals {} for PATCH', async () => {
    const [where, key] = [`/v1/products/${await onSale()}`, freshKey()]
    await service.patch(where, {}, key)
    expect((await service.patch(where, undefined, key)).headers['idempotent-replayed']).toBe('true')
  })
})

describe('without a key', () => {
  it('every request is its own', async () => {
    const sku = await onSale()
    const ids = [await reserve(service, sku), await reserve(service, sku)].map(({ id }) => id)
    expect(new Set(ids).size).toBe(2)
    expect(await booksOf(service, sku)).toBe('100 total, 2 reserved, 0 sold, 98 available, version 3')
  })
})
