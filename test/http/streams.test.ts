import { get, type IncomingMessage } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { refusal, startService, type Headers, type Service } from '../support/http.ts'
import type { Event, Page, Reservation, Stock } from '../support/http-shapes.ts'

interface Message<Data> {
  readonly id: string
  readonly event: string | undefined
  readonly data: Data
}

interface Listening<Data> {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  /** Messages so far. */
  readonly heard: readonly Message<Data>[]
  /** Resolves as soon as a message is such. */
  readonly until: (isIt: (message: Message<Data>) => boolean) => Promise<Message<Data>>
  readonly pause: () => void
  readonly resume: () => void
  readonly ended: Promise<void>
  readonly close: () => void
}

/** Server-sent events as a browser reads them. */
function listen<Data>(address: string, path: string, headers: Headers = {}): Promise<Listening<Data>> {
  return new Promise((resolve, reject) => {
    const request = get(`${address}${path}`, { headers }, (response) => {
      const heard: Message<Data>[] = []
      let waiting: (() => void)[] = []
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        const parts = (text + chunk).split('\n\n')
        text = parts.pop() ?? ''
        for (const part of parts) {
          const fields = Object.fromEntries(part.split('\n').map((line) => [line.split(': ', 1)[0], line.slice(line.indexOf(': ') + 2)]))
          if (fields['data'] !== undefined)
            heard.push({ id: fields['id']!, event: fields['event'], data: JSON.parse(fields['data']) as Data })
        }
        for (const look of waiting.splice(0)) look()
      })
      const ended = new Promise<void>((end) => response.on('close', end))
      const until = async (isIt: (message: Message<Data>) => boolean): Promise<Message<Data>> => {
        for (;;) {
          const found = heard.find(isIt)
          if (found !== undefined) return found
          await new Promise<void>((look) => waiting.push(look))
        }
      }
      const { statusCode: status = 0, headers: answered } = response
      resolve({
        status,
        headers: answered,
        heard,
        until,
        ended,
        pause: () => response.pause(),
        resume: () => response.resume(),
        close: () => request.destroy(),
      })
    })
    request.on('error', reject)
  })
}

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
