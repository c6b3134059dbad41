import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshSku, putOnSale, reserve, stockOf } from '../support/http-shop.ts'
import type { Page, Reservation } from '../support/http-shapes.ts'
import { expectNoReports, refusal, startService, type Service } from '../support/http.ts'

let service: Service
let sku: string

beforeAll(async () => {
  service = await startService()
  sku = await putOnSale(service, 1_000)
})
afterAll(async () => {
  expectNoReports(service)
  await service.close()
})

/** Refused, in JSON as it is sent: each of these has U+0000 or half a surrogate pair. */
const badEscapes = ['\\u0000', 'a\\u0000', '\\ud800', '\\udfff', 'x\\ud83dx', '\\ude00\\ud83d', '\\ud83d\\ud83d\\ude00']

const send = (path: string, raw: string | Buffer, method = 'POST') => service.send(method, path, { raw })
const reservation = (userId: string, more = '') => `{"userId":"${userId}","items":[{"sku":"${sku}","quantity":1}]${more}}`

describe('U+0000 and lone surrogates', () => {
  it.each(badEscapes)('"%s" is refused in every text of every body', async (bad) => {
    const { id } = await reserve(service, sku)
    const product = `"sku":"${freshSku()}","name":"x","totalStock":1`
    const refused: [path: string, raw: string, place: string, method?: string][] = [
      ['/v1/reservations', reservation(bad), '/userId'],
      ['/v1/reservations', `{"userId":"ada","items":[{"sku":"${bad}","quantity":1}]}`, '/items/0/sku'],
      ['/v1/reservations', reservation('ada', `,"metadata":{"a":"b","k/":"${bad}"}`), '/metadata/k~1'],
      ['/v1/reservations', reservation('ada', `,"metadata":{"${bad}":"v"}`), '/metadata'],
      ['/v1/reservations', reservation('ada', `,"${bad}":1`), "''"],
      ['/v1/products', `{"sku":"${bad}","name":"x","totalStock":1}`, '/sku'],
      ['/v1/products', `{${product.replace('"x"', `"${bad}"`)}}`, '/name'],
      ['/v1/products', `{${product},"description":"${bad}"}`, '/description'],
      ['/v1/products', `{${product},"price":{"amount":1,"currency":"${bad}"}}`, '/price/currency'],
      ['/v1/products', `{${product},"saleStartsAt":"${bad}"}`, '/saleStartsAt'],
      [`/v1/products/${sku}`, `{"name":"${bad}"}`, '/name', 'PATCH'],
      [`/v1/products/${sku}/stock-adjustments`, `{"delta":1,"reason":"${bad}"}`, '/reason'],
      [`/v1/reservations/${id}/confirm`, `{"metadata":{"k":"${bad}"}}`, '/metadata/k'],
      [`/v1/reservations/${id}/cancel`, `{"userId":"${bad}"}`, '/userId'],
      [`/v1/reservations/${id}/extend`, `{"ttlSeconds":1,"userId":"${bad}"}`, '/userId'],
      [`/v1/orders/${id}/cancel`, `{"reason":"${bad}"}`, '/reason'],
    ]
    for (const [path, raw, place, method] of refused) {
      expect({ raw, told: refusal(await send(path, raw, method)) }).toEqual({ raw, told: `validation_failed at ${place}` })
    }
  })

  it('are refused unescaped as well: such bytes are not JSON, or not UTF-8', async () => {
    const asBytes = (bytes: readonly number[]) => {
      const [before = '', after = ''] = reservation('X').split('X')
      return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)])
    }
    // U+0000; a lone surrogate; an overlong "/"; bytes that begin nothing; half a character; beyond U+10FFFF.
    for (const bytes of [[0], [0xed, 0xa0, 0x80], [0xc0, 0xaf], [0xff], [0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80]]) {
      expect(refusal(await send('/v1/reservations', asBytes(bytes)))).toBe("validation_failed at ''")
    }
    const answer = await service.send<Reservation>('POST', '/v1/reservations', { raw: asBytes([0xf0, 0x9f, 0x98, 0x80]) })
    expect(answer.body.userId).toBe('😀')
  })

  it.each(['%00', 'a%00', '%ED%A0%80', '%ED%BF%BF', '%FF', '%C0%AF', '%E2%82', '%ZZ', '%', '%4'])(
    '"%s" is refused in query parameters',
    async (bad) => {
      for (const [list, name] of [
        ['reservations', 'userId'],
        ['reservations', 'sku'],
        ['orders', 'userId'],
        ['orders', 'cursor'],
        ['products', 'cursor'],
        ['events', 'after'],
      ] as const) {
        expect(refusal(await service.get(`/v1/${list}?${name}=${bad}`))).toBe(`validation_failed at ${name}`)
      }
      expect(await service.get(`/v1/orders?${bad}=1`)).toMatchObject({ status: 400, body: { code: 'validation_failed' } })
      expect(await service.get(`/v1/products/${sku}?${bad}`)).toMatchObject({ status: 400, body: { code: 'validation_failed' } })
    },
  )

  it('are fine as text about them', async () => {
    const { status, body } = await service.send<Reservation>('POST', '/v1/reservations', {
      raw: reservation('\\\\u0000 \\ud83d\\ude00', ',"metadata":{"\\\\ud800":"\\u00e9"}'),
    })
    expect(status).toBe(201)
    expect(body).toMatchObject({ userId: '\\u0000 😀', metadata: { '\\ud800': 'é' } })
  })
})

describe('names that mean something to JavaScript', () => {
  it('are refused as properties and leave every prototype as it was', async () => {
    const before = Object.getOwnPropertyNames(Object.prototype)
    const hostile = [
      '{"__proto__":{"polluted":1}}',
      reservation('ada', ',"__proto__":{"polluted":1}'),
      reservation('ada', ',"\\u005f_proto__":{"polluted":1}'),
      reservation('ada', ',"constructor":{"prototype":{"polluted":1}}'),
      reservation('ada', ',"metadata":{"__proto__":"x"}'),
      reservation('ada', ',"metadata":{"__proto__":{"polluted":"1"}}'),
      reservation('ada', ',"metadata":{"constructor":{"prototype":{"polluted":"1"}}}'),
      `{"userId":"ada","items":[{"sku":"${sku}","quantity":1,"__proto__":{"polluted":1}}]}`,
      `{"userId":"ada","items":{"__proto__":[{"sku":"${sku}","quantity":1}],"length":1}}`,
      '{"__proto__":{"userId":"ada","items":[]}}',
    ]
    for (const raw of hostile)
      expect({ raw, ...(await send('/v1/reservations', raw)) }).toMatchObject({ raw, status: 400, body: { code: 'validation_failed' } })
    expect({}).not.toHaveProperty('polluted')
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before)
  })

  it('are data as keys and values of metadata', async () => {
    const metadata = { constructor: 'x', prototype: '__proto__', toString: 'y', hasOwnProperty: 'z', valueOf: '', '0': '1' }
    const { id } = await reserve(service, sku, { metadata })
    expect((await service.get<Reservation>(`/v1/reservations/${id}`)).body.metadata).toStrictEqual(metadata)
    expect((await service.post<Reservation>(`/v1/reservations/${id}/confirm`)).body.metadata).toStrictEqual(metadata)
  })

  it('are data as users and skus', async () => {
    for (const name of ['__proto__', 'constructor', 'prototype', 'hasOwnProperty']) {
      await putOnSale(service, 3, { maxPerUser: 2 }, name)
      await reserve(service, name, { userId: name, quantity: 2 })
      expect(refusal(await service.post('/v1/reservations', { userId: name, items: [{ sku: name, quantity: 1 }] }))).toBe(
        'user_limit_exceeded',
      )
      expect(await stockOf(service, name)).toMatchObject({ reserved: 2, available: 1 })
      const { body } = await service.get<Page<Reservation>>(`/v1/reservations?userId=${name}&sku=${name}`)
      expect(body.data.map(({ userId }) => userId)).toEqual([name])
    }
    const lines = ['__proto__', 'constructor', '__proto__'].map((name) => ({ sku: name, quantity: 1 }))
    const { body } = await service.post('/v1/reservations', { userId: 'eve', items: lines })
    expect(body).toMatchObject({ code: 'insufficient_stock', items: [{ sku: '__proto__', requested: 2, available: 1 }] })
  })
})

describe('a property that is there twice', () => {
  it('counts once, and its last value counts', async () => {
    const raw = `{"userId":"first","userId":"ada","items":[{"sku":"${sku}","quantity":"x","quantity":2}]}`
    expect((await service.send<Reservation>('POST', '/v1/reservations', { raw })).body).toMatchObject({
      userId: 'ada',
      items: [{ quantity: 2 }],
    })
    expect(refusal(await send('/v1/reservations', raw.replace('"quantity":2', '"quantity":0')))).toBe(
      'validation_failed at /items/0/quantity',
    )
  })
})
