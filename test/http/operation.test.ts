import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { putOnSale, reservationOf, reserve } from '../support/http-shop.ts'
import { expectNoReports, startService, type Service } from '../support/http.ts'

let service: Service

beforeAll(async () => {
  service = await startService()
})
afterAll(async () => {
  expectNoReports(service)
  await service.close()
})

describe('health', () => {
  it('answers /livez and /readyz with 200', async () => {
    for (const path of ['/livez', '/readyz']) {
      const { status, headers, body } = await service.get<{ status: string }>(path)
      expect(status).toBe(200)
      expect(headers['content-type']).toMatch(/^application\/json/)
      expect(body.status).toMatch(/\S/)
    }
  })
})

describe('metrics', () => {
  it('answers Prometheus text: every line a comment or a sample', async () => {
    const { status, headers, text } = await service.get('/metrics')
    expect(status).toBe(200)
    expect(headers['content-type']).toMatch(/^text\/plain/)
    const lines = text.trimEnd().split('\n')
    expect(lines.length).toBeGreaterThan(5)
    for (const line of lines) if (line !== '') expect(line).toMatch(/^(?:# (?:HELP|TYPE) \w+ .+|\w+(?:\{[^}]*\})? [-+\d.eInfNa]+)$/)
  })

  it('counts commands by type and outcome', async () => {
    const count = async (outcome: string) => {
      const { text } = await service.get('/metrics')
      return Number(new RegExp(`^holdfast_commands_total\\{type="reserve",outcome="${outcome}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
    }
    const outcomes = ['accepted', 'replayed', 'insufficient_stock']
    const before = await Promise.all(outcomes.map(count))
    const sku = await putOnSale(service, 3)
    const key = { 'idempotency-key': 'metrics' }
    await reserve(service, sku)
    await service.post('/v1/reservations', reservationOf(sku), key)
    for (let n = 0; n < 3; n++) await service.post('/v1/reservations', reservationOf(sku), key)
    await service.post('/v1/reservations', reservationOf(sku, { quantity: 2 }))
    const after = await Promise.all(outcomes.map(count))
    expect(after.map((value, index) => value - before[index]!)).toEqual([2, 3, 1])
  })
})

describe('documentation', () => {
  it('answers a readable page at /docs, with what it needs', async () => {
    const { status, headers, text } = await service.get('/docs')
    expect(status).toBe(200)
    expect(headers['content-type']).toMatch(/^text\/html/)
    const assets = [...text.matchAll(/(?:href|src)="(\/docs\/[^"]+)"/g)].map(([, path = '']) => path)
    expect(assets.length).toBeGreaterThan(2)
    for (const path of assets) expect({ path, status: (await service.get(path)).status }).toEqual({ path, status: 200 })
  })
})
