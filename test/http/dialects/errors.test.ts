import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { everyDialect } from '../../../src/http/dialects/names.ts'
import { sqliteStore } from '../../../src/index.ts'
import { manualClock } from '../../support/clock.ts'
import { expectPlainError } from '../../support/http-dialects.ts'
import { booksOf, putOnSale } from '../../support/http-shop.ts'
import { startService, type Answer, type Headers, type Service } from '../../support/http.ts'
import { identity, keyOf, tokenOf } from '../../support/identities.ts'

const line = { sku: 'A', quantity: 1, userId: 'ada' }
const asUser = (userId: string): Headers => ({ 'x-user-id': userId })

/** Status and code. */
function told({ status, body }: Answer): string {
  return `${status} ${(body as { readonly code: string }).code}`
}

describe('errors of the older APIs', () => {
  let service: Service
  beforeAll(async () => {
    service = await startService()
    await putOnSale(service, 100, {}, 'A')
  })
  afterAll(() => service.close())

  it.each<[string, (path: string) => Promise<Answer>]>([
    ['400 validation_failed', (path) => service.send('POST', path, { raw: '{', headers: { 'content-type': 'application/json' } })],
    ['400 validation_failed', (path) => service.post(path, {}, { 'idempotency-key': 'ä' })],
    ['400 validation_failed', (path) => service.send('POST', path, { raw: '{"__proto__":{"userId":"ada"}}' })],
    ['413 payload_too_large', (path) => service.send('POST', path, { raw: ' '.repeat(65_537) })],
    ['415 unsupported_media_type', (path) => service.post(path, 'x', { 'content-type': 'text/plain' })],
  ])('are plain: %s', async (expected, provoke) => {
    for (const path of ['/reservations', '/api/products/A/reserve', '/v1/drops', '/inventory/reserve', '/product/A/reserve']) {
      const answer = await provoke(path)
      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
      expectPlainError(`POST ${path}`, answer.status, answer.body)
      expect({ path, told: told(answer) }).toEqual({ path, told: expected })
    }
  })

  it('name what is wrong in a sentence', async () => {
    const { body } = await service.post('/reservations', { userId: 'ada', items: [{ sku: 'A', qty: '1' }] })
    expect(body).toEqual({ error: '/items/0/qty must be integer', code: 'validation_failed' })
    expect((await service.post('/product/A/reserve')).body).toEqual({ error: 'x-user-id is required', code: 'validation_failed' })
  })

  it('are problem+json beside their routes, and 405 has Allow', async () => {
    expect((await service.get('/api/nothing')).headers['content-type']).toBe('application/problem+json')
    const answer = await service.send('PUT', '/api/products/A/reserve')
    expect([answer.status, answer.headers.allow]).toEqual([405, 'DELETE, POST'])
    expect(answer.headers['content-type']).toBe('application/problem+json')
  })

  it('are told of paths that no product can have, and of U+0000', async () => {
    for (const sku of ['%00', 'a%20b', '%F0%9F%98%80', 'a'.repeat(65)]) {
      const answers = [
        await service.get(`/${sku}/status`),
        await service.get(`/api/products/${sku}/status`),
        await service.get(`/inventory/${sku}`),
        await service.post(`/api/products/${sku}/reserve`, { userId: 'ada', quantity: 1 }),
        await service.send('DELETE', `/api/products/${sku}/reserve`, { body: { userId: 'ada' } }),
        await service.post(`/api/products/${sku}/checkout`, { userId: 'ada' }),
        await service.post(`/v1/drops/${sku}/reserve`, undefined, asUser('ada')),
        await service.post(`/v1/drops/${sku}/purchase`, undefined, asUser('ada')),
        await service.post(`/product/${sku}/reserve`, undefined, asUser('ada')),
      ]
      expect(answers.map(told)).toEqual(answers.map(() => '404 product_not_found'))
    }
    expect(told(await service.send('POST', '/reservations', { raw: '{"userId":"a\\u0000"}' }))).toBe('400 validation_failed')
    expect(service.reports).toEqual([])
  })

  it('are plain when the store fails: nothing is told but that', async () => {
    const broken = await sqliteStore({ path: ':memory:', clock: manualClock() })
    const failing = await startService({ store: broken })
    try {
      await broken.close()
      const answer = await failing.post<{ error: string }>('/inventory/reserve', line)
      expect([answer.status, Object.keys(answer.body)]).toEqual([expect.toBeOneOf([500, 503]) as number, ['error', 'code']])
    } finally {
      await failing.close().catch(() => {})
    }
  })
})

describe('what nobody knows', () => {
  it('is ignored, and has no effect: not on the books, not on what equals what', async () => {
    const service = await startService()
    try {
      await putOnSale(service, 100, {}, 'A')
      const more = { id: 'x', status: 'confirmed', ttlSeconds: 1, expiresAt: '2000-01-01', role: 'admin', metadata: 7 }
      const key = { 'idempotency-key': 'k' }
      const first = await service.post<{ expiresAt: string; createdAt: string }>('/inventory/reserve', { ...line, ...more }, key)
      expect(first.status).toBe(201)
      expect(Date.parse(first.body.expiresAt) - Date.parse(first.body.createdAt)).toBe(300_000)
      const again = await service.post('/inventory/reserve?from=app', { ...line, sentAt: 17 }, key)
      expect([again.status, again.text, again.headers['idempotent-replayed']]).toEqual([201, first.text, 'true'])
      expect(told(await service.post('/inventory/reserve', { ...line, quantity: 2 }, key))).toBe('422 idempotency_key_reused')
      const cart = { userId: 'ada', items: [{ sku: 'A', qty: 1, quantity: 50, price: 0 }], ttl: 1 }
      expect((await service.post('/reservations', cart)).status).toBe(201)
      expect((await service.get('/v1/drops?nothing=1')).status).toBe(200)
      expect(await booksOf(service, 'A')).toBe('100 total, 2 reserved, 0 sold, 98 available, version 3')
    } finally {
      await service.close()
    }
  })
})

describe('who asks', () => {
  let service: Service
  beforeAll(async () => {
    service = await startService({ identity })
    await service.post('/v1/products', { sku: 'A', name: 'A', totalStock: 100 }, keyOf('admin'))
  })
  afterAll(() => service.close())

  it('is told in the plain shape who may not', async () => {
    expect(told(await service.post('/reservations', {}))).toBe('401 unauthenticated')
    expect(told(await service.post('/products', {}, keyOf('service')))).toBe('403 forbidden')
    const answer = await service.post('/product/A/reserve', {}, { authorization: 'Bearer nobody' })
    expect([told(answer), answer.headers['www-authenticate']]).toEqual(['401 unauthenticated', 'Bearer'])
  })

  it('is the user of the token where the user is in a header, and no other', async () => {
    const ada = await tokenOf('ada')
    const page = (headers: Headers) => service.post('/product/A/reserve', undefined, headers)
    expect([(await page(ada)).status, (await page({ ...ada, ...asUser('ada') })).status]).toEqual([200, 200])
    expect(told(await page({ ...ada, ...asUser('bob') }))).toBe('403 forbidden')
    expect(told(await page(keyOf('service')))).toBe('400 validation_failed')
    expect(told(await page({ ...keyOf('service'), ...asUser('u'.repeat(129)) }))).toBe('400 validation_failed')
    expect(told(await service.post('/v1/drops/A/reserve', { userId: 'bob' }, ada))).toBe('403 forbidden')
    expect((await service.post('/v1/drops/A/reserve', undefined, ada)).body).toMatchObject({ reservation: { userId: 'ada' } })
    expect((await service.get('/v1/reservations/me', ada)).status).toBe(200)
    expect(told(await service.get('/v1/reservations/me', await tokenOf('bob')))).toBe('404 reservation_not_found')
  })

  it('need send no body where the user is all it could say', async () => {
    const path = '/api/products/A/reserve'
    await service.post(path, { quantity: 1 }, await tokenOf('eve'))
    expect((await service.send('DELETE', path, { headers: await tokenOf('eve') })).status).toBe(200)
    expect((await service.send('DELETE', path, { headers: keyOf('service') })).body).toEqual({
      error: '/userId is required',
      code: 'validation_failed',
    })
  })

  it('is the same user in a header as in a body, in UTF-8 and in Latin-1', async () => {
    const reserve = async (header: string) =>
      (await service.post<{ reservationKey: string }>('/product/A/reserve', undefined, { ...keyOf('service'), ...asUser(header) })).body
        .reservationKey
    for (const [name, header] of [
      ['Zoë', 'Zoë'],
      ['Zoë', Buffer.from('Zoë').toString('latin1')],
      ['道子', Buffer.from('道子').toString('latin1')],
    ] as const) {
      const reservationId = await reserve(header)
      expect((await service.post('/checkout', { reservationId, userId: name }, keyOf('service'))).status).toBe(201)
    }
  })

  it('finds nothing of another by its id', async () => {
    const made = await service.post<{ reservationId: string }>('/inventory/reserve', line, keyOf('service'))
    const { reservationId } = made.body
    const bob = await tokenOf('bob')
    for (const path of ['/checkout', '/checkout/confirm', '/checkout/cancel', `/reservations/${reservationId}/cancel`])
      expect(told(await service.post(path, { reservationId }, bob))).toBe('404 reservation_not_found')
  })

  it('counts for what equals what: a key used for another user of the header is refused', async () => {
    const headers = { ...keyOf('service'), 'idempotency-key': 'k' }
    expect((await service.post('/product/A/reserve', undefined, { ...headers, ...asUser('ada') })).status).toBe(200)
    expect(told(await service.post('/product/A/reserve', undefined, { ...headers, ...asUser('bob') }))).toBe('422 idempotency_key_reused')
  })
})

describe('a door that is switched off', () => {
  it('is not there, in the documentation neither, and leaves other paths alone', async () => {
    const service = await startService({ dialects: { ...everyDialect, names: ['cart'] } })
    try {
      await putOnSale(service, 1, {}, 'A')
      expect((await service.get('/A/status')).status).toBe(200)
      for (const [method, path] of [
        ['POST', '/api/products'],
        ['GET', '/v1/drops'],
        ['POST', '/inventory/reserve'],
        ['POST', '/product/A/reserve'],
      ] as const)
        expect(told(await service.send(method, path))).toBe('404 not_found')
      const me = await service.get('/v1/reservations/me')
      expect([told(me), me.headers['content-type']]).toEqual(['404 reservation_not_found', 'application/problem+json'])
      expect(Object.keys(service.openapi.paths)).toContain('/checkout')
      expect(Object.keys(service.openapi.paths)).not.toContain('/v1/drops')
    } finally {
      await service.close()
    }
  })
})
