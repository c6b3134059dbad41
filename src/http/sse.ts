import type { OutgoingHttpHeaders } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { createTurns, type Turns } from '../events/looker.ts'
import { sendProblem } from './problem.ts'

/** Server-sent events to one client. */
export interface EventStream {
  /** Takes a whole message. False: the client reads more slowly than it is told; `drained` says when it has caught up. */
  readonly send: (message: string | Buffer) => boolean
  /** For one who waits. */
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
  /** null: there are too many, and that has been answered; or the client has gone already. */
  readonly open: (reply: FastifyReply) => EventStream | null
  readonly count: number
}

/** A proxy that has heard nothing for a minute closes the connection; many do after half of that. */
const heartbeatMs = 15_000

interface Open extends EventStream {
  /** Whether it is alive is known by what it was sent. */
  readonly beat: () => void
}

/** One for each service. Streams do not hold up a stop: clients connect again elsewhere. */
export function createEventStreams(app: FastifyInstance, { streamsMax, onOpen }: StreamOptions): EventStreams {
  const streams = new Set<Open>()
  const turns = createTurns()
  const heartbeat = setInterval(() => void beatAll(streams, turns), heartbeatMs)
  heartbeat.unref()
  let isStopping = false
  app.addHook('preClose', async () => {
    isStopping = true
    clearInterval(heartbeat)
    for (const stream of streams) stream.end()
  })

  return {
    open: (reply) => {
      if (streams.size >= streamsMax) {
        void sendProblem(reply, 'overloaded', `${streamsMax} streams are open, and this service keeps no more.`)
        return null
      }
      reply.hijack()
      if (reply.raw.destroyed) return null
      onOpen?.(reply.request, reply)
      const stream = openStream(reply)
      streams.add(stream)
      stream.signal.addEventListener('abort', () => streams.delete(stream), { once: true })
      // Whoever is still served while the service stops connects again as well.
      if (isStopping) stream.end()
      return stream
    },
    get count() {
      return streams.size
    },
  }
}

/** Not all in one turn: ten thousand take longer than a request should wait. */
async function beatAll(streams: ReadonlySet<Open>, turns: Turns): Promise<void> {
  for (const stream of streams) {
    turns.spend(stream.beat)
    if (turns.isOver()) await turns.next()
  }
}

function openStream(reply: FastifyReply): Open {
  const { raw } = reply
  // An answer in chunks would be written in three parts each time. This one ends with its connection, which needs no chunks.
  raw.removeHeader('transfer-encoding')
  raw.writeHead(200, {
    ...(reply.getHeaders() as OutgoingHttpHeaders),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // Proxies that collect answers must not collect this one.
    'x-accel-buffering': 'no',
    connection: 'close',
  })
  raw.flushHeaders()
  // Node would put each message aside until the end of the turn, where nobody sees what it costs. Behind an earlier answer, or in an app on HTTP/2, there is no socket to write to.
  const out = raw.socket instanceof Socket ? raw.socket : raw
  const gone = new AbortController()
  let wake = (): void => {}
  let isSlow = false
  let isBeating = false
  const caughtUp = (): void => {
    isSlow = false
    wake()
  }
  raw.once('close', () => {
    // With a reason of our own, because Node would write down the stack for each of thousands who leave together.
    gone.abort('the client has gone')
    wake()
  })
  // A client that goes away while it is written to is no fault.
  raw.on('error', () => {})
  out.on('drain', caughtUp)

  const send = (message: string | Buffer): boolean => {
    isBeating = true
    // To whoever has just gone nothing is sent, and they never catch up.
    isSlow = raw.writableEnded || !out.writable || !out.write(message)
    return !isSlow
  }
  return {
    send,
    drained: () =>
      new Promise((resolve) => {
        wake = resolve
        if (!isSlow || gone.signal.aborted) resolve()
      }),
    end: () => raw.end(),
    signal: gone.signal,
    beat: () => {
      if (!isBeating && !isSlow) send(':\n\n')
      isBeating = false
    },
  }
}

/** Sends what it is given, in that order; what still waits because its client is slow is replaced by what comes later with the same key. */
export interface Outbox {
  readonly put: (key: string, message: Buffer) => void
}

export function createOutbox(stream: EventStream): Outbox {
  const waiting = new Map<string, Buffer>()
  let isSlow = false

  const sendAll = async (): Promise<void> => {
    isSlow = true
    while (waiting.size > 0) {
      await stream.drained()
      if (stream.signal.aborted) return
      for (const [key, message] of waiting) {
        waiting.delete(key)
        if (!stream.send(message)) break
      }
    }
    await stream.drained()
    isSlow = false
  }
  return {
    put: (key, message) => {
      if (!isSlow) {
        if (!stream.send(message)) void sendAll()
        return
      }
      // Behind what has come since: the client may be told of it by an id that says so.
      waiting.delete(key)
      waiting.set(key, message)
    },
  }
}

/** A message as it is sent. `data` is JSON, which has no line breaks. */
export function frame({ id, event, data }: { readonly id?: string | number; readonly event?: string; readonly data: object }): Buffer {
  const head = `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}`
  return Buffer.from(`${head}data: ${JSON.stringify(data)}\n\n`)
}
