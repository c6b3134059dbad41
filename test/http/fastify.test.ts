import swagger from '@fastify/swagger'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import type { Identify } from '../../src/http/caller.ts'
import { holdfast, type HoldfastPluginOptions } from '../../src/http/fastify.ts'
import { createHoldfast, openStore } from '../../src/index.ts'
import { identity, keyOf, tokenOf } from '../support/identities.ts'

const opened: FastifyInstance[] = []

afterEach(async () => {
  for (const app of opened.splice(0)) await app.close()
})

/** Somebody's app, before it has anything of Holdfast. */
function hostApp(options: FastifyServerOptions = {}): FastifyInstance {
  const app = Fastify(options)
  opened.push(app)
  return app
}

const inMemory = { prefix: '/shop', store: 'sqlite::memory:', open: true } as const
const ticket = { sku: 'ticket', name: 'A ticket', totalStock: 10 }
const oneTicket = { userId: 'ada', items: [{ sku: 'ticket', quantity: 1 }] }

async function post(app: FastifyInstance, url: string, payload: object, headers: Readonly<Record<string, string>> = {}) {
  return app.inject({ method: 'POST', url, payload, headers })
}

describe('the plugin', () => {
  it('gives an app the API under its prefix', async () => {
    const app = hostApp()
    await app.register(holdfast, inMemory)
    await post(app, '/shop/v1/products', ticket)
    const reserved = await post(app, '/shop/v1/reservations', oneTicket)
    expect([reserved.statusCode, reserved.headers.location]).toEqual([201, `/shop/v1/reservations/${reserved.json<{ id: string }>().id}`])
    const read = await app.inject(String(reserved.headers.location))
    expect(read.json()).toMatchObject({ userId: 'ada', status: 'active' })
    const order = await post(app, `${String(reserved.headers.location)}/confirm`, {})
    expect([order.statusCode, String(order.headers.location)]).toEqual([201, `/shop/v1/orders/${order.json<{ id: string }>().id}`])
    const { paths } = (await app.inject('/shop/openapi.json')).json<{ paths: object }>()
    expect(Object.keys(paths)).toContain('/shop/v1/reservations/{id}/confirm')
  })

  it('answers what cannot be, under its prefix, as the service does', async () => {
    const app = hostApp({ bodyLimit: 200_000 })
    await app.register(holdfast, inMemory)
    const answers = [
      await post(app, '/shop/v1/products', { ...ticket, price: '1' }),
      await app.inject('/shop/v1/products?page=2'),
      await app.inject('/shop/v1/carts'),
      await app.inject({ method: 'DELETE', url: '/shop/v1/products' }),
      await post(app, '/shop/v1/products', { ...ticket, name: 'x'.repeat(100_000) }),
      await app.inject({ method: 'POST', url: '/shop/v1/products', payload: 'sku=a', headers: { 'content-type': 'text/plain' } }),
    ]
    expect(answers.map(({ statusCode, json, headers }) => [statusCode, json<{ code: string }>().code, headers['content-type']])).toEqual(
      [
        [400, 'validation_failed'],
        [400, 'validation_failed'],
        [404, 'not_found'],
        [405, 'method_not_allowed'],
        [413, 'payload_too_large'],
        [415, 'unsupported_media_type'],
      ].map((answer) => [...answer, 'application/problem+json']),
    )
    expect(answers[3]?.headers.allow).toBe('GET, HEAD, POST')
  })

  it('knows an idempotency key again when it is mounted elsewhere', async () => {
    const shop = createHoldfast({ store: await openStore('sqlite::memory:') })
    const app = hostApp()
    await app.register(holdfast, { prefix: '/a', shop, open: true })
    await app.register(holdfast, { prefix: '/b', shop, open: true })
    await post(app, '/a/v1/products', ticket)
    const [first, again] = [
      await post(app, '/a/v1/reservations', oneTicket, { 'idempotency-key': 'k' }),
      await post(app, '/b/v1/reservations', oneTicket, { 'idempotency-key': 'k' }),
    ]
    expect(again.headers['idempotent-replayed']).toBe('true')
    expect(again.body).toBe(first.body)
    await app.close()
    await shop.close()
  })

  it('needs no prefix, and then leaves unknown paths to the app', async () => {
    const app = hostApp()
    app.setNotFoundHandler((_request, reply) => reply.code(404).send('nothing here'))
    await app.register(holdfast, { store: 'sqlite::memory:', open: true })
    expect((await app.inject('/v1/products')).json()).toEqual({ data: [], nextCursor: null })
    expect((await app.inject('/v1/carts')).body).toBe('nothing here')
  })
})

describe('the app around it', () => {
  it('keeps its own bodies, validation, errors, methods and unknown paths, before and after', async () => {
    const app = hostApp({ bodyLimit: 200_000 })
    app.setErrorHandler((error: Error, _request, reply) => reply.code(418).send({ oops: error.message }))
    app.addContentTypeParser('text/plain', { parseAs: 'string' }, (_request, body, done) => done(null, body))
    const addRoutes = (path: string): void => {
      app.post(
        path,
        { schema: { querystring: { type: 'object', properties: { n: { type: 'integer' } } } } },
        async ({ body, query, ...rest }) => ({
          body,
          query,
          hasCaller: 'caller' in rest,
        }),
      )
      app.get(`${path}/broken`, async () => {
        throw new Error('broken')
      })
    }
    addRoutes('/before')
    await app.register(holdfast, inMemory)
    addRoutes('/after')
    const methods = app.supportedMethods.length
    for (const path of ['/before', '/after']) {
      const text = 'x'.repeat(100_000)
      const sent = await app.inject({
        method: 'POST',
        url: `${path}?n=1&other=2`,
        payload: text,
        headers: { 'content-type': 'text/plain' },
      })
      expect(sent.json()).toEqual({ body: text, query: { n: 1, other: '2' }, hasCaller: false })
      expect((await app.inject(`${path}/broken`)).json()).toEqual({ oops: 'broken' })
      expect((await app.inject({ method: 'PUT', url: path })).json()).toMatchObject({ message: `Route PUT:${path} not found` })
    }
    expect(methods).toBe(Fastify().supportedMethods.length)
  })

  it('has hooks and a serializer that do not change the answers, and may refuse in its own way', async () => {
    const app = hostApp()
    app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) =>
      reply.code(error.statusCode ?? 500).send({ refusedByApp: error.message }),
    )
    app.setReplySerializer((payload) => JSON.stringify({ wrapped: payload }))
    app.addHook('onRequest', async ({ headers }) => {
      if (headers['x-banned'] !== undefined) throw Object.assign(new Error('banned'), { statusCode: 403 })
    })
    await app.register(holdfast, inMemory)
    expect((await app.inject('/shop/v1/products')).json()).toEqual({ data: [], nextCursor: null })
    const banned = await app.inject({ url: '/shop/v1/products', headers: { 'x-banned': 'yes' } })
    expect([banned.statusCode, banned.json()]).toEqual([403, { refusedByApp: 'banned' }])
  })

  it('may have a document of its own, which has these routes as well', async () => {
    const app = hostApp()
    await app.register(swagger, { openapi: { info: { title: 'An app', version: '1' } } })
    await app.register(holdfast, inMemory)
    app.get('/own', async () => 'own')
    await app.ready()
    expect(Object.keys(app.swagger().paths ?? {})).toEqual(expect.arrayContaining(['/own', '/shop/v1/products']))
    const { paths, info } = (await app.inject('/shop/openapi.json')).json<{ paths: object; info: { title: string } }>()
    expect([info.title, '/own' in paths]).toEqual(['Holdfast', false])
  })
})

describe('who may do what', () => {
  it('is told by keys and tokens, as in the service', async () => {
    const app = hostApp()
    await app.register(holdfast, { prefix: '/shop', store: 'sqlite::memory:', identity })
    expect((await post(app, '/shop/v1/products', ticket)).statusCode).toBe(401)
    expect((await post(app, '/shop/v1/products', ticket, keyOf('admin'))).statusCode).toBe(201)
    const reserved = await post(app, '/shop/v1/reservations', { items: oneTicket.items }, await tokenOf('u1'))
    expect(reserved.json()).toMatchObject({ userId: 'u1' })
  })

  it('or by the app itself', async () => {
    const shop = createHoldfast({ store: await openStore('sqlite::memory:') })
    await shop.createProduct(ticket)
    const app = hostApp()
    await app.register(holdfast, {
      prefix: '/shop',
      shop,
      identify: async ({ headers: { cookie } }) =>
        cookie === undefined ? 'Log in first.' : { role: 'user', name: `session:${cookie}`, userId: cookie },
    })
    const unknown = await post(app, '/shop/v1/reservations', { items: oneTicket.items })
    expect([unknown.statusCode, unknown.json<{ detail: string }>().detail]).toEqual([401, 'Log in first.'])
    const { id, userId } = (await post(app, '/shop/v1/reservations', { items: oneTicket.items }, { cookie: 'grace' })).json<{
      id: string
      userId: string
    }>()
    expect(userId).toBe('grace')
    expect((await app.inject({ url: `/shop/v1/reservations/${id}`, headers: { cookie: 'eve' } })).statusCode).toBe(404)
    await app.close()
    await shop.close()
  })

  it.each([
    undefined,
    null,
    {},
    { role: 'user', name: 'u' },
    { role: 'user', name: 'u', userId: null },
    { role: 'user', name: 'u', userId: '' },
    { role: 'admin', name: 'a', userId: 'u' },
    { role: 'root', name: 'a', userId: null },
    { role: 'admin', userId: null },
  ])('and lets nobody in where the app cannot say who it is: %j', async (found) => {
    const reports: unknown[] = []
    for (const identify of [() => found, async () => found]) {
      const app = hostApp()
      const report = (error: unknown): void => void reports.push(error)
      await app.register(holdfast, { store: 'sqlite::memory:', identify: identify as unknown as Identify, report })
      expect((await app.inject('/v1/reservations')).statusCode).toBe(500)
    }
    expect(reports.map(String)).toEqual(Array.from({ length: 2 }, () => expect.stringMatching(/identify must give/) as string))
  })

  it.each<[string, HoldfastPluginOptions]>([
    ['nobody says who may do what', { store: 'sqlite::memory:' }],
    ['two say it', { store: 'sqlite::memory:', open: true, identity }],
    ['there is neither shop nor store', { open: true }],
  ])('the app does not start when %s', async (_when, options) => {
    await expect(Promise.resolve(hostApp().register(holdfast, options))).rejects.toThrow(/^[A-Z].* plugin of Holdfast .*\.$/)
  })
})

describe('closing the app', () => {
  it('closes a store that was given to the plugin, and leaves a shop to whoever made it', async () => {
    const store = await openStore('sqlite::memory:')
    const shop = createHoldfast({ store: await openStore('sqlite::memory:') })
    const app = hostApp()
    await app.register(holdfast, { prefix: '/a', store, open: true })
    await app.register(holdfast, { prefix: '/b', shop, open: true })
    await app.ready()
    await app.close()
    await expect(store.products({ limit: 1, cursor: null })).rejects.toThrow()
    expect(await shop.products()).toEqual({ data: [], nextCursor: null })
    await shop.close()
  })
})
