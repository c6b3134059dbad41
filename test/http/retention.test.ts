import { expect, it } from 'vitest'
import { createClient } from '../../src/client/index.ts'
import { createHoldfast, sqliteStore } from '../../src/index.ts'
import { manualClock } from '../support/clock.ts'
import type { Event, Page } from '../support/http-shapes.ts'
import { expectNoReports, startService } from '../support/http.ts'
import { putOnSale } from '../support/http-shop.ts'

const hour = 3_600_000

it('a cursor behind what is kept is 410 cursor_expired, and whoever asks for the beginning gets the oldest that is there (E2)', async () => {
  const clock = manualClock()
  const store = await sqliteStore({ path: ':memory:', clock })
  const service = await startService({ store, clock })
  for (let made = 0; made < 5; made++) await putOnSale(service, 1)
  const all = (await service.get<Page<Event>>('/v1/events')).body.data
  clock.advance(2 * hour)
  await store.retention!.prune({ eventsMs: hour, reservationsMs: null, answersMs: null, limit: 48 })
  const oldestCursor = '3'
  const problem = {
    type: 'urn:holdfast:cursor_expired',
    title: 'The events are not kept any more',
    status: 410,
    detail: 'The events after 1 are not kept any more; the oldest that are there come after 3.',
    code: 'cursor_expired',
    oldestCursor,
  }
  for (const path of ['/v1/events?after=1', '/v1/events?after=1&limit=1', '/v1/events/stream?after=1']) {
    const answer = await service.get(path)
    expect([answer.status, answer.body]).toEqual([410, problem])
  }
  const resumed = await service.get('/v1/events/stream', { 'last-event-id': '1' })
  expect([resumed.status, resumed.body]).toEqual([410, problem])
  for (const path of ['/v1/events', '/v1/events?after=0', `/v1/events?after=${oldestCursor}`]) {
    expect((await service.get<Page<Event>>(path)).body.data).toEqual(all.slice(3))
  }

  const client = createClient({ url: service.address })
  await using shop = createHoldfast({ store: { ...store, close: async () => {} }, expiry: 'manual' })
  for (const reader of [client, shop]) {
    const expired = { name: 'Fault', code: 'cursor_expired', oldestCursor }
    await expect(reader.events({ cursor: '2' })).rejects.toMatchObject(expired)
    await expect(reader.follow({ after: '2' }).next()).rejects.toMatchObject(expired)
    expect((await reader.follow({ after: oldestCursor }).next()).value).toMatchObject({ id: '4' })
  }
  await client.close()
  expectNoReports(service)
  await service.close()
})
