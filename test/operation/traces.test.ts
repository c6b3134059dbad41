import { context, propagation, trace, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-node'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTraces } from '../../src/operation/traces.ts'
import type { Consumer } from '../../src/events/relay/consumer.ts'
import type { Event } from '../../src/index.ts'
import { openRaw } from '../support/http-raw.ts'
import { putOnSale, reservationOf } from '../support/http-shop.ts'
import { startService, type Service } from '../support/http.ts'

const exporter = new InMemorySpanExporter()
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
let service: Service

beforeAll(async () => {
  expect(createTraces('0'), 'without an SDK there are no traces').toBeNull()
  // As somebody starts it who wants traces: before the service.
  provider.register()
  service = await startService()
})
afterAll(async () => {
  await service.close()
  await provider.shutdown()
  for (const api of [trace, context, propagation]) api.disable()
})
beforeEach(() => exporter.reset())

function spansOf(name: string): ReadableSpan[] {
  return exporter.getFinishedSpans().filter((span) => span.name === name)
}

describe('a request', () => {
  it('is a span with its method, route and status, below the one that its sender names', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await service.get('/v1/products/none/stock?', { traceparent })
    const [span] = spansOf('GET /v1/products/:sku/stock')
    expect(span!.kind).toBe(SpanKind.SERVER)
    expect(span!.attributes).toEqual({
      'http.request.method': 'GET',
      'http.route': '/v1/products/:sku/stock',
      'url.path': '/v1/products/none/stock',
      'url.scheme': 'http',
      'http.response.status_code': 404,
      'holdfast.problem': 'product_not_found',
    })
    expect(span!.spanContext().traceId).toBe('0af7651916cd43dd8448eb211c80319c')
    expect(span!.parentSpanContext?.spanId).toBe('b7ad6b7169203331')
    // What a client did wrong is no error of the service.
    expect(span!.status.code).toBe(SpanStatusCode.UNSET)
  })

  it('is a part of the span that an instrumentation of the HTTP server has begun, if there is one', () => {
    const outer = trace.getTracer('http').startSpan('GET')
    const request = {
      method: 'GET',
      path: '/',
      protocol: 'http',
      route: '/',
      headers: { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
    }
    context.with(trace.setSpan(context.active(), outer), () => createTraces('0')!.requests.begin(request).end(503, 'overloaded'))
    const [span] = spansOf('GET /')
    expect([span!.kind, span!.parentSpanContext?.spanId]).toEqual([SpanKind.INTERNAL, outer.spanContext().spanId])
    expect([span!.status.code, span!.attributes['error.type']]).toEqual([SpanStatusCode.ERROR, 'overloaded'])
  })

  it('to a path that does not exist has no route; a stream ends when it begins', async () => {
    await service.get('/nothing/here')
    expect(spansOf('GET')[0]!.attributes).toMatchObject({ 'url.path': '/nothing/here', 'http.response.status_code': 404 })
    const sku = await putOnSale(service, 1)
    const stream = await fetch(`${service.address}/v1/stock/stream?sku=${sku}`)
    expect(spansOf('GET /v1/stock/stream')).toHaveLength(1)
    await stream.body!.cancel()
  })
})

describe('a batch', () => {
  it('is a span with its size and outcomes, and a part of the only request in it', async () => {
    const sku = await putOnSale(service, 1)
    exporter.reset()
    await service.post('/v1/reservations', reservationOf(sku))
    const [request] = spansOf('POST /v1/reservations')
    const [batch] = spansOf('holdfast.batch')
    expect(batch!.attributes).toEqual({ 'holdfast.batch.size': 1, 'holdfast.batch.accepted': 1, 'holdfast.batch.refused': 0 })
    expect(batch!.parentSpanContext?.spanId).toBe(request!.spanContext().spanId)
    expect(batch!.spanContext().traceId).toBe(request!.spanContext().traceId)
    expect(batch!.duration[0] * 1e9 + batch!.duration[1]).toBeGreaterThan(0)
  })

  it('knows its request also when the body came later', async () => {
    const sku = await putOnSale(service, 1)
    exporter.reset()
    const client = await openRaw(service.port)
    const body = JSON.stringify(reservationOf(sku))
    const headers = [
      'host: a',
      'content-type: application/json',
      `content-length: ${body.length}`,
      'expect: 100-continue',
      'connection: close',
    ]
    client.socket.write(`POST /v1/reservations HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`)
    await client.until((text) => text.includes('100 Continue'))
    client.socket.write(body)
    expect(await client.closed).toContain('201 Created')
    const [request] = spansOf('POST /v1/reservations')
    expect(spansOf('holdfast.batch')[0]!.parentSpanContext?.spanId).toBe(request!.spanContext().spanId)
  })

  it('of several requests points to each of them', async () => {
    const sku = await putOnSale(service, 3)
    exporter.reset()
    await Promise.all(Array.from({ length: 30 }, () => service.post('/v1/reservations', reservationOf(sku))))
    const batches = spansOf('holdfast.batch')
    const sum = (name: string): number => batches.reduce((total, { attributes }) => total + Number(attributes[name]), 0)
    expect([sum('holdfast.batch.size'), sum('holdfast.batch.accepted'), sum('holdfast.batch.refused')]).toEqual([30, 3, 27])
    const told = batches.flatMap(({ links, parentSpanContext }) =>
      parentSpanContext === undefined ? links.map((link) => link.context.spanId) : [parentSpanContext.spanId],
    )
    const requests = spansOf('POST /v1/reservations').map((span) => span.spanContext().spanId)
    expect(told.toSorted()).toEqual(requests.toSorted())
  })
})

describe('a delivery', () => {
  it('is a span for each attempt, which tells what went wrong', async () => {
    const sent: unknown[] = []
    const consumer: Consumer = {
      name: 'webhook/1',
      wants: () => true,
      startAfter: null,
      windowMax: 1,
      send: async (event) => {
        sent.push([event, trace.getActiveSpan()?.isRecording()])
        return sent.length === 1 ? { ok: false, reason: 'closed' } : { ok: true }
      },
      retryMs: () => null,
    }
    const event = { type: 'order.created', cursor: '7' } as Event
    const traced = createTraces('0')!.consumer(consumer)
    expect(await traced.send(event, new AbortController().signal)).toEqual({ ok: false, reason: 'closed' })
    expect(await traced.send(event, new AbortController().signal)).toEqual({ ok: true })
    expect(sent).toEqual([
      [event, true],
      [event, true],
    ])
    const spans = spansOf('deliver webhook')
    expect(spans.map(({ status }) => status)).toEqual([{ code: SpanStatusCode.ERROR, message: 'closed' }, { code: SpanStatusCode.UNSET }])
    expect(spans[0]!.attributes).toEqual({
      'holdfast.consumer': 'webhook/1',
      'holdfast.event.type': 'order.created',
      'holdfast.event.cursor': '7',
    })
  })
})
