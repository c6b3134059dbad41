import { describe, expect, it, onTestFinished } from 'vitest'
import { createClient, faultCode, ServiceError, type ClientOptions, type Shop } from '../../src/client/index.ts'
import { answering, cutting, scriptedService, silent, type ScriptedAnswer, type ScriptedService } from '../support/scripted-service.ts'

const reservation = {
  id: 'r-1',
  userId: 'ada',
  status: 'active',
  items: [{ sku: 'a', quantity: 1, unitPrice: null }],
  metadata: {},
  createdAt: '2026-12-01T18:00:00.000Z',
  expiresAt: '2026-12-01T18:10:00.000Z',
  expiresInMs: 600_000,
  endedAt: null,
  orderId: null,
}
const created = answering(201, reservation)
const problem = (status: number, code: string, headers: Record<string, string> = {}): ScriptedAnswer =>
  answering(status, { code, status, detail: `because of ${code}` }, { 'content-type': 'application/problem+json', ...headers })
const busy = problem(503, 'overloaded', { 'retry-after': '0' })

interface Scripted extends ScriptedService {
  readonly shop: Shop
}

async function shopOf(answers: readonly ScriptedAnswer[], options: Partial<ClientOptions> = {}): Promise<Scripted> {
  const service = await scriptedService(answers)
  const shop = createClient({ url: service.url, ...options })
  onTestFinished(() => shop.close())
  return { ...service, shop }
}

const oneOfA = { userId: 'ada', items: [{ sku: 'a', quantity: 1 }] }

async function failureOf(work: Promise<unknown>): Promise<Error & { readonly code?: string; readonly status?: number }> {
  const error = await work.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason as Error,
  )
  return error
}

describe('a request that fails for now', () => {
  it('is repeated with the same key, which is another for each call', async () => {
    const { shop, told } = await shopOf([busy, cutting, answering(502, '<html>'), created])
    expect(await shop.reserve(oneOfA)).toMatchObject({ ok: true, created: true, replayed: false, value: { id: 'r-1' } })
    await shop.reserve(oneOfA)
    const [first, second, third, fourth, other] = told('idempotency-key')
    expect([second, third, fourth]).toEqual([first, first, first])
    expect(first).toMatch(/^[0-9a-f]{32}$/)
    expect(other).not.toBe(first)
  })

  it('is repeated with the key of the caller, if there is one', async () => {
    const { shop, told } = await shopOf([busy, answering(201, reservation, { 'idempotent-replayed': 'true' })])
    expect(await shop.reserve(oneOfA, { idempotencyKey: 'mine' })).toMatchObject({ created: true, replayed: true })
    expect(told('idempotency-key')).toEqual(['mine', 'mine'])
  })

  it('is no replay to a caller who hears its answer for the first time', async () => {
    const { shop } = await shopOf([cutting, answering(201, reservation, { 'idempotent-replayed': 'true' })])
    expect(await shop.reserve(oneOfA)).toMatchObject({ created: true, replayed: false })
  })

  it('is given up after so many attempts, and says how many', async () => {
    const { shop, requests } = await shopOf([busy], { attemptsMax: 3 })
    const error = await failureOf(shop.product('a'))
    expect(faultCode(error)).toBe('overloaded')
    expect(error.message).toMatch(/answered 503 overloaded: because of overloaded Given up after 3 attempts\.$/)
    expect(requests).toHaveLength(3)
  })

  it.each([
    [problem(503, 'store_unavailable', { 'retry-after': '0' }), 'store_unavailable'],
    [problem(500, 'internal'), 'internal'],
    [problem(429, 'rate_limited', { 'retry-after': '0' }), 'rate_limited'],
    [answering(504, '<html>'), 'store_unavailable'],
    [answering(429, '<html>'), 'rate_limited'],
    [answering(200, '<html>'), 'unreadable_answer'],
    [answering(201, JSON.stringify(reservation).slice(0, 99)), 'unreadable_answer'],
    [answering(201, { id: 'r-1', status: 'ok' }), 'unreadable_answer'],
    [answering(201, { ...reservation, expiresAt: 'soon' }), 'unreadable_answer'],
    [answering(200, 'null'), 'unreadable_answer'],
    [cutting, 'store_unavailable'],
  ])('is tried twice where two attempts are allowed, and fails with a code (case %#: %s)', async (answer, code) => {
    const { shop, requests } = await shopOf([answer], { attemptsMax: 2 })
    const error = await failureOf(shop.reserve(oneOfA))
    expect([error.code, requests.length]).toEqual([code, 2])
  })

  it('waits as long as the service asks for', async () => {
    const { shop } = await shopOf([problem(503, 'overloaded', { 'retry-after': '1' }), created])
    const startedAt = performance.now()
    await shop.reserve(oneOfA)
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(990)
  })

  it.each([
    ['7200', 7_200_000],
    ['Tue, 01 Dec 2026 20:00:00 GMT', 7_200_000],
    ['tomorrow', null],
  ])('fails at once where it would have to wait longer than it may (%s)', async (retryAfter, retryAfterMs) => {
    const headers = { 'retry-after': retryAfter, date: 'Tue, 01 Dec 2026 18:00:00 GMT' }
    const { shop, requests } = await shopOf([problem(429, 'rate_limited', headers)], retryAfterMs === null ? { attemptsMax: 1 } : {})
    expect(await failureOf(shop.product('a'))).toMatchObject({ name: 'ServiceError', code: 'rate_limited', status: 429, retryAfterMs })
    expect(requests).toHaveLength(1)
  })

  it('has a limit of time for each attempt, and one for all of them', async () => {
    const { shop, requests } = await shopOf([silent], { attemptTimeoutMs: 50, timeoutMs: 5_000, attemptsMax: 2 })
    const error = await failureOf(shop.product('a'))
    expect([faultCode(error), requests.length]).toEqual(['store_unavailable', 2])
    expect(error.message).toMatch(/has not answered within 50 ms\. Given up after 2 attempts\.$/)
    const hasty = createClient({ url: (await scriptedService([silent])).url, timeoutMs: 60 })
    expect((await failureOf(hasty.product('a'))).message).toMatch(/has not answered within 60 ms\.$/)
  })

  it('may have an answer that comes in pieces, and not one that never ends', async () => {
    const endless: ScriptedAnswer = (response) => void response.writeHead(200).write('{"id":')
    const { shop } = await shopOf([endless], { attemptTimeoutMs: 50, attemptsMax: 1 })
    expect(faultCode(await failureOf(shop.product('a')))).toBe('store_unavailable')
  })
})

describe('an answer that stays', () => {
  it.each([
    [problem(401, 'unauthenticated'), 'unauthenticated', 401, /answered 401 unauthenticated: because of unauthenticated$/],
    [problem(403, 'forbidden'), 'forbidden', 403, /answered 403 forbidden/],
    [problem(404, 'not_found'), 'not_found', 404, /not_found/],
    [problem(413, 'payload_too_large'), 'payload_too_large', 413, /payload_too_large/],
    [problem(410, 'reservation_lost'), 'reservation_lost', 410, /reservation_lost/],
    [answering(404, '<html>'), 'unreadable_answer', 404, /reservations\/r-1 answered 404 without JSON; is it a Holdfast service\?$/],
    [answering(400, {}), 'unreadable_answer', 400, /answered 400 without a code/],
    [problem(400, 'validation_failed'), 'unreadable_answer', 400, /with JSON that is no validation_failed: it has no errors/],
    [answering(301, '', { location: '/elsewhere' }), 'redirected', 301, /redirects to another address; give the client that one/],
  ])('of a read is an error with code and status, and is not asked for again (case %#)', async (answer, code, status, message) => {
    const { shop, requests } = await shopOf([answer])
    const error = await failureOf(shop.reservation('r-1'))
    expect(error).toBeInstanceOf(ServiceError)
    expect(error).toMatchObject({ code, status })
    expect(error.message).toMatch(message)
    expect(requests).toHaveLength(1)
  })

  it('that refuses a write is a value with what the problem says, instants in milliseconds', async () => {
    const told = { code: 'sale_not_started', sku: 'a', saleStartsAt: '2026-12-01T18:00:00.000Z', type: 'urn:x', title: 'x', status: 409 }
    const { shop, requests } = await shopOf([answering(409, told)])
    const saleStartsAt = Date.UTC(2026, 11, 1, 18)
    expect(await shop.reserve(oneOfA)).toEqual({ ok: false, refusal: { code: 'sale_not_started', sku: 'a', saleStartsAt } })
    expect(requests).toHaveLength(1)
  })

  it('that refuses with a code of a later version is an error', async () => {
    const { shop } = await shopOf([problem(409, 'constructor')])
    expect(await failureOf(shop.reserve(oneOfA))).toMatchObject({ name: 'ServiceError', code: 'constructor', status: 409 })
  })
})

describe('the key', () => {
  it('is sent with each request', async () => {
    const { shop, told } = await shopOf([created], { key: 'secret-1' })
    await shop.reserve(oneOfA)
    await shop.reservation('r-1')
    expect(told('authorization')).toEqual(['Bearer secret-1', 'Bearer secret-1'])
  })

  it('may be made anew for each attempt', async () => {
    let made = 0
    const { shop, told } = await shopOf([busy, created], { key: async () => `token-${++made}` })
    await shop.reserve(oneOfA)
    expect(told('authorization')).toEqual(['Bearer token-1', 'Bearer token-2'])
  })

  it('that cannot be had is the failure of the call, and nothing is sent', async () => {
    const { shop, requests } = await shopOf([created], { key: () => Promise.reject(new Error('signed out')) })
    await expect(shop.reserve(oneOfA)).rejects.toThrow('signed out')
    expect(requests).toEqual([])
  })

  it.each(['', 'two words', 'line\nbreak', 'schlüssel'])('is refused where no header can carry it, and not shown: %j', async (key) => {
    const { shop, requests } = await shopOf([created], { key })
    const error = await failureOf(shop.reserve(oneOfA))
    expect(error.message).toMatch(/^The key must be printable ASCII/)
    expect(requests).toEqual([])
  })
})

describe('an event of a type that this client does not know', () => {
  it('is passed on as it is, and does not end who follows', async () => {
    const later = { type: 'waitlist.joined', id: '2', subject: 'w-1', time: '2026-12-01T18:00:01.000Z', data: { place: 7, since: 'today' } }
    const paused = { type: 'reservation.paused', id: '3', subject: 'r-1', time: '2026-12-01T18:00:02.000Z', data: reservation }
    const { shop } = await shopOf([answering(200, { data: [later, paused], nextCursor: '3' })])
    const told = []
    for await (const event of shop.follow()) if (told.push(event) === 2) break
    expect(told.map(({ type, cursor }) => [type, cursor])).toEqual([
      ['waitlist.joined', '2'],
      ['reservation.paused', '3'],
    ])
    expect(told[0]!.data).toEqual({ place: 7, since: 'today' })
    expect(told[1]!.data).toMatchObject({ id: 'r-1', createdAt: Date.parse(reservation.createdAt) })
  })
})
