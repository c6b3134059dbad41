import {
  context,
  propagation,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api'
import type { Command } from '../domain/command.ts'
import type { BatchReport } from '../engine/batcher.ts'
import type { Consumer } from '../events/relay/consumer.ts'

/** Spans, through the API of OpenTelemetry: where they go is said by the SDK that whoever runs this program starts before it. */
export interface Traces {
  readonly requests: RequestTraces
  /** A command that is queued while a request is handled: its batch tells of the request. */
  readonly onSubmit: (command: Command) => void
  readonly onBatch: (batch: BatchReport) => void
  /** The same consumer, with a span for each attempt. */
  readonly consumer: (consumer: Consumer) => Consumer
}

export interface RequestTraces {
  readonly begin: (request: TracedRequest) => RequestTrace
}

export interface TracedRequest {
  readonly method: string
  readonly path: string
  readonly protocol: string
  /** Its template; null: there is no such route. */
  readonly route: string | null
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

export interface RequestTrace {
  /** Do the work, and what comes of it, as a part of this request. */
  readonly within: (work: () => void) => void
  readonly end: (status: number, problemCode: string | null) => void
}

/** A span that points to all requests of a full batch would be larger than the batch. */
const linksMax = 128

/** null where no SDK was started: then nothing is done for any request. */
export function createTraces(version: string): Traces | null {
  const provider = trace.getTracerProvider()
  if (provider instanceof ProxyTracerProvider && provider.getDelegate() === new ProxyTracerProvider().getDelegate()) return null
  const tracer = provider.getTracer('holdfast', version)
  const requestOf = new WeakMap<Command, SpanContext>()

  return {
    requests: { begin: (request) => beginRequest(tracer, request) },
    onSubmit: (command) => {
      const span = trace.getActiveSpan()
      if (span?.isRecording() === true) requestOf.set(command, span.spanContext())
    },
    onBatch: (batch) => traceBatch(tracer, batch, requestOf),
    consumer: (consumer) => traceConsumer(tracer, consumer),
  }
}

/** Named and described by the semantic conventions for HTTP servers. */
function beginRequest(tracer: Tracer, { method, path, protocol, route, headers }: TracedRequest): RequestTrace {
  const attributes = {
    'http.request.method': method,
    'url.path': path,
    'url.scheme': protocol,
    ...(route !== null && { 'http.route': route }),
  }
  // Whoever instruments Node's own HTTP server as well has begun a span for this request already.
  const isBelow = trace.getActiveSpan() !== undefined
  const parent = isBelow ? context.active() : propagation.extract(ROOT_CONTEXT, headers)
  const kind = isBelow ? SpanKind.INTERNAL : SpanKind.SERVER
  const span = tracer.startSpan(route === null ? method : `${method} ${route}`, { kind, attributes }, parent)
  const own = trace.setSpan(parent, span)
  return {
    within: (work) => context.with(own, work),
    end: (status, problemCode) => {
      span.setAttribute('http.response.status_code', status)
      if (problemCode !== null) span.setAttribute('holdfast.problem', problemCode)
      // What a client did wrong, or came too late for, is no error of the service.
      if (status >= 500) {
        span.setAttribute('error.type', problemCode ?? String(status))
        span.setStatus({ code: SpanStatusCode.ERROR })
      }
      span.end()
    },
  }
}

/** Made when the batch is over. That of one request is a part of it; one of several points to them. */
function traceBatch(tracer: Tracer, { commands, outcomes, elapsedMs }: BatchReport, requestOf: WeakMap<Command, SpanContext>): void {
  const requests: SpanContext[] = []
  for (const command of commands) {
    const request = requestOf.get(command)
    if (request !== undefined && requests.length < linksMax) requests.push(request)
  }
  const [first] = requests
  const parent = commands.length === 1 && first !== undefined ? trace.setSpanContext(ROOT_CONTEXT, first) : ROOT_CONTEXT
  const accepted = outcomes.filter(({ ok }) => ok).length
  const endTime = performance.now()
  const span: Span = tracer.startSpan(
    'holdfast.batch',
    {
      startTime: endTime - elapsedMs,
      attributes: {
        'holdfast.batch.size': commands.length,
        'holdfast.batch.accepted': accepted,
        'holdfast.batch.refused': commands.length - accepted,
      },
      links: parent === ROOT_CONTEXT ? requests.map((request) => ({ context: request })) : [],
    },
    parent,
  )
  span.end(endTime)
}

function traceConsumer(tracer: Tracer, consumer: Consumer): Consumer {
  const kind = consumer.name.split('/', 1)[0]!
  return {
    ...consumer,
    send: (event, signal) =>
      tracer.startActiveSpan(
        `deliver ${kind}`,
        {
          kind: SpanKind.PRODUCER,
          root: true,
          attributes: { 'holdfast.consumer': consumer.name, 'holdfast.event.type': event.type, 'holdfast.event.cursor': event.cursor },
        },
        async (span) => {
          try {
            const delivery = await consumer.send(event, signal)
            if (!delivery.ok) span.setStatus({ code: SpanStatusCode.ERROR, message: delivery.reason })
            return delivery
          } catch (error) {
            span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) })
            throw error
          } finally {
            span.end()
          }
        },
      ),
  }
}
