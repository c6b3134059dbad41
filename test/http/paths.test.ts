import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openRaw, requestText } from '../support/http-raw.ts'
import { buy, putOnSale } from '../support/http-shop.ts'
import { expectNoReports, refusal, startService, type Service } from '../support/http.ts'

let service: Service
let values: Readonly<Record<string, string>>

beforeAll(async () => {
  service = await startService()
  const order = await buy(service, await putOnSale(service, 5, {}, 'mug'))
  values = { '/v1/products': 'mug', '/v1/reservations': order.reservationId, '/v1/orders': order.id }
})
afterAll(async () => {
  expectNoReports(service)
  await service.close()
})

/** Every path of the contract and its methods. */
const paths: readonly [template: string, methods: string][] = [
  ['/v1/products', 'GET HEAD POST'],
  ['/v1/products/{}', 'GET HEAD PATCH'],
  ['/v1/products/{}/stock', 'GET HEAD'],
  ['/v1/products/{}/stock-adjustments', 'POST'],
  ['/v1/reservations', 'GET HEAD POST'],
  ['/v1/reservations/{}', 'GET HEAD'],
  ['/v1/reservations/{}/confirm', 'POST'],
  ['/v1/reservations/{}/cancel', 'POST'],
  ['/v1/reservations/{}/extend', 'POST'],
  ['/v1/orders', 'GET HEAD'],
  ['/v1/orders/{}', 'GET HEAD'],
  ['/v1/orders/{}/cancel', 'POST'],
  ['/v1/events', 'GET HEAD'],
  ['/livez', 'GET HEAD'],
  ['/readyz', 'GET HEAD'],
  ['/metrics', 'GET HEAD'],
  ['/openapi.json', 'GET HEAD'],
  ['/docs', 'GET HEAD'],
]

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'LINK', 'SEARCH', 'PURGE']

function fill(template: string): string {
  const [list = ''] = template.split('/{}')
  return template.replace('{}', values[list] ?? '')
}

describe.each(paths)('%s', (template, known) => {
  it(`has ${known} and answers 405 with Allow to every other method`, async () => {
    for (const method of methods.filter((one) => !known.split(' ').includes(one))) {
      const { status, headers, body } = await service.send(method, fill(template))
      expect({ method, status }).toEqual({ method, status: 405 })
      expect(String(headers.allow).split(', ').toSorted()).toEqual(known.split(' '))
      if (method !== 'HEAD') expect(body.code).toBe('method_not_allowed')
    }
  })

  it('answers HEAD as GET, without the body', async () => {
    const head = await service.send('HEAD', fill(template))
    expect(head.text).toBe('')
    if (!known.includes('GET')) return expect(head.status).toBe(405)
    const get = await service.get(fill(template))
    expect([head.status, head.headers['content-type']]).toEqual([200, get.headers['content-type']])
    if (template !== '/metrics') expect(head.headers['content-length']).toBe(get.headers['content-length'])
  })
})

describe('paths that do not exist', () => {
  it.each([
    '/',
    '/v1',
    '/v1/',
    '/v2/products',
    '/V1/products',
    '/v1/Products',
    '/v1/product',
    '//v1/products',
    '/v1//products',
    '/v1/products/mug/',
    '/v1/products/mug/stock/',
    '/v1/products/mug/nothing',
    '/v1/products/mug/stock/nothing',
    '/v1/reservations/x/y',
    '/v1/livez',
    '/docs/nothing',
    '/.env',
    '/v1/%70roduct',
    '/v1/products%2Fmug',
    '/v1/products/%ZZ',
    '/v1/products/%',
    '/v1/products/%ED%A0%80/stock',
    '/v1/reservations/%ff',
    '/%00',
    `/${'a'.repeat(8_000)}`,
  ])('%s is 404 for every method', async (path) => {
    for (const method of ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      const answer = await service.send(method, path, method === 'POST' ? { body: {} } : {})
      expect({ method, status: answer.status }).toEqual({ method, status: 404 })
      if (method !== 'HEAD') expect(refusal(answer)).toBe('not_found')
    }
  })
})

describe('a malformed sku or id', () => {
  const malformed = [
    '%20',
    'a%20b',
    'a%2Fb',
    '%2e%2e%2f',
    '%00',
    'a%00b',
    '%F0%9F%98%80',
    '*',
    "'",
    'a'.repeat(65),
    'a'.repeat(8_000),
    ';',
    '@',
    'm%75g!',
  ]

  it('is 404 product_not_found with that sku, on every route of a product', async () => {
    for (const encoded of malformed) {
      // U+0000, which no store keeps, is told as the character for what cannot be shown.
      const sku = decodeURIComponent(encoded).replaceAll('\0', '\uFFFD')
      for (const [method, path, body] of [
        ['GET', '', undefined],
        ['PATCH', '', { name: 'x' }],
        ['GET', '/stock', undefined],
        ['POST', '/stock-adjustments', { delta: 1 }],
      ] as const) {
        const answer = await service.send(method, `/v1/products/${encoded}${path}`, { body })
        expect(answer.body).toMatchObject({ status: 404, code: 'product_not_found', sku })
      }
    }
  })

  it('is 404 reservation_not_found or order_not_found', async () => {
    for (const encoded of [...malformed, '0', '-1', 'null', 'undefined', '__proto__', 'constructor', '1e3']) {
      for (const [path, code] of [
        [`/v1/reservations/${encoded}`, 'reservation_not_found'],
        [`/v1/orders/${encoded}`, 'order_not_found'],
      ] as const) {
        expect(refusal(await service.get(path))).toBe(code)
        expect(refusal(await service.post(`${path}/cancel`))).toBe(code)
      }
    }
  })

  it('is not corrected: an sku is read as it is encoded, letter for letter', async () => {
    expect((await service.get('/v1/products/m%75g')).status).toBe(200)
    expect(refusal(await service.get('/v1/products/MUG'))).toBe('product_not_found')
    expect(refusal(await service.get('/v1/products/mug%20'))).toBe('product_not_found')
  })
})

describe('what is not a request', () => {
  it.each([
    ['an unknown method', 'BREW /v1/products HTTP/1.1\r\nhost: test\r\n\r\n'],
    ['not HTTP at all', 'hello\r\n\r\n'],
    ['two lengths', requestText('POST', '/v1/products', { body: '{}', headers: { 'transfer-encoding': 'chunked' } })],
    ['a length that is no number', requestText('POST', '/v1/products', { headers: { 'content-length': 'x' } })],
    ['a length beyond all numbers', requestText('POST', '/v1/products', { headers: { 'content-length': '9'.repeat(30) } })],
    [
      'a chunk that has no length',
      `${requestText('POST', '/v1/products', { headers: { 'transfer-encoding': 'chunked', 'content-type': 'application/json' } })}zz\r\n`,
    ],
    ['a path of 20,000 characters', requestText('GET', `/v1/products/${'a'.repeat(20_000)}`)],
    ['headers of 20,000 characters', requestText('GET', '/livez', { headers: { x: 'a'.repeat(20_000) } })],
  ])('%s is a problem with status 400 and the end of the connection', async (_name, text) => {
    const client = await openRaw(service.port)
    client.socket.write(text)
    const [head = '', body = ''] = (await client.closed).split('\r\n\r\n')
    expect(head).toMatch(/^HTTP\/1\.1 400 /)
    expect(head).toMatch(/^content-type: application\/problem\+json$/im)
    expect(head).toContain(`content-length: ${body.length}`)
    expect(JSON.parse(body)).toMatchObject({ type: 'urn:holdfast:validation_failed', status: 400, errors: [{ path: '' }] })
  })
})
