import type { FastifyInstance } from 'fastify'

/** How many clients may be connected, and how long they may take. */
export interface ConnectionLimits {
  /** Open at the same time; one more is closed at once. */
  readonly connectionsMax: number
  /** From the opening of a connection, or from the first byte of a later request, to the end of the headers. */
  readonly headersMsMax: number
  /** The same to the end of the body. A slow sender keeps its socket this long and nothing else waits for it. */
  readonly requestMsMax: number
  /** Between two requests of one connection. Longer than a minute, after which most proxies let go: they must not send into a connection that is being closed. */
  readonly idleMsMax: number
  /** Without a byte in either direction, as of a client that does not fetch its answer. */
  readonly silentMsMax: number
  /** How often Node looks for those who took too long to send. By itself it does every 30 seconds, which would make shorter times late. */
  readonly lookMs: number
}

export const connectionDefaults: ConnectionLimits = {
  connectionsMax: 25_000,
  headersMsMax: 10_000,
  requestMsMax: 30_000,
  idleMsMax: 72_000,
  silentMsMax: 120_000,
  lookMs: 1_000,
}

/** All headers of a request together. */
export const headerBytesMax = 16_384

/** For the making of the app; `limitConnections` does what its server must be told afterwards. */
export function serverOptions({ headersMsMax, requestMsMax, idleMsMax, silentMsMax, lookMs }: ConnectionLimits) {
  return {
    requestTimeout: requestMsMax,
    keepAliveTimeout: idleMsMax,
    connectionTimeout: silentMsMax,
    http: { headersTimeout: headersMsMax, connectionsCheckingInterval: lookMs, maxHeaderSize: headerBytesMax },
  }
}

export function limitConnections({ server }: FastifyInstance, { connectionsMax }: ConnectionLimits): void {
  server.maxConnections = connectionsMax
}
