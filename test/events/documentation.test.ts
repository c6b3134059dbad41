import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { viewEvent } from '../../src/engine/views.ts'
import { sqliteLedger } from '../../src/store/sqlite/ledger.ts'
import { manualClock } from '../support/clock.ts'
import { temporaryFile } from '../support/folder.ts'
import { startService } from '../support/http.ts'
import type { Event, Order, Page, Reservation } from '../support/http-shapes.ts'

const page = readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8')

/** What stands under a heading that is a type. */
const documented = [...page.matchAll(/^### `(\S+)`\n(.*?)(?=^#|$(?![^]))/gms)].map(([, type = '', text = '']) => ({
  type,
  events: [...text.matchAll(/^```json\n(.*?)^```/gms)].map(([, json = '']) => JSON.parse(json) as Event),
}))

/** The first event of each type, of a sale through the API. */
async function story(): Promise<readonly Event[]> {
  const clock = manualClock()
  const path = await temporaryFile()
  const service = await startService({ storeUrl: `sqlite:${path}`, clock })
  const after = <Body>(seconds: number, method: string, url: string, body?: unknown) => {
    clock.advance(seconds * 1_000)
    return service.send<Body>(method, url, body === undefined ? {} : { body })
  }
  const reserve = (seconds: number, userId: string, quantity: number) =>
    after<Reservation>(seconds, 'POST', '/v1/reservations', { userId, items: [{ sku: 'mug', quantity }], ttlSeconds: 300 })
  await after(0, 'POST', '/v1/products', { sku: 'mug', name: 'A mug', totalStock: 5, price: { amount: 1_200, currency: 'EUR' } })
  await after(60, 'PATCH', '/v1/products/mug', { maxPerUser: 4 })
  const ada = (await reserve(60, 'ada', 2)).body.id
  await after(30, 'POST', `/v1/reservations/${ada}/extend`, { ttlSeconds: 600 })
  const order = (await after<Order>(15, 'POST', `/v1/reservations/${ada}/confirm`, { metadata: { payment: 'p-77' } })).body.id
  const bob = (await reserve(5, 'bob', 3)).body.id
  await after(10, 'POST', `/v1/reservations/${bob}/cancel`)
  await reserve(20, 'cid', 1)
  await reserve(300, 'dan', 3)
  await after(60, 'POST', `/v1/orders/${order}/cancel`, { reason: 'damaged' })
  await after(60, 'POST', '/v1/products/mug/stock-adjustments', { delta: 20 })
  const { data } = (await service.get<Page<Event>>('/v1/events?after=0')).body
  await service.close()

  // Only a store in memory can lose what was active, and its ledger tells of it.
  clock.advance(30_000)
  const ledger = await sqliteLedger({ path, clock })
  await ledger.takeOver(0, async () => {})
  const lost = await ledger.events({ cursor: data.at(-1)!.id, limit: 9 })
  await ledger.close()
  return [...data, ...(lost.data.map(viewEvent) as unknown as Event[])].filter(
    ({ type }, index, all) => all.findIndex((other) => other.type === type) === index,
  )
}

/** Ids are others each time; in the order of the feed each gets a number instead. */
function numbered(events: readonly Event[]): unknown {
  const known = new Map<string, string>()
  const text = JSON.stringify(events.toSorted((a, b) => Number(a.id) - Number(b.id)))
  return JSON.parse(
    text.replaceAll(
      /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g,
      (id) => known.get(id) ?? (known.set(id, `id ${known.size}`), known.get(id)!),
    ),
  )
}

describe('docs/events.md', () => {
  it('shows one event of each type as the service tells it, and no others', async () => {
    const told = await story()
    expect(documented.map(({ type, events }) => [type, ...events.map((event) => event.type)])).toEqual(
      documented.map(({ type }) => [type, type]),
    )
    expect(numbered(documented.flatMap(({ events }) => events))).toEqual(numbered(told))
  })
})
