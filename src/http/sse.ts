import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { sendProblem } from './problem.ts'

/** Server-sent events to one client. */
export interface EventStream {
  /** Takes a whole message. False: the client reads more slowly than it is told; `drained` says when it has caught up. */
  readonly send: (message: string) => boolean
  readonly drained: () => Promise<void>
  readonly end: () => void
  /** Aborts when the client has gone or the service stops. */
  readonly signal: AbortSignal
}

export interface StreamOptions {
  /** How many may be open; one more is refused. */
  readonly streamsMax: number
  /** Told of one that is about to be opened. */
  readonly onOpen?: ((request: FastifyRequest, reply: FastifyReply) => void) | undefined
}

export interface EventStreams {
  /** null: there are too many, which has been answered, or the client has gone already. */
  readonly open: (reply: FastifyReply) => EventStream | null
  readonly count: number
}

/** A proxy that has heard nothing for a minute closes the connection; many do after half of that. */
const heartbeatMs = 15_000

/** One for each service. Streams do not hold up a stop: clients connect again elsewhere. */
export function createEventStreams(app: FastifyInstance, { streamsMax, onOpen }: StreamOptions): EventStreams {
  const responses = new Set<ServerResponse>()
  const heartbeat = setInterval(() => {
    for (const response of responses) if (!response.writableNeedDrain) response.write(':\n\n')
  }, heartbeatMs)
  heartbeat.unref()
  let isStopping = false
  app.addHook('preClose', async () => {
    isStopping = true
    clearInterval(heartbeat)
    for (const response of responses) response.end()
  })

  return {
    open: (reply) => {
      // It went while its request was looked at: nothing would ever say so again.
      if (reply.raw.closed) {
        reply.hijack()
        return null
      }
      if (responses.size >= streamsMax) {
        void sendProblem(reply, 'overloaded', `${streamsMax} streams are open, and this service keeps no more.`)
        return null
      }
      reply.hijack()
      onOpen?.(reply.request, reply)
      const { raw } = reply
      raw.writeHead(200, {
        ...(reply.getHeaders() as OutgoingHttpHeaders),
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        // Proxies that collect answers must not collect this one.
        'x-accel-buffering': 'no',
        connection: 'close',
      })
      raw.flushHeaders()
      responses.add(raw)
      const gone = new AbortController()
      raw.once('close', () => {
        responses.delete(raw)
        gone.abort()
      })
      // A client that goes away while it is written to is no fault.
      raw.on('error', () => {})
      // Whoever is still served while the service stops connects again as well.
      if (isStopping) raw.end()
      return {
        send: (text) => raw.writable && raw.write(text),
        drained: () =>
          new Promise((resolve) => {
            if (!raw.writableNeedDrain || gone.signal.aborted) return resolve()
            // A client may be slow thousands of times: nothing of it must stay.
            const end = (): void => {
              raw.off('drain', end)
              raw.off('close', end)
              resolve()
            }
            raw.on('drain', end)
            raw.on('close', end)
          }),
        end: () => raw.end(),
        signal: gone.signal,
      }
    },
    get count() {
      return responses.size
    },
  }
}

/** `data` is JSON, which has no line breaks. */
export function message({ id, event, data }: { readonly id: string | number; readonly event?: string; readonly data: object }): string {
  return `id: ${id}\n${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`
}
