import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answersIn, openRaw, requestText } from '../support/http-raw.ts'
import { booksOf, freshSku, putOnSale, reservationOf, stockOf } from '../support/http-shop.ts'
import type { Reservation } from '../support/http-shapes.ts'
import { expectNoReports, startService, type Service } from '../support/http.ts'

let service: Service

beforeAll(async () => {
  service = await startService()
})
afterAll(async () => {
  expectNoReports(service)
  await service.close()
})

const untouched = '100 total, 0 reserved, 0 sold, 100 available, version 1'

const smuggledBody = requestText('GET', '/livez')

function reserveText(sku: string, headers: Record<string, string> = {}): string {
  return requestText('POST', '/v1/reservations', { body: JSON.stringify(reservationOf(sku)), headers })
}

describe('a request that is broken off', () => {
  it('before its end has no effect, wherever it is cut', async () => {
    const sku = await putOnSale(service, 100)
    const text = reserveText(sku)
    const cuts = [
      1,
      10,
      text.indexOf('\r\n') + 2,
      text.indexOf('\r\n\r\n') + 2,
      text.indexOf('\r\n\r\n') + 4,
      text.length - 20,
      text.length - 1,
    ]
    for (const cut of cuts) {
      const client = await openRaw(service.port)
      client.socket.end(text.slice(0, cut))
      client.socket.once('finish', () => client.socket.destroy())
      await client.closed
    }
    expect((await service.get('/livez')).status).toBe(200)
    expect(await booksOf(service, sku)).toBe(untouched)
  })

  it('after its end has its effect or none, and its key tells which', async () => {
    const sku = await putOnSale(service, 100)
    const keys = Array.from({ length: 40 }, () => ({ 'idempotency-key': freshSku('broken') }))
    await Promise.all(
      keys.map(async (key, index) => {
        const client = await openRaw(service.port)
        client.socket.write(reserveText(sku, key), () => (index % 2 === 0 ? client.socket.destroy() : client.socket.resetAndDestroy()))
        await client.closed
      }),
    )
    const answers = await Promise.all(keys.map((key) => service.post<Reservation>('/v1/reservations', reservationOf(sku), key)))
    expect(answers.map(({ status }) => status)).toEqual(keys.map(() => 201))
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(keys.length)
    expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === 'true')).not.toHaveLength(0)
    expect(await booksOf(service, sku)).toBe('100 total, 40 reserved, 0 sold, 60 available, version 41')
  })
})

describe('a slow request', () => {
  it('is read byte by byte, also within a character', async () => {
    const sku = await putOnSale(service, 100)
    const bytes = Buffer.from(requestText('POST', '/v1/reservations', { body: JSON.stringify(reservationOf(sku, { userId: 'ü😀' })) }))
    const client = await openRaw(service.port)
    client.socket.setNoDelay(true)
    for (const byte of bytes) {
      client.socket.write(Buffer.from([byte]))
      await new Promise(setImmediate)
    }
    const [answer] = answersIn(await client.until((text) => answersIn(text).length === 1))
    expect(answer?.status).toBe(201)
    expect(JSON.parse(answer?.body ?? '')).toMatchObject({ userId: 'ü😀' })
    client.socket.destroy()
  })

  it('does not keep others waiting: 100 unfinished ones stand beside it', async () => {
    const sku = await putOnSale(service, 100)
    const text = reserveText(sku)
    const clients = await Promise.all(Array.from({ length: 100 }, () => openRaw(service.port)))
    for (const { socket } of clients) socket.write(text.slice(0, -5))
    const asked = performance.now()
    expect((await service.post('/v1/reservations', reservationOf(sku))).status).toBe(201)
    expect(performance.now() - asked).toBeLessThan(1_000)
    for (const { socket } of clients) socket.write(text.slice(-5))
    for (const client of clients.slice(0, 99)) await client.until((received) => received.includes('HTTP/1.1 201 '))
    await clients[99]!.until((received) => received.includes('HTTP/1.1 '))
    for (const { socket } of clients) socket.destroy()
    expect((await stockOf(service, sku)).reserved).toBe(100)
  })
})

describe('requests on one connection', () => {
  it('that are sent without waiting are answered one by one, in their order', async () => {
    const skus = await Promise.all(Array.from({ length: 5 }, () => putOnSale(service, 4)))
    const sent = Array.from({ length: 40 }, (_, n) => skus[n % 5]!)
    const client = await openRaw(service.port)
    client.socket.write(sent.map((sku) => reserveText(sku) + requestText('GET', `/v1/products/${sku}/stock`)).join(''))
    const answers = answersIn(await client.until((text) => answersIn(text).length === 80))
    client.socket.destroy()
    for (const [n, sku] of sent.entries()) {
      const [made, stock] = answers.slice(2 * n, 2 * n + 2)
      expect(made?.status).toBe(n < 20 ? 201 : 409)
      expect(JSON.parse(made?.body ?? '')).toMatchObject({ items: [{ sku }] })
      expect(JSON.parse(stock?.body ?? '')).toMatchObject({ sku })
    }
    for (const sku of skus) expect(await booksOf(service, sku)).toBe('4 total, 4 reserved, 0 sold, 0 available, version 5')
  })

  it('go on after one that was refused', async () => {
    const sku = await putOnSale(service, 100)
    const refused = [
      requestText('POST', '/v1/reservations', { body: '{"userId":0}' }),
      requestText('POST', '/v1/reservations', { body: '{}', headers: { 'content-type': 'text/plain' } }),
      requestText('GET', '/v1/products/%ZZ'),
      requestText('POST', '/v1/nothing', { body: '{"a":1}' }),
      requestText('PUT', '/v1/products', { body: '{"a":1}' }),
      requestText('GET', '/livez', { body: '{"a":1}' }),
    ]
    const client = await openRaw(service.port)
    client.socket.write(refused.map((text) => text + reserveText(sku)).join(''))
    const answers = answersIn(await client.until((text) => answersIn(text).length === 2 * refused.length))
    client.socket.destroy()
    expect(answers.map(({ status }) => status)).toEqual([400, 201, 415, 201, 404, 201, 404, 201, 405, 201, 200, 201])
  })

  it('are told apart from bodies: a body that looks like a request is none', async () => {
    const sku = await putOnSale(service, 100)
    const smuggled = reserveText(sku)
    const client = await openRaw(service.port)
    const carriers = [
      requestText('POST', '/v1/nothing', { body: smuggled }),
      requestText('PUT', '/v1/products', { body: smuggled }),
      requestText('POST', '/v1/reservations', { body: smuggled, headers: { 'content-type': 'text/plain' } }),
      requestText('GET', '/livez', { body: smuggled }),
    ]
    client.socket.write(`${carriers.join('')}${requestText('GET', '/readyz')}`)
    const answers = answersIn(await client.until((text) => text.includes('"ready"')))
    client.socket.destroy()
    expect(answers.map(({ status }) => status)).toEqual([404, 405, 415, 200, 200])
    expect(await booksOf(service, sku)).toBe(untouched)
  })

  it('end with one that cannot be read: what follows has its effect or none, and its key tells which', async () => {
    for (const body of [' '.repeat(70_000), '{"userId":', smuggledBody]) {
      const [sku, key] = [await putOnSale(service, 100), { 'idempotency-key': freshSku('after') }]
      const client = await openRaw(service.port)
      client.socket.write(requestText('POST', '/v1/reservations', { body }) + reserveText(sku, key))
      const answers = answersIn(await client.closed)
      expect(answers.map(({ status }) => status)).toEqual([body.length > 65_536 ? 413 : 400])
      expect(answers[0]?.head).toMatch(/^connection: close$/im)
      expect((await service.post('/v1/reservations', reservationOf(sku), key)).status).toBe(201)
      expect(await booksOf(service, sku)).toBe('100 total, 1 reserved, 0 sold, 99 available, version 2')
    }
  })
})
