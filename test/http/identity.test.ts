import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { exportJWK, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { refusal, startService, type Answer, type Service } from '../support/http.ts'
import type { Order, Page, Problem, Reservation } from '../support/http-shapes.ts'
import { bearer, identity, jwtSecret, keyOf, sign, tokenOf } from '../support/identities.ts'

const line = { sku: 'A', quantity: 1 }
const missing = '/v1/reservations/nowhere'

async function startShop(options: Parameters<typeof startService>[0] = { identity }): Promise<Service> {
  const service = await startService(options)
  await service.post('/v1/products', { sku: 'A', name: 'A', totalStock: 1000 }, keyOf('admin'))
  return service
}

describe('credentials', () => {
  let service: Service
  beforeAll(async () => {
    service = await startShop()
  })
  afterAll(() => service.close())

  const claims = { sub: 'u1', aud: 'shop.example', exp: Math.floor(Date.now() / 1000) + 600 }
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

  it.each<[string, () => Promise<string> | string]>([
    ['a key that nobody has', () => 'Bearer operator-of-the-test-012345678'],
    ['a key with more behind it', () => `Bearer ${identity.keys[0]!.secret}0`],
    ['no key', () => 'Bearer '],
    ['another scheme', () => `Basic ${Buffer.from(`operator:${identity.keys[0]!.secret}`).toString('base64')}`],
    ['two keys', () => `Bearer ${identity.keys[0]!.secret} ${identity.keys[1]!.secret}`],
    ['a token signed with another secret', async () => `Bearer ${await sign({ sub: 'u1' }, { secret: 'x'.repeat(32) })}`],
    ['a token that nobody signed', () => `Bearer ${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.`],
    [
      'a token with the claims of another',
      async () => {
        const [header, , signature] = (await sign({ sub: 'u1' })).split('.')
        return `Bearer ${header}.${part({ ...claims, sub: 'u2' })}.${signature}`
      },
    ],
    ['a token that is not JSON', () => 'Bearer a.b.c'],
    ['a token of nobody', async () => `Bearer ${await sign({})}`],
    ['a token of a user with too long a name', async () => `Bearer ${await sign({ sub: 'u'.repeat(129) })}`],
    ['a token of a user with U+0000 in the name', async () => `Bearer ${await sign({ sub: 'u\u0000' })}`],
    ['a token that is not valid yet', async () => `Bearer ${await sign({ sub: 'u1', nbf: Math.floor(Date.now() / 1000) + 600 })}`],
  ])('are refused: %s', async (_, authorization) => {
    const answer = await service.get(missing, { authorization: await authorization() })
    expect([answer.status, answer.body.code, answer.headers['www-authenticate']]).toEqual([401, 'unauthenticated', 'Bearer'])
  })

  it('are read whatever the case of the scheme, and the user is `id` where there is no `sub`', async () => {
    const { secret } = identity.keys[0]!
    expect(refusal(await service.get(missing, { authorization: `bearer ${secret}` }))).toBe('reservation_not_found')
    const made = await service.post<Reservation>('/v1/reservations', { items: [line] }, bearer(await sign({ id: 42 })))
    expect(made.body.userId).toBe('42')
  })

  it('may have any characters', async () => {
    const odd = await startService({ identity: { keys: [{ name: 'a', scope: 'read', secret: 'schlüssel-🎟' }], tokens: null } })
    const sent = Buffer.from('schlüssel-🎟').toString('latin1')
    expect((await odd.get(missing, bearer(sent))).status).toBe(404)
    await odd.close()
  })

  it('come before the body, but after the path and the method', async () => {
    expect((await service.send('POST', '/v1/products', { raw: '{', headers: { 'content-type': 'application/json' } })).status).toBe(401)
    expect((await service.post('/v1/nowhere', {})).status).toBe(404)
    expect((await service.send('DELETE', '/v1/orders')).status).toBe(405)
  })

  it('that are missing are told before a long body, of which nothing more is read', async () => {
    const answered = await new Promise<string>((resolve, reject) => {
      let text = ''
      const socket = connect(service.port, '127.0.0.1', () => {
        socket.write('POST /v1/reservations HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 1073741824\r\n\r\n{')
      })
      socket.on('data', (piece) => (text += piece.toString()))
      socket.on('error', reject)
      // The service ends the connection; it would wait for a gigabyte else.
      socket.on('end', () => resolve(text))
    })
    expect(answered).toMatch(/^HTTP\/1\.1 401 /)
    expect(answered).toMatch(/\r\nconnection: close\r\n/i)
  })

  it('are in no report', async () => {
    await service.get(missing, bearer(await sign({ sub: 'u1' }, { secret: 'y'.repeat(32) })))
    expect(service.reports).toEqual([])
  })
})

describe('a user', () => {
  let service: Service
  beforeAll(async () => {
    service = await startShop()
  })
  afterAll(() => service.close())

  const reserveAs = async (userId: string, key?: string, body: object = { items: [line] }): Promise<Answer<Reservation>> =>
    service.post<Reservation>('/v1/reservations', body, {
      ...(await tokenOf(userId)),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    })

  const reserveWrongly = async (body: object): Promise<Answer<Problem>> => service.post('/v1/reservations', body, await tokenOf('owner'))

  it('reserves, extends, confirms and reads their own without naming themselves', async () => {
    const mine = await tokenOf('owner')
    const { status, body } = await reserveAs('owner')
    expect([status, body.userId]).toEqual([201, 'owner'])
    expect((await service.post(`/v1/reservations/${body.id}/extend`, { ttlSeconds: 900 }, mine)).status).toBe(200)
    const order = await service.post<Order>(`/v1/reservations/${body.id}/confirm`, undefined, mine)
    expect([order.status, order.body.userId]).toEqual([201, 'owner'])
    expect((await service.get<Order>(`/v1/orders/${order.body.id}`, mine)).body.id).toBe(order.body.id)
  })

  it('can neither read nor end what belongs to another, even when they know the id, and hears that it does not exist (H8)', async () => {
    const theirs = await tokenOf('stranger')
    const { body } = await reserveAs('victim')
    for (const [verb, input] of [
      ['confirm', {}],
      ['cancel', {}],
      ['extend', { ttlSeconds: 60 }],
    ] as const) {
      expect(refusal(await service.post(`/v1/reservations/${body.id}/${verb}`, input, theirs))).toBe('reservation_not_found')
    }
    expect(refusal(await service.get(`/v1/reservations/${body.id}`, theirs))).toBe('reservation_not_found')
    const order = await service.post<Order>(`/v1/reservations/${body.id}/confirm`, {}, await tokenOf('victim'))
    expect(refusal(await service.get(`/v1/orders/${order.body.id}`, theirs))).toBe('order_not_found')
    // Not even by what an end is refused for.
    expect(refusal(await service.post(`/v1/reservations/${body.id}/cancel`, {}, theirs))).toBe('reservation_not_found')
  })

  it('can name no other', async () => {
    const mine = await tokenOf('owner')
    expect(refusal(await reserveWrongly({ userId: 'another', items: [line] }))).toBe('forbidden')
    expect(refusal(await service.get('/v1/orders?userId=another', mine))).toBe('forbidden')
    expect(refusal(await service.get('/v1/reservations?userId=another', mine))).toBe('forbidden')
    const { body } = await reserveAs('owner')
    expect(refusal(await service.post(`/v1/reservations/${body.id}/cancel`, { userId: 'another' }, mine))).toBe('forbidden')
  })

  it('sees only their own in lists', async () => {
    await reserveAs('lister')
    await reserveAs('somebody else')
    const { body } = await service.get<Page<Reservation>>('/v1/reservations?sku=A', await tokenOf('lister'))
    expect(body.data.map(({ userId }) => userId)).toEqual(['lister'])
    expect((await service.get<Page<Order>>('/v1/orders', await tokenOf('lister'))).body.data).toEqual([])
  })

  it('cannot reach the idempotency answers of another (I6)', async () => {
    const first = await reserveAs('first', 'the same key')
    const second = await reserveAs('second', 'the same key')
    expect([second.status, second.headers['idempotent-replayed'], second.body.userId]).toEqual([201, undefined, 'second'])
    const again = await reserveAs('first', 'the same key', { userId: 'first', items: [line] })
    expect([again.headers['idempotent-replayed'], again.text]).toEqual(['true', first.text])
    const shop = await service.post<Reservation>(
      '/v1/reservations',
      { userId: 'first', items: [line] },
      { ...keyOf('service'), 'idempotency-key': 'the same key' },
    )
    expect(shop.body.id).not.toBe(first.body.id)
  })

  it.each(['status', 'expiresAt', 'id', 'orderId', 'createdAt', 'caller', 'role'])('cannot smuggle in %s', async (name) => {
    expect(refusal(await reserveWrongly({ items: [line], [name]: 'x' }))).toBe(`validation_failed at /${name}`)
  })
})

describe('a shop that acts for its users', () => {
  it('must name the user it reserves for, and may act for any', async () => {
    const service = await startShop()
    try {
      expect(refusal(await service.post('/v1/reservations', { items: [line] }, keyOf('service')))).toBe('validation_failed at /userId')
      const { body } = await service.post<Reservation>('/v1/reservations', { userId: 'u1', items: [line] }, keyOf('service'))
      expect(refusal(await service.post(`/v1/reservations/${body.id}/confirm`, { userId: 'u2' }, keyOf('service')))).toBe('not_owner')
      expect((await service.post(`/v1/reservations/${body.id}/confirm`, {}, keyOf('service'))).status).toBe(201)
    } finally {
      await service.close()
    }
  })
})

describe('public keys at a URL', () => {
  it('check tokens, are kept while the URL does not answer, and no secret can be made of them', async () => {
    const signing = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const unknown = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const jwk = { ...(await exportJWK(signing.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }
    const next = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const unusable = { ...(await exportJWK(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey)), kid: 'short', alg: 'RS256' }
    const keys = [jwk, { ...(await exportJWK(next.publicKey)), kid: 'next', alg: 'RS256', use: 'sig' }, unusable]
    let isAway = true
    const server = createServer((_, response) => {
      response.statusCode = isAway ? 500 : 200
      response.end(JSON.stringify({ keys }))
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`
    const service = await startShop({ identity: { keys: identity.keys, tokens: { jwksUrl } } })
    const signed = (key: KeyObject, kid?: string): Promise<string> =>
      new SignJWT({ sub: 'u1' })
        .setProtectedHeader({ alg: 'RS256', ...(kid !== undefined && { kid }) })
        .setExpirationTime('10 minutes')
        .sign(key)
    const reserveWith = async (token: string): Promise<number> =>
      (await service.post('/v1/reservations', { items: [line] }, bearer(token))).status
    try {
      const good = await signed(signing.privateKey, 'one')
      expect(await reserveWith(good)).toBe(503)
      expect(service.reports).toHaveLength(1)
      isAway = false
      expect(await reserveWith(good)).toBe(201)
      isAway = true
      expect(await reserveWith(good)).toBe(201)
      // As while keys are changed.
      expect(await reserveWith(await signed(next.privateKey))).toBe(201)
      expect(await reserveWith(await signed(unknown.privateKey))).toBe(401)
      expect(await reserveWith(await signed(unknown.privateKey, 'short'))).toBe(401)
      expect(await reserveWith(await signed(unknown.privateKey, 'one'))).toBe(401)
      expect(await reserveWith(await signed(unknown.privateKey, 'two'))).toBe(401)
      expect(await reserveWith(await sign({ sub: 'u1' }, { secret: JSON.stringify(jwk) }))).toBe(401)
      expect(await reserveWith(await sign({ sub: 'u1' }, { secret: jwtSecret }))).toBe(401)
    } finally {
      await service.close()
      server.close()
    }
  })
})
