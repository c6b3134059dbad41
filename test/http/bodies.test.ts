import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openRaw, requestText } from '../support/http-raw.ts'
import { buy, freshSku, putOnSale, reservationOf, reserve, stockOf } from '../support/http-shop.ts'
import { expectNoReports, refusal, startService, type Service } from '../support/http.ts'

let service: Service
let sku: string
const limit = 64 * 1024

beforeAll(async () => {
  service = await startService()
  sku = await putOnSale(service, 1_000)
})
afterAll(async () => {
  expectNoReports(service)
  await service.close()
})

/** A good body of exactly so many bytes. */
function bodyOf(bytes: number): string {
  const body = JSON.stringify(reservationOf(sku))
  return body + ' '.repeat(bytes - body.length)
}

const chunked = { 'transfer-encoding': 'chunked', 'content-type': 'application/json' }
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`

describe('the size of a body', () => {
  it('is 64 KiB at most, with Content-Length', async () => {
    expect((await service.send('POST', '/v1/reservations', { raw: bodyOf(limit) })).status).toBe(201)
    expect(refusal(await service.send('POST', '/v1/reservations', { raw: bodyOf(limit + 1) }))).toBe('payload_too_large')
  })

  it('is 64 KiB at most, in chunks', async () => {
    for (const [bytes, status] of [
      [limit, 201],
      [limit + 1, 413],
    ] as const) {
      const client = await openRaw(service.port)
      const body = bodyOf(bytes)
      client.socket.write(requestText('POST', '/v1/reservations', { headers: chunked }))
      for (let start = 0; start < bytes; start += 10_000) client.socket.write(chunk(body.slice(start, start + 10_000)))
      client.socket.write('0\r\n\r\n')
      await client.until((text) => text.includes(`HTTP/1.1 ${status} `))
      client.socket.destroy()
    }
  })

  it('is refused before the body has arrived: by its announced length', async () => {
    for (const length of [limit + 1, 1_000_000_000, Number.MAX_SAFE_INTEGER]) {
      const client = await openRaw(service.port)
      client.socket.write(
        requestText('POST', '/v1/reservations', { headers: { 'content-type': 'application/json', 'content-length': String(length) } }),
      )
      const text = await client.until((received) => received.includes('payload_too_large'))
      expect(text).toMatch(/^HTTP\/1\.1 413 /)
      client.socket.destroy()
    }
  })

  it('is refused before the body has arrived: as soon as the chunks are too many', async () => {
    const client = await openRaw(service.port)
    client.socket.write(requestText('POST', '/v1/reservations', { headers: chunked }))
    client.socket.write(chunk(' '.repeat(limit)))
    client.socket.write(chunk('   '))
    expect(await client.until((received) => received.includes('payload_too_large'))).toMatch(/^HTTP\/1\.1 413 /)
    client.socket.destroy()
  })

  it('does not make the service keep what it refused: memory stays flat', async () => {
    const client = await openRaw(service.port)
    client.socket.write(requestText('POST', '/v1/reservations', { headers: chunked }))
    const piece = chunk('x'.repeat(60_000))
    const before = process.memoryUsage().rss
    for (let sent = 0; sent < 2_000 && client.socket.writable; sent++) {
      if (!client.socket.write(piece)) await new Promise((resolve) => client.socket.once('drain', resolve).once('close', resolve))
    }
    expect(client.received()).toMatch(/^(?:HTTP\/1\.1 413 |$)/)
    client.socket.destroy()
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024)
  })
})

describe('broken bodies', () => {
  it.each([
    ['nothing but a brace', '{'],
    ['two values', '{}{}'],
    ['a trailing comma', '{"userId":"ada",}'],
    ['single quotes', "{'userId':'ada'}"],
    ['NaN', '{"userId":NaN}'],
    ['Infinity', '{"userId":-Infinity}'],
    ['a comment', '{}//'],
    ['a raw line feed in a text', '{"userId":"a\nb"}'],
    ['a leading zero', '{"userId":01}'],
    ['undefined', 'undefined'],
    ['blanks', '   '],
    ['a form', 'userId=ada&items=1'],
    ['60,000 brackets', '['.repeat(60_000)],
    ['30,000 brackets, closed', '['.repeat(30_000) + ']'.repeat(30_000)],
    ['30,000 brackets around an escape', `${'['.repeat(30_000)}"\\u0041"${']'.repeat(30_000)}`],
    ['30,000 brackets around half a surrogate pair', `${'['.repeat(30_000)}"\\ud800"${']'.repeat(30_000)}`],
    ['10,000 objects in each other', '{"a":'.repeat(10_000) + '"\\u0041"' + '}'.repeat(10_000)],
  ])('%s is 400', async (_name, raw) => {
    const answer = await service.send('POST', '/v1/reservations', { raw })
    expect(answer.status).toBe(400)
    expect(answer.body.code).toBe('validation_failed')
    expect(answer.text.length).toBeLessThan(200_000)
  })

  it('100,000 brackets are too many bytes', async () => {
    expect(refusal(await service.send('POST', '/v1/reservations', { raw: '['.repeat(100_000) }))).toBe('payload_too_large')
  })

  it('an empty body is no body', async () => {
    for (const headers of [{}, { 'content-type': 'application/json' }, { 'content-type': 'application/json; charset=utf-8' }]) {
      expect(refusal(await service.send('POST', '/v1/reservations', { headers }))).toBe("validation_failed at ''")
      const { id } = await reserve(service, sku)
      expect((await service.send('POST', `/v1/reservations/${id}/cancel`, { headers })).status).toBe(200)
    }
  })

  it('null is not an empty body', async () => {
    const { id, reservationId } = await buy(service, sku)
    const paths = [`/v1/reservations/${reservationId}/confirm`, `/v1/reservations/${reservationId}/cancel`, `/v1/orders/${id}/cancel`]
    for (const path of paths) expect(refusal(await service.send('POST', path, { raw: 'null' }))).toBe("validation_failed at ''")
    expect(refusal(await service.send('PATCH', `/v1/products/${sku}`, { raw: 'null' }))).toBe("validation_failed at ''")
  })

  it('a body where none belongs is left alone', async () => {
    for (const raw of ['{', '{}', ' '.repeat(70_000)]) {
      expect((await service.send('GET', `/v1/products/${sku}/stock`, { raw, headers: { 'content-type': 'text/plain' } })).status).toBe(200)
    }
  })
})

describe('the type of a body', () => {
  const post = (type: string) => service.post('/v1/reservations', reservationOf(sku), { 'content-type': type })

  it.each([
    'application/json',
    'application/json;charset=utf-8',
    'application/json; charset=UTF-8',
    'Application/JSON',
    'application/json ; a="b;c"',
  ])('may be %s', async (type) => {
    expect((await post(type)).status).toBe(201)
  })

  it.each([
    'text/plain',
    'text/json',
    'application/jsonx',
    'application/json-seq',
    'application/problem+json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json, text/plain',
    'json',
    'application/',
    '*/*',
    '',
  ])('is not "%s": 415', async (type) => {
    expect(refusal(await post(type))).toBe('unsupported_media_type')
  })

  it('must be told', async () => {
    const client = await openRaw(service.port)
    const body = JSON.stringify(reservationOf(sku))
    client.socket.write(`POST /v1/reservations HTTP/1.1\r\nhost: test\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
    expect(await client.until((text) => text.includes('unsupported_media_type'))).toMatch(/^HTTP\/1\.1 415 /)
    client.socket.destroy()
  })

  it('is asked on every write', async () => {
    const { id } = await reserve(service, sku)
    const paths = [
      '/v1/products',
      `/v1/products/${sku}/stock-adjustments`,
      ...['confirm', 'cancel', 'extend'].map((verb) => `/v1/reservations/${id}/${verb}`),
      `/v1/orders/${freshSku()}/cancel`,
    ]
    const headers = { 'content-type': 'text/plain' }
    for (const path of paths) expect(refusal(await service.send('POST', path, { raw: '{}', headers }))).toBe('unsupported_media_type')
    expect(refusal(await service.send('PATCH', `/v1/products/${sku}`, { raw: '{}', headers }))).toBe('unsupported_media_type')
    expect((await stockOf(service, sku)).total).toBe(1_000)
  })
})
