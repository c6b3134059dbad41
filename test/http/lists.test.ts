import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { manualClock } from '../support/clock.ts'
import { buy, putOnSale, reservationOf, reserve } from '../support/http-shop.ts'
import type { Order, Page, Product, Reservation } from '../support/http-shapes.ts'
import { expectNoReports, refusal, startService, type Service } from '../support/http.ts'

let service: Service
const clock = manualClock()

beforeAll(async () => {
  service = await startService({ clock })
})
afterAll(async () => {
  expectNoReports(service)
  await service.close()
})

/** Follow nextCursor to the end. */
async function walk<Thing>(path: string, between: () => Promise<unknown> = async () => undefined): Promise<Thing[][]> {
  const pages: Thing[][] = []
  let cursor: string | null = null
  do {
    const { status, body }: { status: number; body: Page<Thing> } = await service.get<Page<Thing>>(
      cursor === null ? path : `${path}${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}`,
    )
    expect(status).toBe(200)
    pages.push([...body.data])
    cursor = body.nextCursor
    expect(pages.length).toBeLessThan(500)
    await between()
  } while (cursor !== null)
  return pages
}

const ids = (things: readonly { readonly id: string }[]) => things.map(({ id }) => id)

describe('GET /v1/products', () => {
  it('answers an empty page where there is nothing', async () => {
    const empty = await startService()
    for (const path of ['/v1/products', '/v1/reservations', '/v1/orders', '/v1/events']) {
      expect((await empty.get(path)).body).toStrictEqual({ data: [], nextCursor: null })
    }
    await empty.close()
  })

  it('lists by sku in ASCII order, every product once, as it reads alone', async () => {
    const names = ['b', 'B', 'a', '_', '-', '.', '10', '9', 'a.b', 'a-b', 'a_b', 'aB', 'ab', '__proto__', 'constructor']
    for (const name of names) await putOnSale(service, 1, {}, name)
    const pages = await walk<Product>('/v1/products?limit=4')
    const listed = pages.flat().map(({ sku }) => sku)
    expect(listed).toEqual(names.toSorted((a, b) => (a < b ? -1 : 1)))
    expect(pages.slice(0, -1).every((page) => page.length === 4)).toBe(true)
    expect(pages.at(-1)).not.toEqual([])
    expect(pages.flat()[0]).toStrictEqual((await service.get<Product>(`/v1/products/${listed[0]}`)).body)
  })

  it('neither repeats nor skips what was there when others come and go meanwhile', async () => {
    const before = (await walk<Product>('/v1/products')).flat().map(({ sku }) => sku)
    let made = 0
    const seen = (await walk<Product>('/v1/products?limit=3', () => putOnSale(service, 1, {}, `a${made++}`))).flat().map(({ sku }) => sku)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toEqual(expect.arrayContaining(before))
  })
})

describe('GET /v1/reservations', () => {
  it('lists the newest first, ties by id, every reservation once', async () => {
    const sku = await putOnSale(service, 1_000)
    const made: Reservation[] = []
    for (let n = 0; n < 25; n++) {
      // Five in the same millisecond.
      if (n % 5 === 0) clock.advance(1)
      made.push(await reserve(service, sku, { userId: 'lister' }))
    }
    const pages = await walk<Reservation>('/v1/reservations?userId=lister&limit=4')
    expect(pages.map((page) => page.length)).toEqual([4, 4, 4, 4, 4, 4, 1])
    expect(pages.flat()).toStrictEqual(made.map((one) => ({ ...one, expiresInMs: Date.parse(one.expiresAt) - clock() })).toReversed())
  })

  it('does not show on later pages what came after the first', async () => {
    const sku = await putOnSale(service, 1_000)
    const made: string[] = []
    for (let n = 0; n < 10; n++) made.push((await reserve(service, sku, { userId: 'walker' })).id)
    const pages = await walk<Reservation>('/v1/reservations?userId=walker&limit=3', () => reserve(service, sku, { userId: 'walker' }))
    expect(ids(pages.flat())).toEqual(made.toReversed())
  })

  it('filters by user, sku and status, each and together', async () => {
    const [a, b] = [await putOnSale(service, 100), await putOnSale(service, 100)]
    const both = { userId: 'filter-1', items: [a, b].map((sku) => ({ sku, quantity: 1 })) }
    const two = (await service.post<Reservation>('/v1/reservations', both)).body
    const one = await reserve(service, a, { userId: 'filter-1' })
    const other = await reserve(service, a, { userId: 'filter-2', ttlSeconds: 1 })
    await service.post(`/v1/reservations/${one.id}/cancel`)
    const order = await buy(service, b, { userId: 'filter-2' })
    const list = async (query: string) => ids((await walk<Reservation>(`/v1/reservations?${query}`)).flat())
    expect(await list('userId=filter-1')).toEqual([one.id, two.id])
    expect(await list(`sku=${a}`)).toEqual([other.id, one.id, two.id])
    expect(await list(`sku=${b}`)).toEqual([order.reservationId, two.id])
    expect(await list(`sku=${a}&status=active`)).toEqual([other.id, two.id])
    expect(await list(`userId=filter-1&sku=${a}&status=cancelled`)).toEqual([one.id])
    expect(await list(`userId=filter-2&status=confirmed`)).toEqual([order.reservationId])
    clock.advance(1_000)
    expect(await list(`sku=${a}&status=expired`)).toEqual([other.id])
    expect(await list(`sku=${a}&status=active`)).toEqual([two.id])
    expect(await list('userId=nobody')).toEqual([])
    expect(await list('sku=nobody-sells-this')).toEqual([])
    expect(await list('sku=__proto__')).toEqual([])
  })

  it('takes a userId as text, whatever characters it has', async () => {
    const sku = await putOnSale(service, 100)
    for (const userId of ['a b+c&d=e%/?#', '%00', 'ü😀', '__proto__', '1']) {
      const { id } = (await service.post<Reservation>('/v1/reservations', reservationOf(sku, { userId }))).body
      const { body } = await service.get<Page<Reservation>>(`/v1/reservations?userId=${encodeURIComponent(userId)}`)
      expect(body.data.map((one) => [one.id, one.userId])).toEqual([[id, userId]])
    }
  })
})

describe('GET /v1/orders', () => {
  it('lists the newest first, of all or of one user, cancelled ones too', async () => {
    const sku = await putOnSale(service, 1_000)
    const made: Order[] = []
    for (let n = 0; n < 11; n++) made.push(await buy(service, sku, { userId: n % 2 === 0 ? 'even' : 'odd' }))
    await service.post(`/v1/orders/${made[4]!.id}/cancel`)
    const even = ids(made.filter(({ userId }) => userId === 'even')).toReversed()
    expect(ids((await walk<Order>('/v1/orders?userId=even&limit=2')).flat())).toEqual(even)
    expect(ids((await walk<Order>('/v1/orders?limit=3')).flat()).slice(0, 11)).toEqual(ids(made).toReversed())
    const { body } = await service.get<Page<Order>>('/v1/orders?userId=even')
    expect(body.data.find(({ id }) => id === made[4]!.id)).toStrictEqual((await service.get<Order>(`/v1/orders/${made[4]!.id}`)).body)
  })
})

describe('pages', () => {
  it('have 50 things unless told otherwise, 200 at most', async () => {
    const sku = await putOnSale(service, 1_000)
    await Promise.all(Array.from({ length: 201 }, () => reserve(service, sku, { userId: 'many' })))
    const sizes: number[] = []
    for (const query of ['', '&limit=1', '&limit=199', '&limit=200']) {
      const { body } = await service.get<Page<Reservation>>(`/v1/reservations?userId=many${query}`)
      sizes.push(body.data.length)
      expect(body.nextCursor).not.toBeNull()
    }
    expect(sizes).toEqual([50, 1, 199, 200])
  })

  it('end with null when the last thing is on them, even when they are full', async () => {
    const sku = await putOnSale(service, 10)
    for (let n = 0; n < 4; n++) await buy(service, sku, { userId: 'four' })
    for (const list of ['/v1/reservations', '/v1/orders']) {
      expect((await service.get<Page<unknown>>(`${list}?userId=four&limit=4`)).body.nextCursor).toBeNull()
      expect((await service.get<Page<unknown>>(`${list}?userId=four&limit=3`)).body.nextCursor).not.toBeNull()
    }
  })

  const lists = ['/v1/products', '/v1/reservations', '/v1/orders', '/v1/events']

  it.each(lists)('%s refuses a limit that is not a whole number from 1 to 200', async (list) => {
    for (const limit of ['0', '201', '-1', '1.5', '1e2', 'NaN', '', ' 1', '0x10', 'ten', '99999999999999999999', 'null']) {
      const answer = await service.get(`${list}?limit=${encodeURIComponent(limit)}`)
      expect({ limit, refusal: refusal(answer) }).toEqual({ limit, refusal: 'validation_failed at limit' })
    }
    expect(refusal(await service.get(`${list}?limit=1&limit=2`))).toBe('validation_failed at limit')
  })

  it.each(lists)('%s refuses a cursor that it did not give', async (list) => {
    const name = list === '/v1/events' ? 'after' : 'cursor'
    const shapeless = ['', 'a b', '\0', 'ü', '1'.repeat(100), "' or 1=1", '1,2', '[]', '{}']
    for (const cursor of list === '/v1/products' ? shapeless : [...shapeless, '-1', '1.5', 'abc', '__proto__']) {
      const answer = await service.get(`${list}?${name}=${encodeURIComponent(cursor)}`)
      expect({ cursor, refusal: refusal(answer) }).toEqual({ cursor, refusal: `validation_failed at ${name}` })
    }
    expect(refusal(await service.get(`${list}?${name}=1&${name}=2`))).toBe(`validation_failed at ${name}`)
  })
})
