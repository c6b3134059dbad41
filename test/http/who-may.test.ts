import { get } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startService, type Headers, type Service } from '../support/http.ts'
import { identity, keyOf, tokenOf } from '../support/identities.ts'

/** Every route, and what each kind of caller is answered: the status of whoever may not; "yes" where they get as far as the route itself. */
const callers = ['none', 'user', 'other user', 'read', 'service', 'admin', 'expired token', 'wrong audience'] as const
const yes = 'yes'

type Row = readonly (number | typeof yes)[]
const everybody: Row = [yes, yes, yes, yes, yes, yes, yes, yes]
const admins: Row = [401, 403, 403, 403, 403, yes, 401, 401]
const shops: Row = [401, 403, 403, 403, yes, yes, 401, 401]
const readers: Row = [401, 403, 403, yes, yes, yes, 401, 401]
/** To another user it does not exist. */
const owners: Row = [401, yes, 404, 403, yes, yes, 401, 401]
const ownersAndReaders: Row = [401, yes, 404, yes, yes, yes, 401, 401]
/** The user is named in the request, so another user is forbidden to. */
const namedUsers: Row = [401, yes, 403, 403, yes, yes, 401, 401]
const namedUsersAndReaders: Row = [401, yes, 403, yes, yes, yes, 401, 401]

interface Case {
  readonly row: Row
  readonly path?: string
  /** Made anew for each caller. */
  readonly body?: object | (() => object | Promise<object>)
  /** Beside those that say who asks. */
  readonly headers?: Headers
  /** Before each caller. */
  readonly prepare?: () => Promise<unknown>
}

const line = { sku: 'A', quantity: 1 }
const u1 = { userId: 'u1' }
/** Of which nothing happens here, and nobody listens there. */
const webhook = { url: 'http://127.0.0.1:1/', events: ['reservation.lost'] }
const asU1 = { 'x-user-id': 'u1' }

/** By method and template, as the service documents them. */
const cases: Readonly<Record<string, Case>> = {
  'GET /v1/products': { row: everybody },
  'POST /v1/products': { row: admins, body: { sku: 'B', name: 'B', totalStock: 1 } },
  'GET /v1/products/{sku}': { row: everybody },
  'PATCH /v1/products/{sku}': { row: admins, body: { name: 'another' } },
  'GET /v1/products/{sku}/stock': { row: everybody },
  'POST /v1/products/{sku}/stock-adjustments': { row: admins, body: { delta: 1 } },
  'POST /v1/reservations': { row: namedUsers, body: { userId: 'u1', items: [line] } },
  'GET /v1/reservations': { row: namedUsersAndReaders, path: '/v1/reservations?userId=u1' },
  'GET /v1/reservations/{id}': { row: ownersAndReaders },
  'POST /v1/reservations/{id}/extend': { row: owners, body: { ttlSeconds: 60 } },
  'POST /v1/reservations/{id}/confirm': { row: owners, body: {} },
  'POST /v1/reservations/{id}/cancel': { row: owners, body: {} },
  'GET /v1/orders': { row: namedUsersAndReaders, path: '/v1/orders?userId=u1' },
  'GET /v1/orders/{id}': { row: ownersAndReaders },
  'POST /v1/orders/{id}/cancel': { row: shops, body: {} },
  'GET /v1/events': { row: readers },
  'GET /v1/events/stream': { row: admins },
  'GET /v1/stock/stream': { row: everybody, path: '/v1/stock/stream?sku=A' },
  'POST /v1/webhooks': { row: admins, body: webhook },
  'GET /v1/webhooks': { row: admins },
  'GET /v1/webhooks/{id}': { row: admins },
  'PATCH /v1/webhooks/{id}': { row: admins, body: { status: 'active' } },
  'DELETE /v1/webhooks/{id}': { row: admins },
  'POST /v1/webhooks/{id}/rotate': { row: admins, body: {} },
  'POST /v1/webhooks/{id}/test': { row: admins, body: {} },
  'POST /v1/webhooks/{id}/replay': { row: admins, body: { after: null } },
  'GET /v1/webhooks/{id}/attempts': { row: admins },
  'GET /livez': { row: everybody },
  'GET /readyz': { row: everybody },
  'GET /metrics': { row: readers },

  'POST /products': { row: admins, body: { sku: 'C', name: 'C', total_stock: 1 } },
  'GET /products/{sku}/status': { row: everybody },
  'GET /{sku}/status': { row: everybody },
  'POST /reservations': { row: namedUsers, body: { ...u1, items: [{ sku: 'A', qty: 1 }] } },
  'POST /reservations/{id}/cancel': { row: namedUsers, body: u1 },
  'POST /checkout': { row: namedUsers, body: async () => ({ ...u1, ...(await newReservationId()) }) },

  'POST /api/products': { row: admins, body: { name: 'D', price: 1, totalStock: 1 } },
  'GET /api/products/{productId}/status': { row: everybody },
  'POST /api/products/{productId}/reserve': { row: namedUsers, body: { ...u1, quantity: 1 }, prepare: () => endFlash() },
  'DELETE /api/products/{productId}/reserve': { row: namedUsers, body: u1, prepare: () => newReservation() },
  'POST /api/products/{productId}/checkout': { row: namedUsers, body: u1, prepare: () => newReservation() },

  'POST /v1/drops': { row: admins, body: { name: 'E', unitPrice: 1, offeringStock: 1 } },
  'GET /v1/drops': { row: everybody },
  'GET /v1/drops/stream': { row: everybody },
  'POST /v1/drops/{dropId}/reserve': { row: namedUsers, headers: asU1, prepare: () => endDrop() },
  'POST /v1/drops/{dropId}/purchase': { row: namedUsers, headers: asU1, prepare: () => newReservation() },
  'GET /v1/reservations/me': { row: namedUsersAndReaders, headers: asU1, prepare: () => newDrop() },
  'DELETE /v1/reservations/me': { row: namedUsers, headers: asU1, prepare: () => newDrop() },

  'POST /inventory/reserve': { row: namedUsers, body: { ...u1, ...line } },
  'POST /checkout/confirm': { row: owners, body: () => newReservationId() },
  'POST /checkout/cancel': { row: owners, body: () => newReservationId() },
  'GET /inventory/{sku}': { row: everybody },

  'POST /product/{id}/reserve': { row: namedUsers, path: '/product/A/reserve', headers: asU1 },
}

let service: Service

async function fill(template: string): Promise<string> {
  const url = template.replace(/\{(?:sku|productId|dropId)\}/, 'A')
  const makers: Readonly<Record<string, () => Promise<string>>> = { orders: newOrder, webhooks: newWebhook }
  const make = makers[url.split('/')[2] ?? ''] ?? newReservation
  return url.includes('{id}') ? url.replace('{id}', await make()) : url
}

async function newWebhook(): Promise<string> {
  const { body } = await service.post<{ id: string }>('/v1/webhooks', webhook, keyOf('admin'))
  return body.id
}

async function newReservation(): Promise<string> {
  const { body } = await service.post<{ id: string }>('/v1/reservations', { ...u1, items: [line] }, keyOf('service'))
  return body.id
}

async function newReservationId(): Promise<{ readonly reservationId: string }> {
  return { reservationId: await newReservation() }
}

async function newOrder(): Promise<string> {
  const { body } = await service.post<{ id: string }>(`/v1/reservations/${await newReservation()}/confirm`, {}, keyOf('service'))
  return body.id
}

/** A user has one of these at a time. */
async function endFlash(): Promise<void> {
  await service.send('DELETE', '/api/products/A/reserve', { body: u1, headers: keyOf('service') })
}

async function endDrop(): Promise<void> {
  await service.send('DELETE', '/v1/reservations/me', { headers: { ...keyOf('service'), ...asU1 } })
}

async function newDrop(): Promise<void> {
  await endDrop()
  await service.post('/v1/drops/A/reserve', undefined, { ...keyOf('service'), ...asU1 })
}

describe('every route × every kind of caller', () => {
  let headers: Record<(typeof callers)[number], Headers>

  beforeAll(async () => {
    service = await startService({ identity, webhooks: { allowPrivate: true } })
    headers = {
      none: {},
      user: await tokenOf('u1'),
      'other user': await tokenOf('u2'),
      read: keyOf('read'),
      service: keyOf('service'),
      admin: keyOf('admin'),
      'expired token': await tokenOf('u1', { expiresInSeconds: -60 }),
      'wrong audience': await tokenOf('u1', { audience: 'another.example' }),
    }
    await service.post('/v1/products', { sku: 'A', name: 'A', totalStock: 1000 }, headers.admin)
  })

  afterAll(() => service.close())

  it('is in this matrix', () => {
    const routes = Object.entries(service.openapi.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(Object.keys(cases).toSorted()).toEqual(routes.toSorted())
  })

  it.each(Object.entries(cases))('%s', async (route, { row, path, body, headers: own, prepare }) => {
    const [method, template] = route.split(' ') as [string, string]
    const answered: Record<string, number | typeof yes> = {}
    for (const caller of callers) {
      await prepare?.()
      const url = path ?? (await fill(template))
      const sent = typeof body === 'function' ? await body() : body
      const { status } = template.endsWith('/stream')
        ? await beginOf(service, url, headers[caller])
        : await service.send(method, url, { headers: { ...headers[caller], ...own }, ...(sent === undefined ? {} : { body: sent }) })
      answered[caller] = status < 400 ? yes : status
    }
    expect(answered).toEqual(Object.fromEntries(callers.map((caller, index) => [caller, row[index]])))
  })
})

/** Of an answer that has no end. */
function beginOf({ address }: Service, path: string, headers: Headers): Promise<{ readonly status: number }> {
  return new Promise((resolve, reject) => {
    get(`${address}${path}`, { headers }, (response) => {
      resolve({ status: response.statusCode ?? 0 })
      response.destroy()
    }).on('error', reject)
  })
}
