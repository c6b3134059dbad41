import { readFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createDestinations } from '../../../src/events/webhooks/destination.ts'
import { newSecret, rotate } from '../../../src/events/webhooks/sign.ts'
import { retryMs } from '../../../src/events/webhooks/retry.ts'
import { startEndpoint, type Received } from '../../support/endpoint.ts'
import { expectNotSigned, expectSigned, someMessage, someWebhook, testSender } from '../../support/webhooks.ts'

const hour = 60 * 60 * 1000
const day = 24 * hour

/** A server that speaks no HTTP by itself. */
async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    onConnection(socket)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => void server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

describe('a delivery', () => {
  it('is the event as it is, signed as Standard Webhooks say', async () => {
    const endpoint = await startEndpoint()
    const webhook = someWebhook({ url: `${endpoint.url}?shop=1` })
    const { attempt } = await testSender().send(webhook, someMessage)
    expect(attempt).toMatchObject({ outcome: 'delivered', statusCode: 204, reason: null, response: null, eventId: '12' })
    const [request] = endpoint.received
    expect(request).toMatchObject({ method: 'POST', path: '/hooks?shop=1', body: someMessage.body })
    expect(request!.headers).toMatchObject({
      'content-type': 'application/json',
      host: `127.0.0.1:${endpoint.port}`,
      'webhook-id': '12',
      'webhook-timestamp': expect.stringMatching(/^\d{10}$/) as string,
    })
    expectSigned(request!, webhook.secrets[0]!.secret)
    expectNotSigned(request!, newSecret())
    expectNotSigned({ ...request!, body: request!.body.replace('12', '13') }, webhook.secrets[0]!.secret)
  })

  it('carries a signature of each secret for a day after it was replaced', async () => {
    const endpoint = await startEndpoint()
    const now = Date.now()
    const old = { secret: newSecret(), until: null }
    const secrets = rotate([old], now)
    const [fresh] = secrets
    await testSender({ now: () => now + day - 1 }).send(someWebhook({ url: endpoint.url, secrets }), someMessage)
    await testSender({ now: () => now + day }).send(someWebhook({ url: endpoint.url, secrets }), someMessage)
    const signatures = endpoint.received.map(({ headers }) => String(headers['webhook-signature']).split(' ').length)
    expect([signatures, fresh!.secret === old.secret]).toEqual([[2, 1], false])
    // The judge knows no time but its own.
    const [both] = await signedNow(secrets)
    expectSigned(both!, fresh!.secret)
    expectSigned(both!, old.secret)

    async function signedNow(some: typeof secrets) {
      const another = await startEndpoint()
      await testSender().send(someWebhook({ url: another.url, secrets: some }), someMessage)
      return another.received
    }
  })

  it('keeps three old secrets at most', () => {
    let secrets = rotate([], 0)
    for (let times = 0; times < 10; times++) secrets = rotate(secrets, times)
    expect(secrets.map(({ until }) => until)).toEqual([null, day + 9, day + 8, day + 7])
  })

  it.each([200, 201, 202, 299])('has arrived when the answer is %i', async (status) => {
    const endpoint = await startEndpoint((response) => response.writeHead(status).end('thanks'))
    const { attempt } = await testSender().send(someWebhook({ url: endpoint.url }), someMessage)
    expect(attempt).toMatchObject({ outcome: 'delivered', statusCode: status, response: 'thanks' })
  })

  it.each([
    [301, /redirects are not followed/],
    [307, /redirects are not followed/],
    [304, /^It answered 304/],
    [400, /^It answered 400\.$/],
    [404, /^It answered 404\.$/],
    [410, /^It answered 410: it is gone\.$/],
    [500, /^It answered 500\.$/],
  ])('has failed when the answer is %i, and goes nowhere else', async (status, reason) => {
    const other = await startEndpoint()
    const endpoint = await startEndpoint((response) => response.writeHead(status, { location: other.url }).end())
    const { attempt } = await testSender().send(someWebhook({ url: endpoint.url }), someMessage)
    expect(attempt).toMatchObject({ outcome: 'failed', statusCode: status, reason: expect.stringMatching(reason) as string })
    expect([endpoint.received.length, other.connections]).toEqual([1, 0])
  })

  it.each([
    [429, '7', 7_000],
    [503, '7', 7_000],
    [503, '999999999', 10 * hour],
    [503, new Date(Date.UTC(2026, 0, 1, 0, 0, 30)).toUTCString(), 30_000],
    [503, new Date(Date.UTC(2025, 11, 31)).toUTCString(), undefined],
    [503, 'soon', undefined],
    [503, '-5', undefined],
    [500, '7', undefined],
  ])('leaves an endpoint alone that answers %i with Retry-After: %s', async (status, retryAfter, expected) => {
    const endpoint = await startEndpoint((response) => response.writeHead(status, { 'retry-after': retryAfter }).end())
    const sender = testSender({ now: () => Date.UTC(2026, 0, 1) })
    expect((await sender.send(someWebhook({ url: endpoint.url }), someMessage)).retryAfterMs).toBe(expected)
  })
})

describe('docs/webhooks.md', () => {
  it('shows how a receiver checks what arrives', async () => {
    const text = readFileSync(new URL('../../../docs/webhooks.md', import.meta.url), 'utf8')
    const [, code = ''] = /```js\n([\s\S]*?)```/.exec(text)!
    const { isFromShop } = (await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`)) as {
      isFromShop: (headers: object, body: string | Buffer, secret: string, now?: number) => boolean
    }
    const endpoint = await startEndpoint()
    const [fresh, old] = rotate([{ secret: newSecret(), until: null }], Date.now())
    await testSender().send(someWebhook({ url: endpoint.url, secrets: [fresh!, old!] }), someMessage)
    const [{ headers, body }] = endpoint.received as [Received]
    const judged = [
      isFromShop(headers, body, fresh!.secret),
      isFromShop(headers, Buffer.from(body), old!.secret),
      isFromShop(headers, body, newSecret()),
      isFromShop(headers, `${body} `, fresh!.secret),
      isFromShop({ ...headers, 'webhook-id': '13' }, body, fresh!.secret),
      isFromShop(headers, body, fresh!.secret, Date.now() + 400_000),
      isFromShop({}, body, fresh!.secret),
    ]
    expect(judged).toEqual([true, true, false, false, false, false, false])
  })
})

describe('an endpoint', () => {
  it('that hangs is given up in time', async () => {
    const endpoint = await startEndpoint(() => {})
    const { attempt } = await testSender({ msMax: 80 }).send(someWebhook({ url: endpoint.url }), someMessage)
    expect(attempt).toMatchObject({ outcome: 'failed', statusCode: null, reason: expect.stringMatching(/did not answer within/) as string })
    expect(attempt.durationMs).toBeGreaterThanOrEqual(79)
    await vi.waitFor(() => expect(endpoint.open).toBe(0))
  })

  it('that sends its answer a byte at a time is given up in time', async () => {
    const slow = `HTTP/1.1 200 OK\r\nx-slow: ${'x'.repeat(100)}`
    let sent = 0
    const endpoint = await startEndpoint((response, { socket }) => {
      const timer = setInterval(() => socket.write(slow[sent++] ?? 'x'), 2)
      response.on('close', () => clearInterval(timer))
    })
    const { attempt } = await testSender({ msMax: 400 }).send(someWebhook({ url: endpoint.url }), someMessage)
    expect([attempt.statusCode, attempt.reason, sent > 1]).toEqual([null, 'It did not answer within 0 seconds.', true])
  })

  it('that has taken it need not finish its answer', async () => {
    const endpoint = await startEndpoint((response) => response.writeHead(200, { 'content-length': '100' }).write('half'))
    const { attempt } = await testSender({ msMax: 400 }).send(someWebhook({ url: endpoint.url }), someMessage)
    expect(attempt).toMatchObject({ outcome: 'delivered', statusCode: 200, response: 'half' })
    await vi.waitFor(() => expect(endpoint.open).toBe(0))
  })

  it('that floods is cut off', async () => {
    let written = 0
    const endpoint = await startEndpoint((response) => {
      const pour = (): void => {
        while (!response.destroyed && response.write('x\uD83D\uDE00'.repeat(4_000))) written++
      }
      response.on('drain', pour).writeHead(500)
      pour()
    })
    const { attempt } = await testSender().send(someWebhook({ url: endpoint.url }), someMessage)
    expect([attempt.outcome, attempt.response!.length, attempt.response!.isWellFormed()]).toEqual(['failed', 500, true])
    await vi.waitFor(() => expect(endpoint.open).toBe(0))
    // What the sockets between the two had room for.
    expect(written * 20_000).toBeLessThan(20_000_000)
  })

  it('that switches to another protocol has failed at once', async () => {
    const port = await listen((socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'))
    const { attempt } = await testSender().send(someWebhook({ url: `http://127.0.0.1:${port}/` }), someMessage)
    expect(attempt).toMatchObject({ outcome: 'failed', statusCode: 101, reason: 'It answered 101.' })
  })

  it('that sends headers without end is cut off', async () => {
    const port = await listen((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n')
      const pour = (): void => {
        while (!socket.destroyed && socket.write(`x-more: ${'x'.repeat(1_000)}\r\n`));
      }
      socket.on('drain', pour)
      pour()
    })
    const { attempt } = await testSender().send(someWebhook({ url: `http://127.0.0.1:${port}/` }), someMessage)
    expect(attempt).toMatchObject({ statusCode: null, reason: expect.stringMatching(/is not HTTP, or has too many headers/) as string })
  })

  it.each([
    ['closes the connection', (socket: Socket) => socket.once('data', () => socket.destroy()), /closed the connection/],
    ['resets the connection', (socket: Socket) => socket.once('data', () => socket.resetAndDestroy()), /closed the connection/],
    ['speaks something else', (socket: Socket) => socket.end('220 mail.example ESMTP\r\n'), /is not HTTP/],
  ])('that %s has failed', async (_name, behave, reason) => {
    const port = await listen(behave)
    const { attempt } = await testSender().send(someWebhook({ url: `http://127.0.0.1:${port}/` }), someMessage)
    expect(attempt).toMatchObject({ outcome: 'failed', statusCode: null, reason: expect.stringMatching(reason) as string })
  })

  it('that nobody listens at has failed', async () => {
    const sender = testSender({ resolve: () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' })) })
    const reasons = await Promise.all(
      ['http://127.0.0.1:1/', 'http://nowhere.example/'].map(
        async (url) => (await sender.send(someWebhook({ url }), someMessage)).attempt.reason,
      ),
    )
    expect(reasons).toEqual(['It refused the connection.', 'Its host name cannot be resolved (ENOTFOUND).'])
  })

  it('with a certificate that nobody knows has failed; it was asked for by its name', async () => {
    let hello = ''
    const port = await listen((socket) => {
      socket.once('data', (data) => {
        hello = data.toString('latin1')
        socket.destroy()
      })
    })
    const sender = testSender({ resolve: async () => ['127.0.0.1'] })
    const { attempt } = await sender.send(someWebhook({ url: `https://hooks.shop.example:${port}/` }), someMessage)
    expect([attempt.outcome, hello.includes('hooks.shop.example')]).toEqual(['failed', true])
  })
})

describe('addresses that are not public', () => {
  it('are not reached by a name that leads there on the second look', async () => {
    const endpoint = await startEndpoint()
    let looks = 0
    const resolve = async (): Promise<string[]> => (looks++ === 0 ? ['8.8.8.8'] : ['127.0.0.1'])
    expect(await createDestinations({ allowPrivate: false, resolve }).problemOf('https://hooks.shop.example/')).toBeNull()
    const sender = testSender({ allowPrivate: false, resolve })
    for (const scheme of ['http', 'https']) {
      const webhook = someWebhook({ url: `${scheme}://hooks.shop.example:${endpoint.port}/` })
      const { attempt } = await sender.send(webhook, someMessage)
      expect(attempt.reason).toBe('"hooks.shop.example" is not an address of the public internet.')
    }
    expect([looks, endpoint.connections]).toEqual([3, 0])
  })

  it('are not reached by a name of which one address is public', async () => {
    const endpoint = await startEndpoint()
    const sender = testSender({ allowPrivate: false, resolve: async () => ['127.0.0.1', '8.8.8.8'] })
    const { attempt } = await sender.send(someWebhook({ url: `http://hooks.shop.example:${endpoint.port}/` }), someMessage)
    expect([attempt.reason, endpoint.connections]).toEqual(['"hooks.shop.example" is not an address of the public internet.', 0])
  })

  it.each(['127.0.0.1', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]'])('are not reached as %s', async (host) => {
    const endpoint = await startEndpoint()
    const sender = testSender({ allowPrivate: false })
    const { attempt } = await sender.send(someWebhook({ url: `http://${host}:${endpoint.port}/` }), someMessage)
    expect([attempt.statusCode, endpoint.connections]).toEqual([null, 0])
    expect(attempt.reason).toMatch(/is not an address of the public internet\.$/)
  })
})

describe('connections', () => {
  it('go to the very address that was looked at, under the name of the host', async () => {
    const endpoint = await startEndpoint()
    const asked: string[] = []
    const sender = testSender({
      resolve: async (name) => {
        asked.push(name)
        return asked.length === 1 ? ['127.0.0.1'] : ['8.8.8.8']
      },
    })
    const webhook = someWebhook({ url: `http://hooks.shop.example:${endpoint.port}/` })
    for (let times = 0; times < 3; times++) await sender.send(webhook, someMessage)
    // One look for one connection, which is kept.
    expect([asked, endpoint.received.length, endpoint.connections]).toEqual([['hooks.shop.example'], 3, 1])
    expect(endpoint.received[0]!.headers.host).toBe(`hooks.shop.example:${endpoint.port}`)
    sender.forget(webhook.id)
    await vi.waitFor(() => expect(endpoint.open).toBe(0))
  })

  it('are eight at most', async () => {
    const waiting: (() => void)[] = []
    const endpoint = await startEndpoint((response) => waiting.push(() => response.writeHead(204).end()))
    const sender = testSender()
    const webhook = someWebhook({ url: endpoint.url })
    const sent = Array.from({ length: 20 }, () => sender.send(webhook, someMessage))
    for (let answered = 0; answered < 20; answered++) {
      await vi.waitFor(() => expect(waiting.length).toBeGreaterThan(0))
      waiting.shift()!()
    }
    expect((await Promise.all(sent)).map(({ attempt }) => attempt.statusCode)).toEqual(Array.from({ length: 20 }, () => 204))
    expect(endpoint.connections).toBe(8)
  })

  it('that were let go while they were idle are no failure', async () => {
    let requests = 0
    const endpoint = await startEndpoint((response, { socket }) => {
      if (++requests === 2) socket.destroy()
      else response.writeHead(204).end()
    })
    const sender = testSender()
    const webhook = someWebhook({ url: endpoint.url })
    await sender.send(webhook, someMessage)
    expect((await sender.send(webhook, someMessage)).attempt.outcome).toBe('delivered')
    expect([requests, endpoint.connections]).toEqual([3, 2])
  })

  it('are closed at once when the node stops', async () => {
    const stopping = new AbortController()
    const endpoint = await startEndpoint(() => stopping.abort())
    const { attempt } = await testSender().send(someWebhook({ url: endpoint.url }), someMessage, stopping.signal)
    expect(attempt).toMatchObject({ outcome: 'failed', reason: 'This node is stopping.' })
    await vi.waitFor(() => expect(endpoint.open).toBe(0))
  })
})

describe('the time between attempts', () => {
  const pauses = (random: number): number[] => {
    const found: number[] = []
    let triedFor = 0
    for (let attempts = 1; ; attempts++) {
      const pause = retryMs(attempts, triedFor, () => random)
      if (pause === null) return found
      found.push(pause)
      triedFor += pause
    }
  }
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

  it('grows from five seconds to ten hours, and ends after three days', () => {
    const second = 1_000
    const found = pauses(0.5)
    expect(found.slice(0, 8).map((ms) => ms / second)).toEqual([5, 60, 300, 1_800, 7_200, 18_000, 36_000, 36_000])
    expect([sum(found), found.length]).toEqual([3 * day, 13])
  })

  it('is a fifth more or less', () => {
    expect([pauses(0)[0], pauses(1)[0], pauses(0)[6], pauses(1)[6]]).toEqual([4_000, 6_000, 8 * hour, 12 * hour])
    expect([sum(pauses(0)), sum(pauses(1))]).toEqual([3 * day, 3 * day])
  })
})
