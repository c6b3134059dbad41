import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buy, freshSku, putOnSale, reserve, stockOf } from '../support/http-shop.ts'
import { expectNoReports, refusal, startService, type Service } from '../support/http.ts'

let service: Service
let sku: string
let reservationId: string
let orderId: string

beforeAll(async () => {
  service = await startService()
  sku = await putOnSale(service, 100)
  reservationId = (await reserve(service, sku)).id
  orderId = (await buy(service, sku)).id
})
afterAll(async () => {
  expectNoReports(service)
  await service.close()
})

interface Write {
  readonly method: 'POST' | 'PATCH'
  readonly path: () => string
  /** Properties that must be there, with a good value for each. */
  readonly required: () => object
  /** Properties that may be left out, with a good value for each. */
  readonly optional: Readonly<Record<string, unknown>>
}

const details = {
  description: 'x',
  price: { amount: 1, currency: 'EUR' },
  maxPerUser: 1,
  reservationTtlSeconds: 1,
  saleStartsAt: '2026-01-01T00:00:00Z',
  saleEndsAt: '2100-01-01T00:00:00Z',
}

const writes: Readonly<Record<string, Write>> = {
  'POST /v1/products': {
    method: 'POST',
    path: () => '/v1/products',
    required: () => ({ sku: freshSku(), name: 'x', totalStock: 1 }),
    optional: details,
  },
  'PATCH /v1/products/{sku}': {
    method: 'PATCH',
    path: () => `/v1/products/${sku}`,
    required: () => ({}),
    optional: { name: 'x', ...details },
  },
  'POST /v1/products/{sku}/stock-adjustments': {
    method: 'POST',
    path: () => `/v1/products/${sku}/stock-adjustments`,
    required: () => ({ delta: 1 }),
    optional: { reason: 'x' },
  },
  'POST /v1/reservations': {
    method: 'POST',
    path: () => '/v1/reservations',
    required: () => ({ userId: 'ada', items: [{ sku, quantity: 1 }] }),
    optional: { ttlSeconds: 1, metadata: {} },
  },
  'POST /v1/reservations/{id}/confirm': {
    method: 'POST',
    path: () => `/v1/reservations/${reservationId}/confirm`,
    required: () => ({}),
    optional: { userId: 'ada', metadata: {} },
  },
  'POST /v1/reservations/{id}/cancel': {
    method: 'POST',
    path: () => `/v1/reservations/${reservationId}/cancel`,
    required: () => ({}),
    optional: { userId: 'ada' },
  },
  'POST /v1/reservations/{id}/extend': {
    method: 'POST',
    path: () => `/v1/reservations/${reservationId}/extend`,
    required: () => ({ ttlSeconds: 1 }),
    optional: { userId: 'ada' },
  },
  'POST /v1/orders/{id}/cancel': {
    method: 'POST',
    path: () => `/v1/orders/${orderId}/cancel`,
    required: () => ({}),
    optional: { reason: 'x' },
  },
}

const escaped = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1')

describe.each(Object.entries(writes))('%s', (_route, { method, path, required, optional }) => {
  const send = async (body: unknown) => refusal(await service.send(method, path(), { body }))
  const numbers = new Set(['totalStock', 'delta', 'ttlSeconds', 'maxPerUser', 'reservationTtlSeconds'])
  const clearable = new Set(Object.keys(details))

  it('refuses properties that it does not know, wherever their names lead', async () => {
    const unknown = ['extra', 'id', 'Sku', 'a/b', 'm~n', '~1', '', ' ', 'ü', 'constructor', 'toString', 'hasOwnProperty', '0', '__proto']
    for (const name of unknown) {
      expect(await send({ ...required(), [name]: null })).toBe(`validation_failed at /${escaped(name)}`)
    }
  })

  it('names each property that is missing, and the whole body when it is not an object', async () => {
    for (const name of Object.keys(required())) {
      const body = Object.fromEntries(Object.entries(required()).filter(([other]) => other !== name))
      expect(await send(body)).toBe(`validation_failed at /${name}`)
    }
    const bodies: unknown[] = [null, [], [required()], 'text', 1, true, false]
    // A body may be left out where nothing in it is needed.
    if (Object.keys(required()).length > 0) {
      bodies.push(undefined)
      expect(await send({})).toBe(
        `validation_failed at ${Object.keys(required())
          .map((name) => `/${name}`)
          .join(' ')}`,
      )
    }
    for (const body of bodies) expect({ body, told: await send(body) }).toEqual({ body, told: "validation_failed at ''" })
  })

  it('refuses values of another type, and takes none for another', async () => {
    for (const [name, good] of Object.entries({ ...required(), ...optional })) {
      const text = typeof good === 'string'
      const bad: unknown[] = [true, [], [good], {}, text ? 1 : 'x', ...(clearable.has(name) ? [] : [null])]
      if (numbers.has(name)) bad.push('1', '', 'NaN', 1.5, -1.5, 1e21, -1e21, [1], '1e0')
      for (const value of bad) {
        const harmless = (name === 'metadata' && JSON.stringify(value) === '{}') || (name === 'items' && Array.isArray(value))
        if (harmless) continue
        // What is wrong inside a value may be told of the value itself or of what is in it.
        const at = new RegExp(`^validation_failed at /${name}(?:/\\S*)?(?: /${name}/\\S+)*$`)
        expect({ name, value, told: await send({ ...required(), [name]: value }) }).toEqual({
          name,
          value,
          told: expect.stringMatching(at) as string,
        })
      }
    }
  })

  it('refuses query parameters that it does not know', async () => {
    for (const name of ['x', 'limit', '__proto__', 'constructor', 'userId']) {
      const answer = await service.send(method, `${path()}?${name}=1`, { body: required() })
      expect(refusal(answer)).toBe(`validation_failed at ${name}`)
    }
  })
})

describe('the place of a mistake', () => {
  const paths = async (body: object) => {
    const answer = await service.post('/v1/reservations', body)
    expect(answer.body.code).toBe('validation_failed')
    return (answer.body.errors ?? []).map(({ path }) => path)
  }
  const good = () => ({ sku, quantity: 1 })

  it('is a JSON Pointer, down to the line', async () => {
    expect(await paths({ userId: 'ada', items: [good(), { sku, quantity: 0 }] })).toEqual(['/items/1/quantity'])
    expect(await paths({ userId: 'ada', items: [{ quantity: 1 }] })).toEqual(['/items/0/sku'])
    expect(await paths({ userId: 'ada', items: [good(), null, good(), 'x'] })).toEqual(['/items/1', '/items/3'])
    expect(await paths({ userId: 'ada', items: [{ ...good(), 'a/b~c': 1 }] })).toEqual(['/items/0/a~1b~0c'])
    expect(await paths({ userId: 'ada', items: [good()], metadata: { 'k/~': 1 } })).toEqual(['/metadata/k~1~0'])
    expect(await paths({ userId: 'ada', items: {} })).toEqual(['/items'])
  })

  it('is told for every mistake at once', async () => {
    const all = await paths({ items: [{ sku: '!', quantity: '1' }, {}], ttlSeconds: 0, metadata: { k: null }, more: 1 })
    const expected = [
      '/userId',
      '/more',
      '/items/0/sku',
      '/items/0/quantity',
      '/items/1/sku',
      '/items/1/quantity',
      '/ttlSeconds',
      '/metadata/k',
    ]
    expect(all.toSorted()).toEqual(expected.toSorted())
  })

  it('of a price is in the price', async () => {
    for (const [price, path] of [
      [{ amount: '1', currency: 'EUR' }, '/price/amount'],
      [{ amount: 1 }, '/price/currency'],
      [{ amount: 1, currency: 'EUR', tax: 1 }, '/price/tax'],
      [{ amount: null, currency: 'EUR' }, '/price/amount'],
      [5, '/price'],
    ] as const) {
      expect(refusal(await service.patch(`/v1/products/${sku}`, { price }))).toBe(`validation_failed at ${path}`)
    }
  })
})

describe('query parameters', () => {
  it.each([
    ['/v1/products', 'userId sku status after'],
    ['/v1/reservations', 'after order'],
    ['/v1/orders', 'sku status after'],
    ['/v1/events', 'cursor userId'],
    ['one product', 'limit fields'],
    ['one stock', 'limit cursor'],
    ['one reservation', 'userId'],
    ['one order', 'userId'],
  ])('of %s that nobody knows are refused: %s', async (list, names) => {
    const one: Readonly<Record<string, string>> = {
      'one product': `/v1/products/${sku}`,
      'one stock': `/v1/products/${sku}/stock`,
      'one reservation': `/v1/reservations/${reservationId}`,
      'one order': `/v1/orders/${orderId}`,
    }
    for (const name of [...names.split(' '), 'x', 'a/b', 'm~n', '__proto__', 'constructor', 'LIMIT', 'data[]']) {
      const answer = await service.get(`${one[list] ?? list}?${encodeURIComponent(name)}=1`)
      expect(refusal(answer)).toBe(`validation_failed at ${name}`)
    }
  })

  it('must have values that make sense', async () => {
    for (const status of ['', 'Active', 'lost', 'active,expired', '1']) {
      expect(refusal(await service.get(`/v1/reservations?status=${status}`))).toBe('validation_failed at status')
    }
    for (const bad of ['', 'a b', 'a'.repeat(65), '%00', 'ä']) {
      expect(refusal(await service.get(`/v1/reservations?sku=${encodeURIComponent(bad)}`))).toBe('validation_failed at sku')
    }
    for (const name of ['status=active&status=expired', 'sku=a&sku=b', 'userId=a&userId=b']) {
      expect(refusal(await service.get(`/v1/reservations?${name}`))).toBe(`validation_failed at ${name.split('=')[0]}`)
    }
  })
})

describe('what was refused', () => {
  it('has changed nothing', async () => {
    const { total, reserved, sold } = await stockOf(service, sku)
    expect({ total, reserved, sold }).toEqual({ total: 100, reserved: 1, sold: 1 })
  })
})
