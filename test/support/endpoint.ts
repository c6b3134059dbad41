import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** The bytes, as text. */
  readonly body: string
}

/** Somebody's server that is told of events. */
export interface Endpoint {
  readonly url: string
  readonly port: number
  readonly received: readonly Received[]
  /** How many connections there were. */
  readonly connections: number
  /** How many are open. */
  readonly open: number
}

/** It answers 204, or what the test says. It is closed, with its connections, when the test is over. */
export async function startEndpoint(
  respond: (response: ServerResponse, request: Received & { readonly socket: Socket }) => void = (response) =>
    response.writeHead(204).end(),
): Promise<Endpoint> {
  const received: Received[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer((request: IncomingMessage, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url: path = '', headers, socket } = request
      const one = { method, path, headers, body: Buffer.concat(chunks).toString() }
      received.push(one)
      respond(response, { ...one, socket })
    })
  })
  server.on('connection', (socket: Socket) => {
    connections++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => void server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/hooks`,
    port,
    received,
    get connections() {
      return connections
    },
    get open() {
      return sockets.size
    },
  }
}
