import { describe, expect, it } from 'vitest'
import { createHoldfast, sqliteStore, type Event, type Holdfast } from '../../src/index.ts'

async function openShop(): Promise<Holdfast> {
  const shop = createHoldfast({ store: await sqliteStore({ path: ':memory:' }), expiry: 'manual' })
  await shop.createProduct({ sku: 'a', name: 'A', totalStock: 10_000 })
  return shop
}

const reserve = (shop: Holdfast) => shop.reserve({ userId: 'ann', items: [{ sku: 'a', quantity: 1 }] })

async function take(events: AsyncGenerator<Event, void, void>, count: number): Promise<Event[]> {
  const taken: Event[] = []
  while (taken.length < count) {
    const { value, done } = await events.next()
    if (done === true) break
    taken.push(value)
  }
  return taken
}

describe('follow()', () => {
  it('gives every event from the beginning on, then as they come (E2)', async () => {
    await using shop = await openShop()
    await Promise.all(Array.from({ length: 450 }, () => reserve(shop)))
    const followed = shop.follow()
    const before = await take(followed, 451)
    const next = followed.next()
    await reserve(shop)
    const { value: live } = await next
    const all = [...before, live as Event]
    expect(all.map(({ type }) => type)).toEqual(['product.created', ...Array.from({ length: 451 }, () => 'reservation.created')])
    expect(new Set(all.map(({ id }) => id)).size).toBe(452)
  })

  it('lets others have a turn while it catches up with a long feed', async () => {
    await using shop = await openShop()
    await Promise.all(Array.from({ length: 2_000 }, () => reserve(shop)))
    let turns = 0
    let isOver = false
    const count = (): void => {
      turns++
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    await take(shop.follow(), 2_001)
    isOver = true
    expect(turns).toBeGreaterThanOrEqual(9)
  })

  it('resumes after a cursor, without gap or repeat (E2)', async () => {
    await using shop = await openShop()
    for (let made = 0; made < 5; made++) await reserve(shop)
    const first = await take(shop.follow(), 3)
    const after = first.at(-1)?.cursor ?? null
    const rest = await take(shop.follow({ after }), 3)
    const { data } = await shop.events()
    expect([...first, ...rest]).toEqual(data)
    await expect(shop.follow({ after: 'nonsense' }).next()).rejects.toMatchObject({ code: 'invalid_cursor' })
  })

  it('waits at the end of the feed, with several readers at their own places', async () => {
    await using shop = await openShop()
    const { nextCursor } = await shop.events()
    const late = shop.follow({ after: nextCursor })
    const early = shop.follow()
    const [first, second] = [take(late, 2), take(early, 3)]
    await reserve(shop)
    await reserve(shop)
    expect((await first).map(({ id }) => id)).toEqual((await second).slice(1).map(({ id }) => id))
  })

  it('ends when its signal aborts: while it waits, before it starts, and in the middle of a page', async () => {
    await using shop = await openShop()
    await Promise.all(Array.from({ length: 10 }, () => reserve(shop)))
    const waiting = new AbortController()
    const followed = shop.follow({ signal: waiting.signal })
    await take(followed, 11)
    const next = followed.next()
    waiting.abort()
    expect(await next).toEqual({ value: undefined, done: true })

    expect(await take(shop.follow({ signal: AbortSignal.abort() }), 1)).toEqual([])

    const middle = new AbortController()
    const seen: string[] = []
    for await (const { type } of shop.follow({ signal: middle.signal })) {
      seen.push(type)
      if (seen.length === 3) middle.abort()
    }
    expect(seen).toHaveLength(3)
  })

  it('ends when Holdfast is closed', async () => {
    const shop = await openShop()
    const followed = shop.follow()
    await take(followed, 1)
    const next = followed.next()
    await shop.close()
    expect(await next).toEqual({ value: undefined, done: true })
    expect(await take(shop.follow(), 1)).toEqual([])
  })

  it('can be left, and gives the listener of its signal back', async () => {
    await using shop = await openShop()
    const { signal } = new AbortController()
    const heard: string[] = []
    const watched = new Proxy(signal, {
      get: (target, name) => {
        if (name === 'addEventListener' || name === 'removeEventListener') heard.push(name)
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
    for await (const event of shop.follow({ signal: watched })) if (event.type === 'product.created') break
    expect(heard).toEqual(['addEventListener', 'removeEventListener'])
  })
})
