import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { manualClock } from '../support/clock.ts'
import { booksOf, buy, putOnSale, reserve } from '../support/http-shop.ts'
import type { Order, Reservation } from '../support/http-shapes.ts'
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

describe('GET /v1/orders/{id}', () => {
  it('O1 answers the order as it was confirmed', async () => {
    const sku = await putOnSale(service, 5, { price: { amount: 100, currency: 'EUR' } })
    const { id } = await reserve(service, sku, { metadata: { gift: 'yes' } })
    const confirmed = await service.post<Order>(`/v1/reservations/${id}/confirm`)
    clock.advance(1_000_000_000)
    const read = await service.get<Order>(`/v1/orders/${confirmed.body.id}`)
    expect(read.status).toBe(200)
    expect(read.body).toStrictEqual(confirmed.body)
  })

  it('answers 404 order_not_found, also for the id of a reservation', async () => {
    const { reservationId } = await buy(service, await putOnSale(service, 1))
    expect(refusal(await service.get('/v1/orders/nothing'))).toBe('order_not_found')
    expect(refusal(await service.get(`/v1/orders/${reservationId}`))).toBe('order_not_found')
  })
})

describe('POST /v1/orders/{id}/cancel', () => {
  it('O5 puts the units back on sale once, and answers the same again', async () => {
    const sku = await putOnSale(service, 5)
    const order = await buy(service, sku, { quantity: 3 })
    clock.advance(5_000)
    const first = await service.post<Order>(`/v1/orders/${order.id}/cancel`, { reason: 'changed their mind' })
    expect(first.status).toBe(200)
    expect(first.body).toStrictEqual({ ...order, status: 'cancelled', cancelledAt: new Date(clock()).toISOString() })
    clock.advance(5_000)
    const again = await service.post<Order>(`/v1/orders/${order.id}/cancel`)
    expect({ status: again.status, text: again.text }).toEqual({ status: 200, text: first.text })
    expect(await booksOf(service, sku)).toBe('5 total, 0 reserved, 0 sold, 5 available, version 4')
  })

  it('O5 puts them back once for concurrent cancels', async () => {
    const sku = await putOnSale(service, 5)
    const { id } = await buy(service, sku, { quantity: 5 })
    const answers = await Promise.all(Array.from({ length: 10 }, () => service.post<Order>(`/v1/orders/${id}/cancel`)))
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(await booksOf(service, sku)).toBe('5 total, 0 reserved, 0 sold, 5 available, version 4')
  })

  it('leaves the reservation confirmed, and confirming it again is refused', async () => {
    const { id, reservationId } = await buy(service, await putOnSale(service, 5))
    await service.post(`/v1/orders/${id}/cancel`)
    expect((await service.get<Reservation>(`/v1/reservations/${reservationId}`)).body).toMatchObject({ status: 'confirmed', orderId: id })
    const confirmed = await service.post(`/v1/reservations/${reservationId}/confirm`)
    expect(confirmed.status).toBe(409)
    expect(refusal(confirmed)).toBe('order_cancelled')
    expect(refusal(await service.post(`/v1/reservations/${reservationId}/cancel`))).toBe('reservation_confirmed')
  })

  it('answers 404 for an order that does not exist', async () => {
    expect(refusal(await service.post('/v1/orders/nothing/cancel', { reason: 'x' }))).toBe('order_not_found')
  })
})
