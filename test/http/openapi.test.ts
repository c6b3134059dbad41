import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dialectAnswers, statusOfCode } from '../support/http-dialects.ts'
import { answersOf, problems } from '../support/http-shapes.ts'
import { startService, type Service } from '../support/http.ts'

let service: Service

beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.close())

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required?: boolean
}

interface MediaType {
  readonly schema: ObjectSchema
  readonly example?: object | string
  readonly examples?: object
}

interface Operation {
  readonly operationId?: string
  readonly tags?: readonly string[]
  readonly summary?: string
  readonly security?: readonly object[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, MediaType>> }
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Readonly<Record<string, MediaType>> }>>
}

interface ObjectSchema {
  readonly type: string
  readonly additionalProperties: boolean
  readonly required?: readonly string[]
  readonly properties: Readonly<Record<string, object>>
}

/** Method, path, body and query of the contract's table; a ? marks what may be left out. */
const routes: Readonly<
  Record<string, { readonly body?: string; readonly query?: string; readonly headers?: string; readonly statuses: readonly number[] }>
> = {
  'POST /v1/products': {
    body: 'sku name totalStock description? price? maxPerUser? reservationTtlSeconds? saleStartsAt? saleEndsAt?',
    statuses: [201],
  },
  'GET /v1/products': { query: 'limit cursor', statuses: [200] },
  'GET /v1/products/{sku}': { statuses: [200] },
  'PATCH /v1/products/{sku}': {
    body: 'name? description? price? maxPerUser? reservationTtlSeconds? saleStartsAt? saleEndsAt?',
    statuses: [200],
  },
  'GET /v1/products/{sku}/stock': { statuses: [200] },
  'POST /v1/products/{sku}/stock-adjustments': { body: 'delta reason?', statuses: [200] },
  'POST /v1/reservations': { body: 'userId? items ttlSeconds? metadata?', statuses: [201] },
  'GET /v1/reservations/{id}': { statuses: [200] },
  'GET /v1/reservations': { query: 'userId sku status limit cursor', statuses: [200] },
  'POST /v1/reservations/{id}/confirm': { body: 'userId? metadata?', statuses: [200, 201] },
  'POST /v1/reservations/{id}/cancel': { body: 'userId?', statuses: [200] },
  'POST /v1/reservations/{id}/extend': { body: 'ttlSeconds userId?', statuses: [200] },
  'GET /v1/orders/{id}': { statuses: [200] },
  'GET /v1/orders': { query: 'userId limit cursor', statuses: [200] },
  'POST /v1/orders/{id}/cancel': { body: 'reason?', statuses: [200] },
  'GET /v1/events': { query: 'after limit', statuses: [200] },
  'GET /v1/events/stream': { query: 'after', headers: 'last-event-id', statuses: [200] },
  'GET /v1/stock/stream': { query: 'sku', statuses: [200] },
  'POST /v1/webhooks': { body: 'url events?', statuses: [201] },
  'GET /v1/webhooks': { query: 'limit cursor', statuses: [200] },
  'GET /v1/webhooks/{id}': { statuses: [200] },
  'PATCH /v1/webhooks/{id}': { body: 'url? events? status?', statuses: [200] },
  'DELETE /v1/webhooks/{id}': { statuses: [204] },
  'POST /v1/webhooks/{id}/rotate': { body: '', statuses: [200] },
  'POST /v1/webhooks/{id}/test': { body: '', statuses: [200] },
  'POST /v1/webhooks/{id}/replay': { body: 'after', statuses: [202] },
  'GET /v1/webhooks/{id}/attempts': { query: 'limit cursor', statuses: [200] },
  'GET /livez': { statuses: [200] },
  'GET /readyz': { statuses: [200] },
  'GET /metrics': { statuses: [200] },
}

/** The same of the older APIs, with the place of the user; their bodies may have more. */
const dialects: Readonly<
  Record<
    string,
    {
      readonly tag: string
      readonly body?: string
      readonly query?: string
      readonly header?: 'x-user-id' | 'last-event-id'
      readonly statuses: readonly number[]
    }
  >
> = {
  'POST /products': { tag: 'Cart', body: 'sku name total_stock', statuses: [201] },
  'GET /products/{sku}/status': { tag: 'Cart', statuses: [200] },
  'GET /{sku}/status': { tag: 'Cart', statuses: [200] },
  'POST /reservations': { tag: 'Cart', body: 'userId? items', statuses: [201] },
  'POST /reservations/{id}/cancel': { tag: 'Cart', body: 'userId?', statuses: [200] },
  'POST /checkout': { tag: 'Cart', body: 'reservationId userId?', statuses: [200, 201] },
  'POST /api/products': { tag: 'Flash deal', body: 'name description? price totalStock', statuses: [201] },
  'GET /api/products/{productId}/status': { tag: 'Flash deal', statuses: [200] },
  'POST /api/products/{productId}/reserve': { tag: 'Flash deal', body: 'userId? quantity', statuses: [201] },
  'DELETE /api/products/{productId}/reserve': { tag: 'Flash deal', body: 'userId?', statuses: [200] },
  'POST /api/products/{productId}/checkout': { tag: 'Flash deal', body: 'userId?', statuses: [200, 201] },
  'POST /v1/drops': { tag: 'Drop', body: 'name unitPrice offeringStock', statuses: [201] },
  'GET /v1/drops': { tag: 'Drop', query: 'after limit', statuses: [200] },
  'GET /v1/drops/stream': { tag: 'Drop', query: 'dropId', header: 'last-event-id', statuses: [200] },
  'POST /v1/drops/{dropId}/reserve': { tag: 'Drop', body: 'userId?', header: 'x-user-id', statuses: [202] },
  'POST /v1/drops/{dropId}/purchase': { tag: 'Drop', body: 'userId?', header: 'x-user-id', statuses: [200, 201] },
  'GET /v1/reservations/me': { tag: 'Drop', header: 'x-user-id', statuses: [200] },
  'DELETE /v1/reservations/me': { tag: 'Drop', header: 'x-user-id', statuses: [200] },
  'POST /inventory/reserve': { tag: 'Checkout', body: 'sku quantity userId?', statuses: [201] },
  'POST /checkout/confirm': { tag: 'Checkout', body: 'reservationId userId?', statuses: [200] },
  'POST /checkout/cancel': { tag: 'Checkout', body: 'reservationId userId?', statuses: [200] },
  'GET /inventory/{sku}': { tag: 'Checkout', statuses: [200] },
  'POST /product/{id}/reserve': { tag: 'Product page', header: 'x-user-id', statuses: [200] },
}

const names = (list: readonly string[]) => list.toSorted()

function operation(route: string): Operation {
  const [method = '', path = ''] = route.split(' ')
  return service.openapi.paths[path]?.[method.toLowerCase()] as unknown as Operation
}

describe('GET /openapi.json', () => {
  it('is OpenAPI 3.1, as JSON', async () => {
    const { status, headers, body } = await service.get<{ openapi: string; info: { title: string; version: string } }>('/openapi.json')
    expect(status).toBe(200)
    expect(headers['content-type']).toMatch(/^application\/json/)
    expect(body.openapi).toMatch(/^3\.1\.\d$/)
    expect(body.info).toMatchObject({ title: expect.stringMatching(/\S/) as string, version: '0.0.0-test' })
  })

  it('has the routes of the contract, and no others', () => {
    const documented = Object.entries(service.openapi.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(names(documented)).toEqual(names([...Object.keys(routes), ...Object.keys(dialects)]))
    expect(names(Object.keys(dialects))).toEqual(names(Object.keys(dialectAnswers)))
    expect(Object.keys(answersOf).filter((route) => !(route in routes))).toEqual([])
  })

  it.each(Object.entries(routes))(
    'documents what %s takes and answers',
    (route, { body, query = '', headers = route.startsWith('GET') ? '' : 'idempotency-key', statuses }) => {
      const { summary, parameters = [], requestBody, responses } = operation(route)
      expect(summary).toMatch(/\S/)
      const named = (place: Parameter['in']) => names(parameters.filter((parameter) => parameter.in === place).map(({ name }) => name))
      expect(named('path')).toEqual(names([...route.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)))
      expect(named('query')).toEqual(names(query.split(' ').filter((name) => name !== '')))
      expect(named('header')).toEqual(names(headers.split(' ').filter((name) => name !== '')))
      expect(
        Object.keys(responses)
          .map(Number)
          .filter((status) => status < 400),
      ).toEqual(statuses)

      const schema = requestBody?.content['application/json']?.schema
      if (body === undefined) return expect(requestBody).toBeUndefined()
      const given = body.split(' ').filter((name) => name !== '')
      expect(schema?.additionalProperties).toBe(false)
      expect(names(Object.keys(schema?.properties ?? {}))).toEqual(names(given.map((name) => name.replace('?', ''))))
      expect(names(schema?.required ?? [])).toEqual(names(given.filter((name) => !name.endsWith('?'))))
    },
  )

  it.each(Object.entries(dialects))('documents what %s takes and answers', (route, { tag, body, query = '', header, statuses }) => {
    const { summary, tags, security, parameters = [], requestBody, responses } = operation(route)
    expect([summary, tags]).toEqual([expect.stringMatching(/\S/), [`${tag} API`]])
    const named = (place: Parameter['in']) => names(parameters.filter((parameter) => parameter.in === place).map(({ name }) => name))
    expect(named('path')).toEqual(names([...route.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)))
    expect(named('query')).toEqual(names(query.split(' ').filter((name) => name !== '')))
    expect(named('header')).toEqual([...(route.startsWith('GET') ? [] : ['idempotency-key']), ...(header === undefined ? [] : [header])])
    expect(parameters.some((parameter) => parameter.in === 'header' && parameter.required === true)).toBe(false)
    expect(
      Object.keys(responses)
        .map(Number)
        .filter((status) => status < 400),
    ).toEqual(statuses)
    expect(security).toEqual(secured(route))

    const schema = requestBody?.content['application/json']?.schema
    const given = body?.split(' ') ?? []
    expect(schema?.additionalProperties).toBeUndefined()
    expect(names(Object.keys(schema?.properties ?? {}))).toEqual(names(given.map((name) => name.replace('?', ''))))
    expect(names(schema?.required ?? [])).toEqual(names(given.filter((name) => !name.endsWith('?'))))
  })

  function secured(route: string): object[] {
    if (/^GET (?!\/v1\/reservations)/.test(route)) return []
    return /^POST (?:\/api)?(?:\/v1)?\/(?:products|drops)$/.test(route) ? [{ key: [] }] : [{ key: [] }, { token: [] }]
  }

  it.each(Object.keys(dialects))('documents every error of %s in the plain shape, under its own status', (route) => {
    for (const [status, { description, content }] of Object.entries(operation(route).responses)) {
      if (Number(status) < 400) continue
      expect(Object.keys(content ?? {})).toEqual(['application/json'])
      const codes = [...description.matchAll(/`(\w+)`/g)].map(([, code = '']) => code)
      expect(codes).not.toEqual([])
      expect(codes.map((code) => [code, statusOfCode(route, code)])).toEqual(codes.map((code) => [code, Number(status)]))
    }
  })

  it.each(Object.keys(routes))('documents every problem of %s as problem+json, under its own status', (route) => {
    for (const [status, { description, content }] of Object.entries(operation(route).responses)) {
      if (Number(status) < 400) continue
      expect(Object.keys(content ?? {})).toEqual(['application/problem+json'])
      const codes = [...description.matchAll(/`(\w+)`/g)].map(([, code = '']) => code)
      expect(codes).not.toEqual([])
      expect(codes.map((code) => [code, problems[code]?.[0]])).toEqual(codes.map((code) => [code, Number(status)]))
    }
  })

  it.each(Object.keys(routes))('shows what %s takes and answers', (route) => {
    const { operationId, tags = [], requestBody, responses } = operation(route)
    expect(operationId).toMatch(/^[a-z][A-Za-z]+$/)
    for (const [status, { description, content }] of Object.entries(responses)) {
      if (Number(status) < 400) continue
      const codes = [...description.matchAll(/`(\w+)`/g)].map(([, code = '']) => code)
      expect(Object.keys(content?.['application/problem+json']?.examples ?? {})).toEqual(codes)
    }
    if (tags.includes('Operation')) return
    if (requestBody !== undefined) expect(requestBody.content['application/json']?.example).toBeInstanceOf(Object)
    for (const { content } of Object.values(responses)) {
      const answer = content?.['application/json']
      if (answer !== undefined) expect(answer.example).toBeInstanceOf(Object)
      const stream = content?.['text/event-stream']
      if (stream !== undefined) expect(stream.example).toMatch(/^id: \d+\n(?:event: \S+\n)?data: \{.*\}\n\n/)
    }
  })

  it('shows what every route of the older APIs takes and answers', () => {
    const older = Object.values(service.openapi.paths)
      .flatMap((path) => Object.values(path) as unknown as Operation[])
      .filter(({ tags = [] }) => tags.some((tag) => tag.endsWith(' API')))
    expect(older).toHaveLength(23)
    for (const { requestBody, responses } of older) {
      if (requestBody !== undefined) expect(requestBody.content['application/json']?.example).toBeInstanceOf(Object)
      for (const [status, { content }] of Object.entries(responses)) {
        const shown = content?.['application/json'] ?? content?.['text/event-stream']
        expect(Number(status) < 400 ? shown?.example : Object.keys(shown?.examples ?? {})[0]).toBeTruthy()
      }
    }
  })
})
