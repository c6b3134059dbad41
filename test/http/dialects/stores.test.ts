import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../../src/index.ts'
import { manualClock, type ManualClock } from '../../support/clock.ts'
import { sqliteInMemory } from '../../store/harness.ts'
import { stockOf } from '../../support/http-shop.ts'
import { expectNoReports, startService, type Answer, type Service } from '../../support/http.ts'
import { createPostgresStores, type PostgresStores } from '../../support/postgres-stores.ts'
import { skipRedis } from '../../support/redis-server.ts'
import { createRedisStores, type RedisStores } from '../../support/redis-stores.ts'
import { sqliteLedger } from '../../../src/store/sqlite/ledger.ts'

let postgres: PostgresStores
let redis: RedisStores | null = null

beforeAll(async () => {
  ;[postgres, redis] = await Promise.all([createPostgresStores(), skipRedis ? null : createRedisStores()])
})
afterAll(() => Promise.all([postgres.remove(), redis?.remove()]))

const stores: readonly (readonly [string, (clock: ManualClock) => Promise<Store>])[] = [
  ['SQLite', async () => (await sqliteInMemory.open()).store],
  ['PostgreSQL', (clock) => postgres.openAt(postgres.newSchema(), clock)],
  ...(skipRedis
    ? []
    : [
        [
          'Redis',
          async (clock: ManualClock) => redis!.openAt(redis!.newNamespace(), await sqliteLedger({ path: ':memory:', clock }), clock),
        ] as const,
      ]),
]

describe.each(stores)('the older APIs on %s', (_name, open) => {
  it('sell one unit through each door, and give one back', async () => {
    const service: Service = await startService({
      store: await open(manualClock()),
      dialects: { names: ['cart', 'flash', 'drop', 'checkout', 'product-page'], currency: 'EUR' },
    })
    const ada = { 'x-user-id': 'ada' }
    const post = async <Body>(status: number, path: string, body?: object, headers = {}): Promise<Body> => {
      const answer: Answer<Body> = await service.post<Body>(path, body, headers)
      expect({ path, status: answer.status, text: answer.text }).toEqual({ path, status, text: answer.text })
      return answer.body
    }
    const remove = async (path: string, body?: object, headers = {}): Promise<number> =>
      (await service.send('DELETE', path, { body, headers })).status
    try {
      await post(201, '/products', { sku: 'A', name: 'A', total_stock: 100 })

      const cart = { userId: 'ada', items: [{ sku: 'A', qty: 1 }] }
      await post(201, '/checkout', { userId: 'ada', ...(await post<object>(201, '/reservations', cart)) })
      const { reservationId } = await post<{ reservationId: string }>(201, '/reservations', cart)
      await post(200, `/reservations/${reservationId}/cancel`, { userId: 'ada' })

      const flash = '/api/products/A'
      for (const end of ['checkout', 'cancel']) {
        await post(201, `${flash}/reserve`, { userId: 'ada', quantity: 1 })
        await post(409, `${flash}/reserve`, { userId: 'ada', quantity: 1 })
        if (end === 'checkout') await post(201, `${flash}/checkout`, { userId: 'ada' })
        else expect(await remove(`${flash}/reserve`, { userId: 'ada' })).toBe(200)
      }
      await post(404, `${flash}/checkout`, { userId: 'ada' })

      for (const end of ['purchase', 'cancel']) {
        await post(202, '/v1/drops/A/reserve', undefined, ada)
        await post(409, '/v1/drops/A/reserve', undefined, ada)
        expect((await service.get('/v1/reservations/me', ada)).status).toBe(200)
        if (end === 'purchase') await post(201, '/v1/drops/A/purchase', undefined, ada)
        else expect(await remove('/v1/reservations/me', undefined, ada)).toBe(200)
      }
      interface Drops {
        readonly data: readonly { readonly purchasers: readonly { readonly userId: string }[] }[]
      }
      const { body: drops } = await service.get<Drops>('/v1/drops')
      expect(drops.data[0]!.purchasers.map(({ userId }) => userId)).toEqual(['ada', 'ada', 'ada'])

      const line = { sku: 'A', quantity: 1, userId: 'ada' }
      await post(200, '/checkout/confirm', await post<object>(201, '/inventory/reserve', line))
      await post(200, '/checkout/cancel', await post<object>(201, '/inventory/reserve', line))

      // Found by user and product, whichever door it came through.
      await post(200, '/product/A/reserve', undefined, ada)
      await post(201, `${flash}/checkout`, { userId: 'ada' })
      expect(await stockOf(service, 'A')).toMatchObject({ total: 100, reserved: 0, sold: 5 })
      expectNoReports(service)
    } finally {
      await service.close()
    }
  })
  it('find nothing by a path with U+0000, and disturb nobody who asks at the same moment', async () => {
    const service: Service = await startService({ store: await open(manualClock()) })
    try {
      await service.post('/products', { sku: 'A', name: 'A', total_stock: 1 })
      const [good, ...bad] = await Promise.all([
        service.post('/reservations', { userId: 'ada', items: [{ sku: 'A', qty: 1 }] }),
        service.post('/v1/reservations/%00/confirm'),
        service.post('/reservations/a%00/cancel', { userId: 'ada' }),
        service.post('/v1/products/%00/stock-adjustments', { delta: 1 }),
        service.post('/api/products/%00/reserve', { userId: 'ada', quantity: 1 }),
        service.get('/v1/orders/%00'),
        service.get('/%00/status'),
      ])
      expect([good.status, ...bad.map(({ status }) => status)]).toEqual([201, 404, 404, 404, 404, 404, 404])
      expectNoReports(service)
    } finally {
      await service.close()
    }
  })
})
