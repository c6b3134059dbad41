import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { refusal, startService, type Headers, type Service } from '../support/http.ts'
import type { Event, Page, Reservation, Stock } from '../support/http-shapes.ts'
import { listen, type Listening, type Message } from '../support/listen.ts'

let service: Service
let streams: { close: () => void }[]

beforeEach(async () => {
  streams = []
  service = await startService()
  await service.post('/v1/products', { sku: 'A', name: 'A', totalStock: 100 })
  await service.post('/v1/products', { sku: 'B', name: 'B', totalStock: 5 })
})

afterEach(async () => {
  for (const stream of streams) stream.close()
  await service.close()
})

async function open<Data>(path: string, headers: Headers = {}): Promise<Listening<Data>> {
  const stream = await listen<Data>(service.address, path, headers)
  streams.push(stream)
  return stream
}

async function reserve(quantity = 1, sku = 'A'): Promise<string> {
  return (await service.post<Reservation>('/v1/reservations', { userId: 'u1', items: [{ sku, quantity }] })).body.id
}

describe('GET /v1/stock/stream', () => {
  it('tells the stock of each sku at once, and then whenever one has changed', async () => {
    const stream = await open<Stock>('/v1/stock/stream?sku=B&sku=A&sku=B')
    expect([stream.status, stream.headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8'])
    await stream.until(({ data }) => data.sku === 'A')
    expect(stream.heard.map(({ data }) => [data.sku, data.available, data.status])).toEqual([
      ['B', 5, 'available'],
      ['A', 100, 'available'],
    ])
    await reserve(5, 'B')
    const { data, id } = await stream.until(({ data: { sku, version } }) => sku === 'B' && version === 2)
    expect([data.available, data.status, id]).toEqual([0, 'all_reserved', '2'])
    expect(data.nextReleaseAt).toMatch(/Z$/)
    const { body } = await service.get<Stock>('/v1/products/B/stock')
    expect(data).toEqual(body)
  })

  it('tells at most ten states of a sku in a second, however many there are', async () => {
    const stream = await open<Stock>('/v1/stock/stream?sku=A')
    await stream.until(() => true)
    const startedAt = performance.now()
    for (let quantity = 1; stream.heard.length < 5; quantity++) await service.post('/v1/products/A/stock-adjustments', { delta: quantity })
    // The first change is told at once.
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(290)
    expect(stream.heard.at(-1)!.data.version).toBeGreaterThan(6)
  })

  it('leaves out states in between, and never the last; versions only grow', async () => {
    const stream = await open<Stock>('/v1/stock/stream?sku=A')
    await Promise.all(Array.from({ length: 60 }, () => reserve()))
    await stream.until(({ data }) => data.available === 40)
    const versions = stream.heard.map(({ data }) => data.version)
    expect(versions).toEqual(versions.toSorted((a, b) => a - b))
    expect(new Set(versions).size).toBe(versions.length)
    expect(versions.length).toBeLessThan(30)
  })

  it('tells everybody who listens, also whoever reads slowly', async () => {
    const all = await Promise.all(Array.from({ length: 50 }, () => open<Stock>('/v1/stock/stream?sku=A')))
    all[0]!.pause()
    await reserve(7)
    await reserve(20)
    all[0]!.resume()
    const last = await Promise.all(all.map((stream) => stream.until(({ data }) => data.available === 73)))
    expect(new Set(last.map(({ data }) => data.version))).toEqual(new Set([3]))
  })

  it('begins with the state of the moment for whoever connects again', async () => {
    const first = await open<Stock>('/v1/stock/stream?sku=A')
    const { id } = await first.until(() => true)
    first.close()
    await reserve(3)
    const again = await open<Stock>('/v1/stock/stream?sku=A', { 'last-event-id': id })
    expect((await again.until(() => true)).data.available).toBe(97)
  })

  it.each([
    ['/v1/stock/stream', 400, 'validation_failed at sku'],
    ['/v1/stock/stream?sku=', 400, 'validation_failed at sku'],
    [`/v1/stock/stream?${'sku=A&'.repeat(101)}`, 400, 'validation_failed at sku'],
    ['/v1/stock/stream?sku=A&skus=B', 400, 'validation_failed at skus'],
    ['/v1/stock/stream?sku=A&sku=missing', 404, 'product_not_found'],
  ])('refuses %.40s with %i', async (path, status, code) => {
    const answer = await service.get(path)
    expect([answer.status, refusal(answer)]).toEqual([status, code])
  })
})

describe('GET /v1/events/stream', () => {
  it('is the feed, from the beginning for after=0, in order, and goes on as things happen', async () => {
    const stream = await open<Event>('/v1/events/stream?after=0')
    await stream.until(({ data }) => data.subject === 'B')
    const id = await reserve()
    await service.post(`/v1/reservations/${id}/confirm`)
    await stream.until(({ event }) => event === 'order.created')
    const { body } = await service.get<Page<Event>>('/v1/events?after=0')
    expect(stream.heard.map(({ data }) => data)).toEqual(body.data)
    expect(stream.heard.map(({ event }) => event)).toEqual(body.data.map(({ type }) => type))
    expect(stream.heard.at(-1)?.id).toBe(body.nextCursor)
  })

  it('goes on after Last-Event-ID, which wins over after, and begins now without either', async () => {
    await reserve()
    const all = await open<Event>('/v1/events/stream?after=0')
    await all.until(({ event }) => event === 'reservation.created')
    const now = await open<Event>('/v1/events/stream')
    const resumed = await open<Event>('/v1/events/stream?after=0', { 'last-event-id': all.heard[1]!.id })
    await reserve()
    const isSecond = ({ id }: Message<Event>): boolean => Number(id) > Number(all.heard[2]!.id)
    await Promise.all([all, now, resumed].map((stream) => stream.until(isSecond)))
    const idsOf = ({ heard }: Listening<Event>): string[] => heard.map(({ id }) => id)
    expect(idsOf(resumed)).toEqual(idsOf(all).slice(2))
    expect(idsOf(now)).toEqual(idsOf(all).slice(3))
  })

  it.each([
    ['/v1/events/stream?after=x', {}, 'validation_failed at after'],
    ['/v1/events/stream', { 'last-event-id': 'x' }, 'validation_failed at last-event-id'],
  ])('refuses a cursor that is none: %s %j', async (path, headers, code) => {
    expect(refusal(await service.get(path, headers))).toBe(code)
  })
})

describe('streams', () => {
  it('cost a sale nothing while nobody listens', async () => {
    let reads = 0
    const counted = await startService({
      wrap: (store) => ({
        ...store,
        product: (sku) => (reads++, store.product(sku)),
        events: (query) => (reads++, store.events(query)),
      }),
    })
    const sell = () => counted.post('/v1/reservations', { userId: 'u1', items: [{ sku: 'A', quantity: 1 }] })
    await counted.post('/v1/products', { sku: 'A', name: 'A', totalStock: 1_000_000 })
    for (const path of ['/v1/stock/stream?sku=A', '/v1/drops/stream', '/v1/events/stream']) {
      const stream = await listen(counted.address, path)
      await sell()
      await stream.until(({ event }) => event !== 'CONNECTED')
      stream.close()
      await stream.ended
    }
    // The service hears of it when they have gone. Nobody waits for so long between two looks.
    const readsOfASale = async (): Promise<number> => {
      const [before, startedAt] = [reads, performance.now()]
      while (performance.now() - startedAt < 300) await sell()
      return reads - before
    }
    await expect.poll(readsOfASale, { timeout: 10_000 }).toBe(0)
    await counted.close()
  })

  it('are not kept for a client that goes away before its stream begins', async () => {
    let isAsked = (): void => {}
    let answer = (): void => {}
    const asked = new Promise<void>((resolve) => (isAsked = resolve))
    const held = new Promise<void>((resolve) => (answer = resolve))
    let isHeld = true
    const slow = await startService({
      app: { streamsMax: 1 },
      wrap: (store) => ({
        ...store,
        product: async (sku) => {
          if (isHeld) {
            isHeld = false
            isAsked()
            await held
          }
          return store.product(sku)
        },
      }),
    })
    await slow.post('/v1/products', { sku: 'A', name: 'A', totalStock: 100 })
    const socket = connect(slow.port, '127.0.0.1', () => socket.write('GET /v1/stock/stream?sku=A HTTP/1.1\r\nhost: a\r\n\r\n'))
    await asked
    socket.destroy()
    await once(socket, 'close')
    // Whoever comes later is answered later, so the service knows by then that the first has gone.
    await slow.get('/livez')
    answer()
    const next = await listen(slow.address, '/v1/stock/stream?sku=A')
    expect(next.status).toBe(200)
    next.close()
    await slow.close()
  })

  it('are heard of every 15 seconds, so that no proxy takes them for dead', async ({ onTestFinished }) => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const beating = await startService({ app: {} })
    const socket = connect(beating.port, '127.0.0.1', () => socket.write('GET /v1/events/stream HTTP/1.1\r\nhost: a\r\n\r\n'))
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
    await expect.poll(() => text).toMatch(/\r\n\r\n$/)
    await vi.advanceTimersByTimeAsync(15_000)
    await expect.poll(() => text).toMatch(/\r\n\r\n:\n\n$/)
    socket.destroy()
    await beating.close()
  })

  it('cannot be asked for their headers alone', async () => {
    expect((await service.send('HEAD', '/v1/stock/stream?sku=A')).status).toBe(405)
  })

  it('do not hold up a stop, which ends them', async () => {
    const [stock, feed] = [await open('/v1/stock/stream?sku=A'), await open('/v1/events/stream')]
    const startedAt = performance.now()
    await service.close()
    await Promise.all([stock.ended, feed.ended])
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    service = await startService()
  })

  it('have a limit, over which the answer is 503 until one ends', async () => {
    const few = await startService({ app: { streamsMax: 1 } })
    await few.post('/v1/products', { sku: 'A', name: 'A', totalStock: 100 })
    const one = await listen(few.address, '/v1/stock/stream?sku=A')
    expect(refusal(await few.get('/v1/stock/stream?sku=A'))).toBe('overloaded')
    one.close()
    await one.ended
    await expect
      .poll(async () => {
        const next = await listen(few.address, '/v1/stock/stream?sku=A')
        next.close()
        return next.status
      })
      .toBe(200)
    await few.close()
  })
})
