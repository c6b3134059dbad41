import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startEndpoint, type Endpoint } from '../../support/endpoint.ts'
import { freshSku } from '../../support/http-shop.ts'
import type { Attempt, Event, Page, Reservation, Webhook, WebhookWithSecret } from '../../support/http-shapes.ts'
import { startService, type Service } from '../../support/http.ts'
import { expectSigned } from '../../support/webhooks.ts'

/** The whole service: what is asked for over HTTP is told to servers that listen on real sockets. */
let service: Service

beforeAll(async () => {
  service = await startService({ webhooks: { allowPrivate: true } })
})
afterAll(() => service.close())

type Made = WebhookWithSecret & { readonly path: string }

async function webhookAt({ url }: Pick<Endpoint, 'url'>, named: object = {}): Promise<Made> {
  const { body } = await service.post<WebhookWithSecret>('/v1/webhooks', { url, ...named })
  return { ...body, path: `/v1/webhooks/${body.id}` }
}

async function sell(times = 1): Promise<void> {
  const sku = freshSku()
  await service.post('/v1/products', { sku, name: 'x', totalStock: 1_000 })
  const items = [{ sku, quantity: 1 }]
  for (let sold = 0; sold < times; sold++) {
    const { body } = await service.post<Reservation>('/v1/reservations', { userId: 'ada', items })
    await service.post(`/v1/reservations/${body.id}/confirm`, {})
  }
}

/** The whole feed, as bytes. */
async function feed(types?: readonly string[]): Promise<string[]> {
  const all: Event[] = []
  for (let cursor = '0'; ;) {
    const { data, nextCursor } = (await service.get<Page<Event>>(`/v1/events?limit=200&after=${cursor}`)).body
    all.push(...data)
    if (data.length < 200) return all.filter(({ type }) => types?.includes(type) ?? true).map((event) => JSON.stringify(event))
    cursor = nextCursor ?? '0'
  }
}

/** Where the feed ends. */
async function end(): Promise<string | null> {
  let cursor: string | null = null
  for (;;) {
    const query: string = cursor === null ? '' : `&after=${cursor}`
    const { data, nextCursor }: Page<Event> = (await service.get<Page<Event>>(`/v1/events?limit=200${query}`)).body
    if (data.length === 0) return cursor
    cursor = nextCursor
  }
}

const bodies = ({ received }: Endpoint): string[] => received.map(({ body }) => body)
const within = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 5_000, interval: 10 })
const sorted = (texts: readonly string[]): string[] => [...texts].toSorted()

describe('a webhook', () => {
  it('is told of what happens after it was made, each event once and signed', async () => {
    await sell()
    const before = await feed()
    const endpoint = await startEndpoint()
    const { secret, path } = await webhookAt(endpoint)
    await sell(20)
    const expected = (await feed()).slice(before.length)
    await within(() => expect(endpoint.received.length).toBeGreaterThanOrEqual(expected.length))
    expect(sorted(bodies(endpoint))).toEqual(sorted(expected))
    for (const request of endpoint.received) expectSigned(request, secret)
    expect(endpoint.received.every(({ headers, body }) => headers['webhook-id'] === (JSON.parse(body) as Event).id)).toBe(true)
    // Of one reservation in order.
    const told = endpoint.received.map(({ body }) => JSON.parse(body) as Event)
    for (const { subject } of told.filter(({ type }) => type === 'reservation.created')) {
      const types = told.filter((event) => event.subject === subject).map(({ type }) => type)
      expect(types).toEqual(['reservation.created', 'reservation.confirmed'])
    }
    const attempts = (await service.get<Page<Attempt>>(`${path}/attempts?limit=200`)).body.data
    expect(attempts.map(({ outcome }) => outcome)).toEqual(expected.map(() => 'delivered'))
  })

  it('is told of the types that it asks for, also when it asks for others', async () => {
    const endpoint = await startEndpoint()
    const { path } = await webhookAt(endpoint, { events: ['order.created'] })
    const types = (): string[] => endpoint.received.map(({ body }) => (JSON.parse(body) as Event).type)
    await sell(2)
    await within(() => expect(types()).toEqual(['order.created', 'order.created']))
    await service.patch(path, { events: ['product.created'] })
    await within(async () => {
      await sell()
      expect(types()).toContain('product.created')
    })
    // What was read before the change is told by the old rule; what comes after the last product of now is not.
    const settled = async (): Promise<number> => {
      await sell(3)
      const last = (await feed(['product.created'])).at(-1)
      await within(() => expect(bodies(endpoint)).toContain(last))
      return types().filter((type) => type === 'order.created').length
    }
    const orders = await settled()
    expect(await settled()).toBe(orders)
  })

  it('is not held up by others that fail, hang, flood or are gone', async () => {
    const bad = await Promise.all([
      startEndpoint((response) => response.writeHead(500).end()),
      startEndpoint(() => {}),
      startEndpoint((response) => {
        const pour = (): void => {
          while (!response.destroyed && response.write('x'.repeat(20_000)));
        }
        response.on('drain', pour).writeHead(200)
        pour()
      }),
      startEndpoint((_response, { socket }) => socket.destroy()),
    ])
    for (const endpoint of bad) await webhookAt(endpoint, { events: ['order.created'] })
    await webhookAt({ url: 'http://127.0.0.1:1/' }, { events: ['order.created'] })
    const good = await startEndpoint()
    await webhookAt(good, { events: ['order.created'] })
    await sell(30)
    await within(() => expect(good.received.length).toBe(30))
    await within(() => expect(Math.min(...bad.map(({ received }) => received.length))).toBeGreaterThan(0))
  })

  it('that answers 410 is disabled at once; made active again, it is told of what happened meanwhile', async () => {
    let isGone = true
    const endpoint = await startEndpoint((response) => response.writeHead(isGone ? 410 : 204).end())
    const { path } = await webhookAt(endpoint, { events: ['order.created'] })
    await sell()
    await within(async () => {
      const { body } = await service.get<Webhook>(path)
      expect([body.status, body.disabledReason]).toEqual(['disabled', 'It answered 410: it is gone.'])
    })
    await sell(3)
    expect(endpoint.received.length).toBe(1)
    isGone = false
    await service.patch(path, { status: 'active' })
    await within(() => expect(new Set(bodies(endpoint)).size).toBe(4))
  })

  it('is told again from a cursor, or from the beginning: the same ids and the same bytes', async () => {
    const after = await end()
    await sell(2)
    const endpoint = await startEndpoint()
    const { path } = await webhookAt(endpoint, { events: ['order.created'] })
    const all = await feed(['order.created'])
    await service.post(`${path}/replay`, { after })
    await within(() => expect(sorted(bodies(endpoint))).toEqual(sorted(all.slice(-2))))
    await service.post(`${path}/replay`, { after: null })
    await within(() => expect(sorted(bodies(endpoint))).toEqual(sorted([...all.slice(-2), ...all])))
  })

  it('that was changed goes to the new url, and is told of nothing once it is deleted', async () => {
    const [first, second] = [await startEndpoint(), await startEndpoint()]
    const { path } = await webhookAt(first, { events: ['product.created'] })
    await sell()
    await within(() => expect(first.received.length).toBe(1))
    await service.patch(path, { url: second.url })
    await within(async () => {
      await sell()
      expect(second.received.length).toBeGreaterThan(0)
    })
    const last = (await feed(['product.created'])).at(-1)
    await within(() => expect(bodies(second)).toContain(last))
    const told = (): number => first.received.length + second.received.length
    const before = told()
    await service.send('DELETE', path)
    await within(() => expect(second.open + first.open).toBe(0))
    await sell()
    const witness = await startEndpoint()
    const other = await webhookAt(witness, { events: ['product.created'] })
    await service.post(`${other.path}/replay`, { after: null })
    const all = await feed(['product.created'])
    await within(() => expect(witness.received.length).toBe(all.length))
    expect(told()).toBe(before)
  })
})
