import { describe, expect, it } from 'vitest'
import { Fault, type Store } from '../../src/index.ts'
import { lossyStore, type Loss } from '../support/lossy-store.ts'
import { booksOf, putOnSale, reservationOf } from '../support/http-shop.ts'
import type { Problem, Reservation } from '../support/http-shapes.ts'
import { refusal, startService, type Answer } from '../support/http.ts'

describe('a store that does not answer', () => {
  it('makes writes 503 store_unavailable with Retry-After; nothing was done, and it recovers by itself', async () => {
    let loss: Loss = 'nothing'
    const service = await startService({ wrap: (store) => lossyStore(store, () => loss) })
    const sku = await putOnSale(service, 5)
    loss = 'request'
    const key = { 'idempotency-key': 'while the store is away' }
    const answer = await service.post('/v1/reservations', reservationOf(sku), key)
    expect(answer.status).toBe(503)
    expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
    expect(refusal(answer)).toBe('store_unavailable')
    expect(service.reports).toHaveLength(1)
    loss = 'nothing'
    expect(await booksOf(service, sku)).toBe('5 total, 0 reserved, 0 sold, 5 available, version 1')
    const again = await service.post('/v1/reservations', reservationOf(sku), key)
    expect([again.status, again.headers['idempotent-replayed']]).toEqual([201, undefined])
    await service.close()
  })

  it('O4 makes no difference when only one answer was lost: one effect, and the client never hears of it', async () => {
    const losses: Loss[] = []
    const service = await startService({ wrap: (store) => lossyStore(store, () => losses.shift() ?? 'nothing') })
    const sku = await putOnSale(service, 5)
    losses.push('answer')
    expect((await service.post<Reservation>('/v1/reservations', reservationOf(sku))).status).toBe(201)
    losses.push('answer')
    expect((await service.post(`/v1/products/${sku}/stock-adjustments`, { delta: 1 })).status).toBe(200)
    expect(losses).toEqual([])
    expect(await booksOf(service, sku)).toBe('6 total, 1 reserved, 0 sold, 5 available, version 3')
    await service.close()
  })

  it('I1 I5 has one effect when every answer was lost and the client repeats with its key', async () => {
    let loss: Loss = 'nothing'
    const service = await startService({ wrap: (store) => lossyStore(store, () => loss) })
    const sku = await putOnSale(service, 5)
    loss = 'answer'
    const key = { 'idempotency-key': 'unknown outcome' }
    for (let n = 0; n < 2; n++) expect(refusal(await service.post('/v1/reservations', reservationOf(sku), key))).toBe('store_unavailable')
    loss = 'nothing'
    const answer = await service.post('/v1/reservations', reservationOf(sku), key)
    expect([answer.status, answer.headers['idempotent-replayed']]).toEqual([201, 'true'])
    expect(await booksOf(service, sku)).toBe('5 total, 1 reserved, 0 sold, 4 available, version 2')
    await service.close()
  })

  it('makes reads and /readyz 503, but not /livez', async () => {
    const away = () => Promise.reject(new Fault('store_unavailable', 'away'))
    const names = ['product', 'products', 'reservation', 'reservations', 'order', 'orders', 'events', 'nextDueInMs'] as const
    const service = await startService({ wrap: (store) => ({ ...store, ...Object.fromEntries(names.map((name) => [name, away])) }) })
    const paths = [
      '/readyz',
      '/v1/products',
      '/v1/products/a',
      '/v1/products/a/stock',
      '/v1/reservations',
      '/v1/reservations/a',
      '/v1/orders',
      '/v1/orders/a',
      '/v1/events',
    ]
    for (const path of paths) expect({ path, told: refusal(await service.get(path)) }).toEqual({ path, told: 'store_unavailable' })
    expect((await service.get('/livez')).status).toBe(200)
    expect((await service.get('/metrics')).status).toBe(200)
    await service.close()
  })
})

describe('a bug', () => {
  it('is 500 internal, told to the operator and not to the client', async () => {
    const secret = 'select password from users'
    const fail = () => Promise.reject(new Error(secret))
    const service = await startService({ wrap: (store) => ({ ...store, product: fail, execute: fail }) })
    for (const answer of [await service.get('/v1/products/a'), await service.post('/v1/reservations', reservationOf('a'))]) {
      expect(answer.status).toBe(500)
      expect(refusal(answer)).toBe('internal')
      expect(answer.text).not.toContain('password')
    }
    expect(service.reports).toMatchObject([{ message: secret }, { message: secret }])
    await service.close()
  })
})

describe('more load than the queue takes', () => {
  it('is 503 overloaded with Retry-After at once; what was taken is answered', async () => {
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    let holding = false
    let entered = (): void => undefined
    const inStore = new Promise<void>((resolve) => (entered = resolve))
    const hold = (store: Store): Store => ({
      ...store,
      execute: async (commands, options) => {
        if (holding) {
          entered()
          await held
        }
        return store.execute(commands, options)
      },
    })
    const service = await startService({ wrap: hold, queueMax: 5 })
    const sku = await putOnSale(service, 100)
    holding = true
    const first = service.post('/v1/reservations', reservationOf(sku))
    await inStore
    const others = Array.from({ length: 20 }, () => service.post('/v1/reservations', reservationOf(sku)))
    const refused: Answer<Problem>[] = []
    await new Promise<void>((resolve) => {
      const watch = async (other: Promise<Answer<Problem>>) => {
        const answer = await other
        if (answer.status === 503) refused.push(answer)
        if (refused.length === 15) resolve()
      }
      for (const other of others) void watch(other)
    })
    for (const answer of refused) {
      expect(refusal(answer)).toBe('overloaded')
      expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
    }
    release()
    const answers = await Promise.all([first, ...others])
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(6)
    expect(answers.filter(({ status }) => status === 503)).toHaveLength(15)
    expect(await booksOf(service, sku)).toBe('100 total, 6 reserved, 0 sold, 94 available, version 7')
    await service.close()
  })
})
