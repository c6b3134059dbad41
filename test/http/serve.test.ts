import { identity } from '../support/identities.ts'
import { existsSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { serve } from '../../src/http/serve.ts'
import { temporaryFile } from '../support/folder.ts'
import { openRaw, requestText, type RawClient } from '../support/http-raw.ts'
import { booksOf, buy, putOnSale, reservationOf, reserve } from '../support/http-shop.ts'
import type { Order, Reservation } from '../support/http-shapes.ts'
import { expectNoReports, startService } from '../support/http.ts'

const version = '0.0.0-test'
const report = (error: unknown) => {
  throw error
}

describe('the address', () => {
  it.each([
    '0.0.0.0',
    '::',
    '',
    '10.0.0.1',
    '128.0.0.1',
    '::ffff:10.0.0.1',
    'example.com',
    '127.0.0.1.example.com',
    'localhost.example.com',
    '127.1',
  ])('is not "%s": without keys the service refuses to start, with a sentence, before it touches the store', async (host) => {
    const file = await temporaryFile()
    await expect(serve({ host, port: 0, storeUrl: `sqlite:${file}`, version, report })).rejects.toThrow(/^[A-Z].* .*loopback.*\.$/)
    expect(existsSync(file)).toBe(false)
  })

  it('may be any with keys, but not with tokens alone, of which none is an operator', async () => {
    const { keys, tokens } = identity
    const service = await startService({ host: '0.0.0.0', identity: { keys, tokens: null } })
    expect((await service.get('/livez')).status).toBe(200)
    await service.close()
    const options = { host: '0.0.0.0', port: 0, storeUrl: 'sqlite::memory:', identity: { keys: [], tokens }, version, report }
    await expect(serve(options)).rejects.toThrow(/Set HOLDFAST_API_KEYS/)
  })

  const hasIpv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1') ?? false)

  it.each(['127.0.0.1', 'localhost', ...(hasIpv6 ? ['::1'] : [])])('may be %s', async (host) => {
    const service = await startService({ host })
    expect(service.address).toMatch(/^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]):\d+$/)
    expect((await service.get('/livez')).status).toBe(200)
    expect((await fetch(`${service.address}/readyz`)).status).toBe(200)
    await service.close()
  })

  it('that is taken fails the start and gives the store back', async () => {
    const first = await startService()
    const storeUrl = `sqlite:${await temporaryFile()}`
    await expect(serve({ host: '127.0.0.1', port: first.port, storeUrl, version, report })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await first.close()
    const second = await startService({ storeUrl })
    expect((await second.get('/readyz')).status).toBe(200)
    await second.close()
  })
})

describe('a service that was stopped and started again', () => {
  it('O1 I1 has every answer that it gave, and gives it again', async () => {
    const storeUrl = `sqlite:${await temporaryFile()}`
    const first = await startService({ storeUrl })
    const key = { 'idempotency-key': 'across a restart' }
    const sku = await putOnSale(first, 10)
    const order = await buy(first, sku)
    const held = await reserve(first, sku, { quantity: 2 })
    const answered = await first.post<Reservation>('/v1/reservations', reservationOf(sku), key)
    const [books, events] = [await booksOf(first, sku), (await first.get('/v1/events')).text]
    await first.close()

    const second = await startService({ storeUrl })
    expect((await second.get<Order>(`/v1/orders/${order.id}`)).body).toStrictEqual(order)
    expect((await second.get<Reservation>(`/v1/reservations/${held.id}`)).body).toMatchObject({
      status: 'active',
      expiresAt: held.expiresAt,
    })
    const again = await second.post('/v1/reservations', reservationOf(sku), key)
    expect([again.status, again.text, again.headers.location]).toEqual([201, answered.text, answered.headers.location])
    expect([await booksOf(second, sku), (await second.get('/v1/events')).text]).toEqual([books, events])
    await second.close()
  })
})

/** A connection that has been used before, as clients keep them. */
async function openUsed(port: number): Promise<RawClient> {
  const client = await openRaw(port)
  client.socket.write(requestText('GET', '/livez'))
  await client.until((text) => text.includes('"ok"'))
  return client
}

describe('close()', () => {
  it('answers 200 requests in flight, then is gone', async () => {
    const storeUrl = `sqlite:${await temporaryFile()}`
    const service = await startService({ storeUrl })
    const sku = await putOnSale(service, 150)
    const clients = await Promise.all(Array.from({ length: 200 }, () => openUsed(service.port)))
    const idle = await openUsed(service.port)
    const unused = await openRaw(service.port)
    const text = requestText('POST', '/v1/reservations', { body: JSON.stringify(reservationOf(sku)) })
    for (const { socket } of clients) socket.write(text)
    const started = performance.now()
    await service.close()
    expect(performance.now() - started).toBeLessThan(5_000)

    const received = await Promise.all(clients.map(({ closed }) => closed))
    expect(received.filter((one) => one.includes('HTTP/1.1 201 '))).toHaveLength(150)
    expect(received.filter((one) => one.includes('HTTP/1.1 409 '))).toHaveLength(50)
    for (const one of received) expect(one).toMatch(/\r\nconnection: close\r\n/i)
    await Promise.all([idle.closed, unused.closed])
    await expect(openRaw(service.port)).rejects.toThrow('nobody listens')
    expectNoReports(service)

    const after = await startService({ storeUrl })
    expect(await booksOf(after, sku)).toBe('150 total, 150 reserved, 0 sold, 0 available, version 151')
    await after.close()
  })

  it('waits for a request that is still being sent, and cuts off within 10 s one that never ends', async () => {
    const storeUrl = `sqlite:${await temporaryFile()}`
    const service = await startService({ storeUrl })
    const sku = await putOnSale(service, 10)
    const text = requestText('POST', '/v1/reservations', { body: JSON.stringify(reservationOf(sku)) })
    const [slow, stuck, stuckInHead] = [await openRaw(service.port), await openRaw(service.port), await openRaw(service.port)]
    for (const { socket } of [slow, stuck]) socket.write(text.slice(0, -5))
    stuckInHead.socket.write('POST /v1/reservations HTTP/1.1\r\nhost:')
    await service.get('/livez')
    await delay(50)

    const started = performance.now()
    const closing = service.close()
    await delay(500)
    await expect(openRaw(service.port)).rejects.toThrow('nobody listens')
    slow.socket.write(text.slice(-5))
    expect(await slow.closed).toMatch(/^HTTP\/1\.1 201 /)
    await closing
    expect(performance.now() - started).toBeLessThan(10_000)
    expect(await stuck.closed).not.toMatch(/^HTTP\/1\.1 2/)
    expect(await stuckInHead.closed).not.toMatch(/^HTTP\/1\.1 2/)
    expectNoReports(service)

    const after = await startService({ storeUrl })
    expect(await booksOf(after, sku)).toBe('10 total, 1 reserved, 0 sold, 9 available, version 2')
    await after.close()
  })
})
