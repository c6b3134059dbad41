import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { ConnectionLimits } from '../../src/http/limits/connections.ts'
import { openRaw, requestText, type RawClient } from '../support/http-raw.ts'
import { putOnSale, reservationOf } from '../support/http-shop.ts'
import { expectNoReports, startService, type Service } from '../support/http.ts'

let service: Service
let clients: RawClient[] = []

async function start(connections: Partial<ConnectionLimits>): Promise<void> {
  service = await startService({ app: { connections: { lookMs: 20, ...connections } } })
}

async function open(): Promise<RawClient> {
  const client = await openRaw(service.port)
  clients.push(client)
  return client
}

afterEach(async () => {
  for (const { socket } of clients) socket.destroy()
  clients = []
  expectNoReports(service)
  await service.close()
})

describe('a client that takes too long', () => {
  it('with its headers is cut off, whether it sends nothing, half a line, or a byte now and then', async () => {
    await start({ headersMsMax: 300, requestMsMax: 60_000 })
    const [silent, half, trickling] = [await open(), await open(), await open()]
    half.socket.write('GET /livez HTTP/1.1\r\nhost: te')
    trickling.socket.write('GET /livez HTTP/1.1\r\nx: ')
    const timer = setInterval(() => trickling.socket.write('x'), 20)
    for (const client of [silent, half, trickling]) expect(await client.closed).toMatch(/^(?:HTTP\/1\.1 400 .*|)$/s)
    clearInterval(timer)
    expect((await service.get('/livez')).status).toBe(200)
  })

  it('with its body is cut off, and nothing of it was done', async () => {
    await start({ headersMsMax: 300, requestMsMax: 400 })
    const sku = await putOnSale(service, 5)
    const client = await open()
    client.socket.write(requestText('POST', '/v1/reservations', { body: JSON.stringify(reservationOf(sku)) }).slice(0, -1))
    expect(await client.closed).toMatch(/^(?:HTTP\/1\.1 400 .*|)$/s)
    expect((await service.get(`/v1/products/${sku}/stock`)).body).toMatchObject({ reserved: 0, version: 1 })
  })

  it('with its next request keeps no connection', async () => {
    await start({ idleMsMax: 200 })
    const client = await open()
    client.socket.write(requestText('GET', '/livez'))
    expect(await client.closed).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('to fetch its answers is cut off', async () => {
    await start({ silentMsMax: 200 })
    const client = await open()
    client.socket.pause()
    // More than the buffers of both sides hold.
    const sent = 30
    client.socket.write(requestText('GET', '/docs/static/swagger-ui-bundle.js').repeat(sent))
    await delay(600)
    client.socket.resume()
    const answers = (await client.closed).split('HTTP/1.1 200 OK').length - 1
    expect(answers).toBeLessThan(sent)
  })
})

describe('more connections than there may be', () => {
  it('are closed at once, and those that are open go on', async () => {
    await start({ connectionsMax: 10 })
    const held = await Promise.all(Array.from({ length: 5 }, open))
    const all = await Promise.all(Array.from({ length: 30 }, () => openRaw(service.port).catch(() => null)))
    const open30 = all.filter((client) => client !== null)
    clients.push(...open30)
    await Promise.race(open30.map(({ closed }) => closed))
    held[0]!.socket.write(requestText('GET', '/livez'))
    expect(await held[0]!.until((text) => text.includes('"ok"'))).toMatch(/^HTTP\/1\.1 200 /)
    for (const { socket } of clients) socket.destroy()
    await Promise.all(clients.map(({ closed }) => closed))
    expect((await service.get('/livez')).status).toBe(200)
  })
})
