import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createHttpClient, type HttpClient } from '../../src/cli/http-client.ts'

/** A client of a service that answers with these, one after the other. */
async function clientOf(answers: readonly ((response: ServerResponse) => void)[], patienceMs = 5_000) {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    answers[requests.length]!(response)
    requests.push(request)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client: HttpClient = createHttpClient(`http://127.0.0.1:${port}/`, { connectionsMax: 2, patienceMs })
  onTestFinished(() => {
    client.close()
    server.closeAllConnections()
    server.close()
  })
  return { client, requests, keys: () => requests.map((request) => request.headers['idempotency-key']) }
}

const busy = (response: ServerResponse): void => void response.writeHead(503, { 'retry-after': '0' }).end('{}')
const created = (response: ServerResponse): void => void response.writeHead(201).end('{"id":"1"}')
const cut = (response: ServerResponse): void => void response.destroy()

describe('createHttpClient()', () => {
  it('repeats with the same key what met a busy service or a connection that was cut', async () => {
    const { client, keys } = await clientOf([busy, cut, created])
    expect(await client.post('/v1/reservations', {}, 'key-1')).toEqual({ status: 201, body: { id: '1' } })
    expect(keys()).toEqual(['key-1', 'key-1', 'key-1'])
  })

  it('waits as long as the service asks for', async () => {
    const soon = (response: ServerResponse): void => void response.writeHead(503, { 'retry-after': '1' }).end()
    const { client } = await clientOf([soon, created])
    const startedAt = performance.now()
    await client.post('/v1/reservations', {}, 'key-1')
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(990)
  })

  it('does not repeat a refusal', async () => {
    const { client, requests } = await clientOf([(response) => void response.writeHead(409).end('{"code":"insufficient_stock"}')])
    expect(await client.post('/v1/reservations', {}, 'key-1')).toEqual({ status: 409, body: { code: 'insufficient_stock' } })
    expect(requests).toHaveLength(1)
  })

  it('gives up when its patience is over, with a sentence', async () => {
    const { client } = await clientOf(
      Array.from({ length: 20 }, () => busy),
      100,
    )
    await expect(client.get('/v1/products')).rejects.toThrow(/answered 503\. Given up after \d+ attempts\./)
  })

  it('says that a page is not an answer of this service', async () => {
    const { client } = await clientOf([(response) => void response.writeHead(200).end('<html>')])
    await expect(client.get('/v1/products')).rejects.toThrow(/answered 200 without JSON; is it a Holdfast service\?/)
  })
})
