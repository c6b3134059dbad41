import { connect, type Socket } from 'node:net'

/** A client that writes bytes, for what no HTTP library would send. */
export interface RawClient {
  readonly socket: Socket
  /** Everything that came back so far. */
  readonly received: () => string
  /** Resolves with everything received as soon as it has what is looked for; rejects when the connection ends without. */
  readonly until: (found: (text: string) => boolean) => Promise<string>
  /** Resolves with everything received when the service has closed the connection. */
  readonly closed: Promise<string>
}

export async function openRaw(port: number): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  const waiting = new Set<() => void>()
  const wake = (): void => {
    for (const one of waiting) one()
  }
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    wake()
  })
  // A reset is one way to be closed.
  socket.on('error', () => undefined)
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(text)))
  socket.once('close', wake)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('close', () => reject(new Error(`nobody listens on port ${port}`)))
  })
  return {
    socket,
    received: () => text,
    closed,
    until: (found) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (found(text)) resolve(text)
          else if (socket.closed) reject(new Error(`the connection was closed after ${JSON.stringify(text.slice(0, 500))}`))
          else return
          waiting.delete(look)
        }
        waiting.add(look)
        look()
      }),
  }
}

export interface HeadOptions {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** A request as it goes over the wire. */
export function requestText(method: string, path: string, { headers = {}, body }: HeadOptions = {}): string {
  const all = {
    host: 'test',
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`
}

export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** The whole answers at the start of the text, one after the other, by their Content-Length. */
export function answersIn(text: string): RawAnswer[] {
  const answers: RawAnswer[] = []
  for (let rest = Buffer.from(text); ;) {
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) return answers
    const head = rest.subarray(0, end).toString()
    const bytes = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0)
    if (rest.length < end + 4 + bytes) return answers
    answers.push({ status: Number(head.slice(9, 12)), head, body: rest.subarray(end + 4, end + 4 + bytes).toString() })
    rest = rest.subarray(end + 4 + bytes)
  }
}
