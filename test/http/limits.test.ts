import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshSku, putOnSale, reservationOf, reserve } from '../support/http-shop.ts'
import type { Order, Product, Reservation } from '../support/http-shapes.ts'
import { expectNoReports, refusal, startService, type Answer, type Service } from '../support/http.ts'

let service: Service
let sku: string

beforeAll(async () => {
  service = await startService()
  sku = await putOnSale(service, 1_000_000_000)
})
afterAll(async () => {
  expectNoReports(service)
  await service.close()
})

const astral = '😀'
const text = (length: number, unit = 'x') => unit.repeat(length)

type Post = (value: unknown) => Promise<Answer>

const product: (name: string) => Post = (name) => (value) =>
  service.post('/v1/products', { sku: freshSku(), name: 'x', totalStock: 1, [name]: value })
const reservation: (name: string) => Post = (name) => (value) => service.post('/v1/reservations', { ...reservationOf(sku), [name]: value })
const quantity: Post = (value) => service.post('/v1/reservations', { userId: 'ada', items: [{ sku, quantity: value }] })
const patch: (name: string) => Post = (name) => async (value) =>
  service.patch(`/v1/products/${await putOnSale(service, 1)}`, { [name]: value })
const adjust: Post = async (delta) =>
  service.post(`/v1/products/${await putOnSale(service, Math.max(0, -Number(delta)) % 1_000_000_001)}/stock-adjustments`, { delta })
const extend: Post = async (ttlSeconds) => service.post(`/v1/reservations/${(await reserve(service, sku)).id}/extend`, { ttlSeconds })

describe('numbers', () => {
  it.each<[string, string, Post, readonly number[], readonly number[]]>([
    ['totalStock', '/totalStock', product('totalStock'), [0, 1, 1_000_000_000], [-1, 1_000_000_001]],
    ['maxPerUser', '/maxPerUser', product('maxPerUser'), [1, 1_000_000], [0, 1_000_001]],
    ['maxPerUser in a PATCH', '/maxPerUser', patch('maxPerUser'), [1, 1_000_000], [0, 1_000_001]],
    ['reservationTtlSeconds', '/reservationTtlSeconds', product('reservationTtlSeconds'), [1, 86_400], [0, 86_401]],
    ['reservationTtlSeconds in a PATCH', '/reservationTtlSeconds', patch('reservationTtlSeconds'), [1, 86_400], [0, 86_401]],
    ['price.amount', '/price/amount', (amount) => product('price')({ amount, currency: 'EUR' }), [0, 100_000_000], [-1, 100_000_001]],
    ['quantity', '/items/0/quantity', quantity, [1, 1_000_000], [0, 1_000_001]],
    ['ttlSeconds', '/ttlSeconds', reservation('ttlSeconds'), [1, 86_400], [0, 86_401]],
    ['ttlSeconds of extend', '/ttlSeconds', extend, [1, 86_400], [0, 86_401]],
    ['delta', '/delta', adjust, [1, -1, 999_999_999, -1_000_000_000], [0, 1_000_000_001]],
  ])('takes %s within its limits and refuses one beyond, at %s', async (_name, path, post, good, bad) => {
    for (const value of good)
      expect({ value, status: (await post(value)).status }).toEqual({ value, status: expect.toBeOneOf([200, 201]) as number })
    for (const value of [...bad, 1e21, -1e21, 2 ** 53, Number.MIN_SAFE_INTEGER, 1.5, Number.MIN_VALUE]) {
      const answer = (await post(value)) as Answer<never>
      const told = refusal(answer)
      expect({ value, told }).toEqual({ value, told: `validation_failed at ${path}` })
    }
  })

  it('takes whole numbers however they are written', async () => {
    for (const written of ['2', '2.0', '2e0', '20e-1', '0.2E+1']) {
      const answer = await service.send<Reservation>('POST', '/v1/reservations', {
        raw: `{"userId":"ada","items":[{"sku":"${sku}","quantity":${written}}]}`,
      })
      expect(answer.body.items).toStrictEqual([{ sku, quantity: 2, unitPrice: null }])
    }
    const { body } = await service.send<Product>('POST', '/v1/products', {
      raw: `{"sku":"${freshSku()}","name":"x","totalStock":-0,"price":{"amount":-0.0,"currency":"EUR"}}`,
    })
    expect([body.stock.total, body.price?.amount].every((value) => Object.is(value, 0))).toBe(true)
  })
})

describe('text', () => {
  it.each<[string, string, Post, readonly string[], readonly string[]]>([
    ['sku', '/sku', product('sku'), ['a', text(64), 'A.z_0-9'], ['', text(65), 'a b', 'a/b', 'ä', 'a\n', '\na', '😀', 'a%']],
    ['name', '/name', product('name'), ['x', text(200), text(200, astral), '\u0001', '\n'], [text(201), text(201, astral)]],
    ['name in a PATCH', '/name', patch('name'), [text(200, astral)], [text(201, astral)]],
    ['description', '/description', product('description'), ['', text(2_000), text(2_000, astral)], [text(2_001), text(2_001, astral)]],
    ['description in a PATCH', '/description', patch('description'), ['', text(2_000, astral)], [text(2_001)]],
    [
      'price.currency',
      '/price/currency',
      (currency) => product('price')({ amount: 1, currency }),
      ['EUR', 'ABC', 'ZZZ'],
      ['', 'eur', 'EU', 'EURO', 'EÜR', 'EUR\n'],
    ],
    [
      'userId',
      '/userId',
      reservation('userId'),
      ['a', ' ', text(128), text(128, astral)],
      ['', text(129), text(129, astral), 'a\u0001', '\n', '\u007f', '\u0085'],
    ],
    ['the sku of a line', '/items/0/sku', (value) => reservation('items')([{ sku: value, quantity: 1 }]), [], ['', text(65), 'a b']],
  ])('takes %s within its limits and refuses what is beyond, at %s', async (_name, path, post, good, bad) => {
    for (const value of good)
      expect({ value, status: (await post(value)).status }).toEqual({ value, status: expect.toBeOneOf([200, 201]) as number })
    for (const value of bad) {
      expect({ value, told: refusal((await post(value)) as Answer<never>) }).toEqual({ value, told: `validation_failed at ${path}` })
    }
  })

  it('keeps text of the greatest length as it was sent', async () => {
    const [name, description, userId] = [text(200, astral), text(2_000, 'é'), text(128, astral)]
    const made = await putOnSale(service, 1, { name, description })
    expect((await service.get<Product>(`/v1/products/${made}`)).body).toMatchObject({ name, description })
    expect((await reserve(service, made, { userId })).userId).toBe(userId)
  })

  it('takes a userId of the same limits on confirm, cancel and extend, and as a filter', async () => {
    const { id } = await reserve(service, sku)
    for (const [verb, more] of [
      ['confirm', {}],
      ['cancel', {}],
      ['extend', { ttlSeconds: 1 }],
    ] as const) {
      for (const userId of ['', text(129), '\n', null, 1]) {
        expect(refusal(await service.post(`/v1/reservations/${id}/${verb}`, { ...more, userId }))).toBe('validation_failed at /userId')
      }
      expect(refusal(await service.post(`/v1/reservations/${id}/${verb}`, { ...more, userId: text(128, astral) }))).toBe('not_owner')
    }
    for (const list of ['reservations', 'orders']) {
      expect((await service.get(`/v1/${list}?userId=${encodeURIComponent(text(128, astral))}`)).status).toBe(200)
      for (const userId of ['', text(129), '%0A', '%00', '%7F']) {
        expect(refusal(await service.get(`/v1/${list}?userId=${userId}`))).toBe('validation_failed at userId')
      }
    }
  })

  it('takes a reason of 500 characters', async () => {
    const order = await service.post<Order>(`/v1/reservations/${(await reserve(service, sku)).id}/confirm`)
    const paths = [`/v1/orders/${order.body.id}/cancel`, `/v1/products/${sku}/stock-adjustments`]
    for (const path of paths) {
      const more = path.includes('orders') ? {} : { delta: -1 }
      expect(refusal(await service.post(path, { ...more, reason: text(501) }))).toBe('validation_failed at /reason')
      expect(refusal(await service.post(path, { ...more, reason: text(501, astral) }))).toBe('validation_failed at /reason')
      expect((await service.post(path, { ...more, reason: text(500, astral) })).status).toBe(200)
      expect((await service.post(path, { ...more, delta: more.delta === undefined ? undefined : 1, reason: '' })).status).toBe(200)
    }
  })
})

describe('lines', () => {
  it('are 1 to 20, counted before merging', async () => {
    const lines = (count: number) => reservation('items')(Array.from({ length: count }, () => ({ sku, quantity: 1 })))
    expect((await lines(1)).status).toBe(201)
    expect((await lines(20)).status).toBe(201)
    for (const count of [0, 21]) expect(refusal((await lines(count)) as Answer<never>)).toBe('validation_failed at /items')
  })
})

describe('metadata', () => {
  const pairs = (count: number, value = 'v') => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, value]))
  /** Metadata of so many bytes of JSON. */
  const ofBytes = (bytes: number, unit = 'x') => {
    const room = bytes - Buffer.byteLength('{"k":""}')
    const units = Math.floor(room / Buffer.byteLength(unit))
    const value = unit.repeat(units) + 'x'.repeat(room - units * Buffer.byteLength(unit))
    return { k: value }
  }

  it('is 16 pairs and 2 KiB of UTF-8 JSON at most', async () => {
    for (const good of [{}, pairs(16), ofBytes(2_048), ofBytes(2_048, 'é'), ofBytes(2_048, '€'), ofBytes(2_048, astral), { '': '' }]) {
      const answer = await reservation('metadata')(good)
      expect(answer.status).toBe(201)
      expect((answer.body as Reservation).metadata).toStrictEqual(good)
    }
    for (const bad of [
      pairs(17),
      ofBytes(2_049),
      ofBytes(2_049, 'é'),
      ofBytes(2_049, '€'),
      ofBytes(2_049, astral),
      { k: '"'.repeat(1_021) },
    ]) {
      expect(refusal((await reservation('metadata')(bad)) as Answer<never>)).toBe('validation_failed at /metadata')
    }
  })

  it('of an order is limited as a whole', async () => {
    const confirm = async (own: Readonly<Record<string, string>>, added: object) => {
      const { id } = await reserve(service, sku, { metadata: own })
      return { id, answer: await service.post<Order & { code: string }>(`/v1/reservations/${id}/confirm`, { metadata: added }) }
    }
    expect((await confirm(pairs(16), pairs(16, 'w'))).answer.body.metadata).toStrictEqual(pairs(16, 'w'))
    expect((await confirm(ofBytes(2_048), { k: 'short' })).answer.body.metadata).toStrictEqual({ k: 'short' })
    for (const [own, added] of [
      [pairs(16), { one: 'more' }],
      [ofBytes(2_040), { l: 'more' }],
    ] as const) {
      const { id, answer } = await confirm(own, added)
      expect(refusal(answer as never)).toBe('validation_failed at /metadata')
      expect((await service.get<Reservation>(`/v1/reservations/${id}`)).body.status).toBe('active')
      expect((await service.post(`/v1/reservations/${id}/confirm`)).status).toBe(201)
    }
  })
})

describe('Idempotency-Key', () => {
  it('is 1 to 255 printable ASCII characters', async () => {
    const answer = (key: string) => service.post('/v1/reservations', reservationOf(sku), { 'idempotency-key': key })
    for (const key of ['k', text(255), '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~', 'a b']) expect((await answer(key)).status).toBe(201)
    for (const key of ['', ' ', text(256), 'a\tb', 'é', '\u00a0']) {
      expect({ key, told: refusal(await answer(key)) }).toEqual({ key, told: 'validation_failed at Idempotency-Key' })
    }
  })

  it('is checked on every write', async () => {
    const { id } = await reserve(service, sku)
    const order = await service.post<Order>(`/v1/reservations/${(await reserve(service, sku)).id}/confirm`)
    const bad = { 'idempotency-key': text(256) }
    const answers = [
      await service.post('/v1/products', { sku: freshSku(), name: 'x', totalStock: 1 }, bad),
      await service.patch(`/v1/products/${sku}`, { name: 'x' }, bad),
      await service.post(`/v1/products/${sku}/stock-adjustments`, { delta: -1 }, bad),
      await service.post(`/v1/reservations/${id}/extend`, { ttlSeconds: 1 }, bad),
      await service.post(`/v1/reservations/${id}/confirm`, {}, bad),
      await service.post(`/v1/reservations/${id}/cancel`, {}, bad),
      await service.post(`/v1/orders/${order.body.id}/cancel`, {}, bad),
    ]
    expect(answers.map(refusal)).toEqual(answers.map(() => 'validation_failed at Idempotency-Key'))
  })
})
