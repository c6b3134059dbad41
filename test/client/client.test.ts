import { afterAll, beforeAll, describe, expect, expectTypeOf, it, onTestFinished } from 'vitest'
import * as client from '../../src/client/index.ts'
import { createClient, listAll, type ClientOptions, type Order, type Shop, type ShopEvent } from '../../src/client/index.ts'
import * as library from '../../src/index.ts'
import { createHoldfast, sqliteStore, type Event, type Holdfast, type Refusal } from '../../src/index.ts'
import { expectNoReports, startService, type Service } from '../support/http.ts'
import { freshSku } from '../support/http-shop.ts'
import { accepted } from '../support/shop.ts'

let service: Service
let shop: Shop

beforeAll(async () => {
  service = await startService()
  shop = createClient({ url: service.address })
})
afterAll(async () => {
  await shop.close()
  expectNoReports(service)
  await service.close()
})

async function refusalOf(outcome: Promise<client.Outcome<unknown>>): Promise<Refusal | null> {
  const told = await outcome
  return told.ok ? null : told.refusal
}

/** The same shop in this program, to compare with. */
async function embedded(): Promise<Holdfast> {
  const holdfast = createHoldfast({ store: await sqliteStore({ path: ':memory:' }) })
  onTestFinished(() => holdfast.close())
  return holdfast
}

describe('a shop in a service', () => {
  it('is of the type of a shop in this program, which has more', () => {
    expectTypeOf<ReturnType<typeof createClient>>().toEqualTypeOf<Shop>()
    expectTypeOf<Holdfast>().toExtend<Shop>()
    expectTypeOf<Shop>().not.toExtend<Holdfast>()
    expectTypeOf<Event>().toExtend<ShopEvent>()
    expectTypeOf<ClientOptions>().not.toBeAny()
    expectTypeOf(shop.reserve).parameter(0).toExtend<{ userId: string }>()
    expectTypeOf(shop.product).returns.resolves.toEqualTypeOf<client.Product | null>()
    expectTypeOf(listAll(shop.orders, { userId: 'ada' })).toEqualTypeOf<AsyncGenerator<Order, void, void>>()
    expectTypeOf<Extract<Refusal, { code: 'insufficient_stock' }>['items'][number]['available']>().toBeNumber()
  })

  it('has every member that such a shop has, and no other', async () => {
    const ofOwner = ['readInTurn', 'sweep', 'submit', 'queueLength', 'nextDueInMs', 'lastCursor', 'onChange']
    const membersOf = (one: Shop): string[] => Reflect.ownKeys(one).map(String)
    expect([...membersOf(shop), ...ofOwner].toSorted()).toEqual(membersOf(await embedded()).toSorted())
  })

  it('comes with the same faults, sentences and lists', () => {
    const { Fault, faultCode, explainRefusal, listAll: list } = client
    expect({ Fault, faultCode, explainRefusal, listAll: list }).toEqual({
      Fault: library.Fault,
      faultCode: library.faultCode,
      explainRefusal: library.explainRefusal,
      listAll: library.listAll,
    })
  })

  it('refuses what such a shop refuses: numbers that JSON does not have, instants that are none, keys that no header carries', async () => {
    const other = await embedded()
    for (const input of [{ maxPerUser: Number.NaN }, { saleStartsAt: 1.5 }, { saleEndsAt: Number.NaN }, { saleStartsAt: 1e17 }]) {
      const sku = freshSku()
      for (const one of [shop, other]) {
        const refusal = await refusalOf(one.createProduct({ sku, name: 'x', totalStock: 1, ...input }))
        expect(refusal).toMatchObject({ code: 'validation_failed', errors: [{ path: `/${Object.keys(input)[0]}` }] })
      }
      expect(await shop.product(sku)).toBeNull()
    }
    for (const idempotencyKey of ['', 'é', 'x'.repeat(256)]) {
      const asked = [shop, other].map((one) => refusalOf(one.cancel('r', {}, { idempotencyKey })))
      const [refusal, same] = await Promise.all(asked)
      expect(refusal).toEqual({ code: 'validation_failed', errors: [{ path: 'idempotencyKey', message: expect.any(String) as string }] })
      expect(same).toEqual(refusal)
    }
  })

  it('finds nothing under names that no path can carry, or that would lead elsewhere', async () => {
    for (const name of ['', '.', '..', '../products', '\ud800', 'a/b', '%2e%2e', '?x=1', '#']) {
      expect([await shop.product(name), await shop.order(name), await shop.reservation(name)]).toEqual([null, null, null])
      expect((await refusalOf(shop.confirm(name)))?.code).toBe('reservation_not_found')
      expect((await refusalOf(shop.adjustStock(name, { delta: 1 })))?.code).toBe('product_not_found')
      expect((await refusalOf(shop.cancelOrder(name)))?.code).toBe('order_not_found')
    }
  })

  it('has the sale window in milliseconds', async () => {
    const sku = freshSku()
    const saleStartsAt = Date.UTC(2099, 0, 1)
    const product = accepted(await shop.createProduct({ sku, name: 'x', totalStock: 1, saleStartsAt }))
    expect([product.saleStartsAt, product.saleEndsAt]).toEqual([saleStartsAt, null])
    const asked = shop.reserve({ userId: 'ada', items: [{ sku, quantity: 1 }] })
    expect(await refusalOf(asked)).toEqual({ code: 'sale_not_started', sku, saleStartsAt })
    expect(accepted(await shop.updateProduct(sku, { saleStartsAt: null })).saleStartsAt).toBeNull()
    expect(accepted(await shop.updateProduct(sku, { name: 'y' })).name).toBe('y')
  })

  it.each(['not a url', '/v1', 'ftp://shop.example', 'http://user:secret@shop.example', 'http://shop.example/?x=1'])(
    'needs the address of a service: %s',
    (url) => {
      expect(() => createClient({ url })).toThrow(/^The url must be the address of a service/)
    },
  )

  it('may be below a path', async () => {
    const urls: string[] = []
    const fetch = async (url: string): Promise<Response> => {
      urls.push(url)
      return Response.json({ data: [], nextCursor: null })
    }
    await createClient({ url: 'https://shop.example/sale/', fetch }).orders({ userId: 'ada & eve', limit: 999 })
    expect(urls).toEqual(['https://shop.example/sale/v1/orders?limit=200&userId=ada+%26+eve'])
  })
})

describe('the feed', () => {
  it('is followed from any cursor, as things happen, until the signal aborts', async () => {
    const follower = createClient({ url: service.address, pollMs: 5 })
    onTestFinished(() => follower.close())
    const sku = freshSku('followed')
    accepted(await shop.createProduct({ sku, name: 'x', totalStock: 2 }))
    const { id } = accepted(await shop.reserve({ userId: 'ada', items: [{ sku, quantity: 1 }] }))
    const before = await everything(listAll(shop.events))
    const created = before.find(({ subject }) => subject === sku)!
    const controller = new AbortController()
    const seen: ShopEvent[] = []
    for await (const event of follower.follow({ after: created.cursor, signal: controller.signal })) {
      seen.push(event)
      // Nothing more has happened yet: whoever follows waits for it.
      if (event.type === 'reservation.created') accepted(await shop.confirm(id))
      if (event.type === 'order.created') controller.abort()
    }
    expect(seen.map(({ type }) => type)).toEqual(['reservation.created', 'reservation.confirmed', 'order.created'])
    expect(seen[0]).toEqual(before.at(-1))
    expect(seen[0]).toMatchObject({ subject: id, data: { id, createdAt: seen[0]!.time } })
  })

  it('is no longer followed when the client is closed', async () => {
    const follower = createClient({ url: service.address })
    const events = follower.follow()
    await events.next()
    const rest = everything(events)
    await follower.close()
    await rest
    expect(await events.next()).toEqual({ done: true, value: undefined })
  })

  it('says that a cursor is none of its own, as every list does', async () => {
    for (const asked of [shop.events({ cursor: 'x' }), shop.orders({ cursor: 'x' }), shop.follow({ after: 'x' }).next()]) {
      await expect(asked).rejects.toMatchObject({ name: 'Fault', code: 'invalid_cursor' })
    }
  })
})

describe('listAll()', () => {
  it('reads every page of every list, of a shop in a service and of one in this program', async () => {
    for (const one of [shop, await embedded()]) {
      const sku = freshSku('listed')
      const userId = `buyer of ${sku}`
      accepted(await one.createProduct({ sku, name: 'x', totalStock: 9 }))
      const ids: string[] = []
      for (let n = 0; n < 5; n++) ids.unshift(accepted(await one.reserve({ userId, items: [{ sku, quantity: 1 }] })).id)
      for (const id of ids.slice(0, 3).toReversed()) accepted(await one.confirm(id))
      const reservations = await everything(listAll(one.reservations, { sku, limit: 2 }))
      expect(reservations.map(({ id }) => id)).toEqual(ids)
      const orders = await everything(listAll(one.orders, { userId, limit: 1 }))
      expect(orders.map(({ reservationId }) => reservationId)).toEqual(ids.slice(0, 3))
      expect((await everything(listAll(one.products))).filter((product) => product.sku === sku)).toHaveLength(1)
      const events = await everything(listAll(one.events, { limit: 4 }))
      expect(events).toEqual(await everything(listAll(one.events)))
      expect(events.at(-1)?.type).toBe('order.created')
    }
  })

  it('stops with the signal', async () => {
    const orders = listAll(shop.orders, {}, { signal: AbortSignal.abort(new Error('enough')) })
    await expect(orders.next()).rejects.toThrow('enough')
    const ofLibrary = listAll((await embedded()).orders, {}, { signal: AbortSignal.abort(new Error('enough')) })
    await expect(ofLibrary.next()).rejects.toThrow('enough')
  })
})

async function everything<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}
