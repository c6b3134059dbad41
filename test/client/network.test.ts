import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createClient, faultCode, type ClientOptions, type Shop } from '../../src/client/index.ts'
import { createFaultProxy, type FaultProxy } from '../support/fault-proxy.ts'
import { booksOf, putOnSale } from '../support/http-shop.ts'
import { expectNoReports, startService, type Service } from '../support/http.ts'
import { accepted } from '../support/shop.ts'

let service: Service

beforeAll(async () => {
  service = await startService()
})
afterAll(async () => {
  expectNoReports(service)
  await service.close()
})

interface Faulty {
  readonly shop: Shop
  readonly proxy: FaultProxy
}

/** A client whose way to the service fails as networks do. */
async function openFaulty(options: Partial<ClientOptions> = {}): Promise<Faulty> {
  const proxy = await createFaultProxy(service.port)
  const shop = createClient({ url: `http://127.0.0.1:${proxy.port}`, ...options })
  onTestFinished(async () => {
    proxy.heal()
    await shop.close()
    await proxy.close()
  })
  return { shop, proxy }
}

/** The rule for the first so many pieces of one side; all others pass. */
const first = (times: number, side: 'client' | 'server', rule: 'reset' | 'silent' | 'hold'): FaultProxy['inspect'] => {
  let left = times
  return (_piece, from) => (from === side && left-- > 0 ? rule : 'pass')
}

const oneOf = (sku: string) => ({ userId: 'ada', items: [{ sku, quantity: 1 }] })

describe('a client on a bad network', () => {
  it('I1 has one effect when answers are lost, and hears of it as if none had been', async () => {
    const { shop, proxy } = await openFaulty()
    const sku = await putOnSale(service, 5)
    proxy.inspect = first(2, 'server', 'reset')
    const outcome = await shop.reserve(oneOf(sku))
    expect(outcome).toMatchObject({ ok: true, created: true, replayed: false })
    proxy.inspect = first(1, 'server', 'reset')
    expect(await shop.adjustStock(sku, { delta: 3 })).toMatchObject({ ok: true, value: { total: 8 }, replayed: false })
    proxy.inspect = first(1, 'server', 'reset')
    expect(await shop.confirm(accepted(outcome).id)).toMatchObject({ ok: true, created: true })
    expect(await booksOf(service, sku)).toBe('8 total, 0 reserved, 1 sold, 7 available, version 4')
  })

  it('I1 has one effect when a product is made and the answer is lost', async () => {
    const { shop, proxy } = await openFaulty()
    proxy.inspect = first(1, 'server', 'reset')
    expect(await shop.createProduct({ sku: 'made-once', name: 'x', totalStock: 1 })).toMatchObject({ ok: true, created: true })
  })

  it('I1 has one effect when the request was lost', async () => {
    const { shop, proxy } = await openFaulty()
    const sku = await putOnSale(service, 5)
    proxy.inspect = first(1, 'client', 'reset')
    accepted(await shop.reserve(oneOf(sku)))
    expect(await booksOf(service, sku)).toBe('5 total, 1 reserved, 0 sold, 4 available, version 2')
  })

  it.each(['client', 'server'] as const)('I1 has one effect when what the %s sent arrives after the repetition', async (side) => {
    const { shop, proxy } = await openFaulty({ attemptTimeoutMs: 150 })
    const sku = await putOnSale(service, 5)
    proxy.inspect = first(1, side, 'hold')
    const { id } = accepted(await shop.reserve(oneOf(sku)))
    expect(proxy.held).toBe(1)
    proxy.deliver()
    await shop.extend(id, { ttlSeconds: 900 })
    expect(await booksOf(service, sku)).toBe('5 total, 1 reserved, 0 sold, 4 available, version 2')
  })

  it('goes on by itself when a service that was away is there again', async () => {
    const { shop, proxy } = await openFaulty({ attemptsMax: 20 })
    proxy.refusing = true
    const asked = shop.products()
    await expect(shop.product('x', { signal: AbortSignal.timeout(30) })).rejects.toMatchObject({ name: 'TimeoutError' })
    proxy.refusing = false
    expect((await asked).data.length).toBeGreaterThan(0)
  })

  it('says that nobody knows the outcome when no attempt was answered, and with its key the caller finds out', async () => {
    const { shop, proxy } = await openFaulty({ attemptTimeoutMs: 150, attemptsMax: 2 })
    const sku = await putOnSale(service, 5)
    proxy.inspect = first(9, 'server', 'silent')
    const error: unknown = await shop.reserve(oneOf(sku), { idempotencyKey: sku }).catch((reason: unknown) => reason)
    expect(faultCode(error)).toBe('store_unavailable')
    proxy.heal()
    expect(await shop.reserve(oneOf(sku), { idempotencyKey: sku })).toMatchObject({ ok: true, replayed: true })
    expect(await booksOf(service, sku)).toBe('5 total, 1 reserved, 0 sold, 4 available, version 2')
  })
})
