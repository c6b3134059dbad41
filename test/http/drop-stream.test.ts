import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { refusal, startService, type Headers, type Service } from '../support/http.ts'
import { listen, type Listening, type Message } from '../support/listen.ts'

interface Drop {
  readonly id: string
  readonly name: string
  readonly availableStock: number
  readonly soldStock: number
}

type Data = Drop & { readonly resumed: boolean }

let service: Service
let streams: Listening<Data>[]

beforeEach(async () => {
  streams = []
  service = await startService()
})

afterEach(async () => {
  for (const stream of streams) stream.close()
  await service.close()
})

async function open(path = '/v1/drops/stream', headers: Headers = {}): Promise<Listening<Data>> {
  const stream = await listen<Data>(service.address, path, headers)
  streams.push(stream)
  return stream
}

async function make(name: string): Promise<Drop> {
  return (await service.post<{ drop: Drop }>('/v1/drops', { name, unitPrice: 9.5, offeringStock: 3 })).body.drop
}

async function reserve({ id }: Drop, userId: string): Promise<Drop> {
  return (await service.post<{ drop: Drop }>(`/v1/drops/${id}/reserve`, undefined, { 'x-user-id': userId })).body.drop
}

const buy = ({ id }: Drop, userId: string) => service.post(`/v1/drops/${id}/purchase`, undefined, { 'x-user-id': userId })

const told = ({ heard }: Listening<Data>) => heard.map(({ event, data: { name, availableStock } }) => [event, name, availableStock])

describe('GET /v1/drops/stream', () => {
  it('tells of drops that are made and of stock that changes, whichever way, as the list shows a drop', async () => {
    const old = await make('old')
    const stream = await open()
    expect([stream.status, stream.headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8'])
    expect((await stream.until(() => true)).data).toEqual({ resumed: false })
    const made = await make('new')
    expect((await stream.until(({ event }) => event === 'NEW_DROP')).data).toEqual(made)
    const reserved = await reserve(old, 'ann')
    const { event, data } = await stream.until(({ data: { id } }) => id === old.id)
    expect([event, data, data.availableStock]).toEqual(['STOCK_UPDATED', reserved, 2])
    await buy(old, 'ann')
    await stream.until(({ data: { soldStock } }) => soldStock === 1)
    await service.post('/v1/products', { sku: 'A', name: 'another way', totalStock: 1 })
    await stream.until(({ event: type, data: { name } }) => type === 'NEW_DROP' && name === 'another way')
    await service.post(`/v1/products/${made.id}/stock-adjustments`, { delta: 4 })
    await stream.until(({ data: { availableStock } }) => availableStock === 7)
    expect(stream.heard.filter(({ event: type }) => type === 'NEW_DROP')).toHaveLength(2)
  })

  it('leaves out states in between, and never the last', async () => {
    const drop = await make('hot')
    await service.post(`/v1/products/${drop.id}/stock-adjustments`, { delta: 97 })
    const all = await Promise.all(Array.from({ length: 20 }, () => open()))
    all[0]!.pause()
    await Promise.all(Array.from({ length: 60 }, (_, index) => reserve(drop, `u${index}`)))
    all[0]!.resume()
    await Promise.all(all.map((stream) => stream.until(({ data }) => data.availableStock === 40)))
    expect(all[1]!.heard.length).toBeLessThan(30)
  })

  for (const others of ['while others listened on', 'while nobody listened']) {
    it(`goes on after Last-Event-ID with every drop that was made and the stock that changed, ${others}`, async () => {
      const [first, second] = [await make('first'), await make('second')]
      await reserve(first, 'ann')
      const stream = await open()
      const begun = await stream.until(({ event }) => event === 'CONNECTED')
      const other = others === 'while others listened on' ? await open() : null
      stream.close()
      await stream.ended
      await reserve(second, 'bob')
      await make('third')
      await buy(second, 'bob')
      const fourth = await make('fourth')
      await reserve(fourth, 'cid')

      const isAll = ({ data: { id, availableStock } }: Message<Data>): boolean => id === fourth.id && availableStock === 2
      await other?.until(isAll)
      const again = await open('/v1/drops/stream', { 'last-event-id': begun.id })
      await again.until(isAll)
      await again.until(({ data: { soldStock } }) => soldStock === 1)
      const [[connected], news] = [told(again), told(again).filter(([event]) => event === 'NEW_DROP')]
      expect([connected?.[0], again.heard[0]!.data.resumed, news]).toEqual([
        'CONNECTED',
        true,
        [
          ['NEW_DROP', 'third', 3],
          ['NEW_DROP', 'fourth', 3],
        ],
      ])
      expect(told(again).filter(([, name]) => name === 'first')).toEqual([])

      const last = await open('/v1/drops/stream', { 'last-event-id': again.heard.at(-1)!.id })
      await make('fifth')
      await last.until(({ event }) => event === 'NEW_DROP')
      expect(told(last).slice(1)).toEqual([['NEW_DROP', 'fifth', 3]])
    })
  }

  it('has ids that never run ahead of a drop that was not told yet', async () => {
    const drop = await make('hot')
    const stream = await open()
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        await reserve(drop, `u${index}`)
        await make(`drop ${index}`)
      }),
    )
    const isNew = ({ event }: { readonly event: string | undefined }) => event === 'NEW_DROP'
    await expect.poll(() => stream.heard.filter(isNew).length).toBe(20)
    const ids = stream.heard.map(({ id }) => Number(id))
    expect(ids).toEqual(ids.toSorted((a, b) => a - b))
    for (const [index, { id }] of stream.heard.entries()) {
      if (index % 7 !== 0) continue
      const rest = stream.heard.slice(index + 1).filter(isNew)
      const again = await open('/v1/drops/stream', { 'last-event-id': id })
      await expect.poll(() => again.heard.filter(isNew)).toEqual(rest)
    }
  })

  it('says that it could not go on after an id that is not of this feed', async () => {
    await make('first')
    const stream = await open('/v1/drops/stream', { 'last-event-id': '999' })
    expect((await stream.until(() => true)).data).toEqual({ resumed: false })
    await make('second')
    expect((await stream.until(({ event }) => event === 'NEW_DROP')).data.name).toBe('second')
  })

  it('with dropId shows these drops at once and whenever they change, and no others', async () => {
    const [first, second, third] = [await make('first'), await make('second'), await make('third')]
    const stream = await open(`/v1/drops/stream?dropId=${second.id}&dropId=${first.id}&dropId=${second.id}`)
    await stream.until(({ data }) => data.id === first.id)
    await reserve(third, 'ann')
    await make('fourth')
    await reserve(second, 'bob')
    await stream.until(({ data }) => data.id === second.id && data.availableStock === 2)
    expect(told(stream)).toEqual([
      ['STOCK_UPDATED', 'second', 3],
      ['STOCK_UPDATED', 'first', 3],
      ['STOCK_UPDATED', 'second', 2],
    ])
  })

  it.each([
    ['/v1/drops/stream?dropId=missing', {}, 404, 'product_not_found'],
    ['/v1/drops/stream?dropId=%20', {}, 404, 'product_not_found'],
    [`/v1/drops/stream?${'dropId=A&'.repeat(101)}`, {}, 400, 'validation_failed'],
    ['/v1/drops/stream?drop=A', {}, 400, 'validation_failed'],
    ['/v1/drops/stream', { 'last-event-id': 'x' }, 400, 'validation_failed'],
    ['/v1/drops/stream', { 'last-event-id': '-1' }, 400, 'validation_failed'],
  ])('refuses %.40s %j with %i', async (path, headers, status, code) => {
    const answer = await service.get<{ code: string }>(path, headers)
    expect([answer.status, answer.body.code]).toEqual([status, code])
  })

  it('is one of the streams that have a limit', async () => {
    const few = await startService({ app: { streamsMax: 1 } })
    const one = await listen(few.address, '/v1/drops/stream')
    expect((await few.get<{ code: string }>('/v1/drops/stream')).body.code).toBe('overloaded')
    expect(refusal(await few.get('/v1/stock/stream?sku=A'))).toBe('product_not_found')
    one.close()
    await few.close()
  })
})
