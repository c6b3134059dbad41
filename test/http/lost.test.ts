import { expect, it } from 'vitest'
import { sqliteStore } from '../../src/index.ts'
import { createProduct, reserve } from '../../src/store/conformance/kit.ts'
import { sqliteLedger } from '../../src/store/sqlite/ledger.ts'
import { temporaryFile } from '../support/folder.ts'
import type { Event, Page, Reservation } from '../support/http-shapes.ts'
import { refusal, startService } from '../support/http.ts'

it('a reservation that was lost is 410 reservation_lost, is in no list, and in the feed', async () => {
  const path = await temporaryFile()
  const store = await sqliteStore({ path })
  await store.execute([createProduct('a', 3), reserve('ada', { a: 2 }, { id: 'gone' }), reserve('ada', { a: 1 }, { id: 'here' })])
  await store.close()
  const ledger = await sqliteLedger({ path })
  await ledger.append(0, 0, 1, [{ type: 'lost', id: 'gone', time: Date.now() }])
  await ledger.close()

  const service = await startService({ storeUrl: `sqlite:${path}` })
  const read = await service.get('/v1/reservations/gone')
  expect([read.status, refusal(read)]).toEqual([410, 'reservation_lost'])
  for (const act of ['confirm', 'cancel', 'extend']) {
    const answer = await service.post(`/v1/reservations/gone/${act}`, act === 'extend' ? { ttlSeconds: 9 } : {})
    expect([answer.status, refusal(answer)]).toEqual([410, 'reservation_lost'])
  }
  const { data } = (await service.get<Page<Reservation>>('/v1/reservations')).body
  expect(data.map(({ id }) => id)).toEqual(['here'])
  expect(refusal(await service.get('/v1/reservations?status=lost'))).toBe('validation_failed at status')
  const events = (await service.get<Page<Event>>('/v1/events?after=3')).body.data
  expect(events).toMatchObject([
    { type: 'stock.sold_out' },
    { type: 'reservation.lost', subject: 'gone', data: { status: 'lost', expiresInMs: 0 } },
    { type: 'stock.available_again' },
  ])
  await service.close()
})
