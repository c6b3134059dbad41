import { Agent, request } from 'node:http'

export interface HttpAnswer {
  readonly status: number
  readonly text: string
  readonly location: string | undefined
  readonly isReplay: boolean
}

export interface Client {
  /** null: the connection broke, and nobody knows whether it was done. */
  post(path: string, body: object, key: string | null): Promise<HttpAnswer | null>
  get(path: string): Promise<HttpAnswer>
  close(): void
}

export function createClient(address: string): Client {
  const agent = new Agent({ keepAlive: true })
  const send = (method: string, path: string, body: string | null, key: string | null): Promise<HttpAnswer> =>
    new Promise((resolve, reject) => {
      const headers = {
        ...(body === null ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        ...(key === null ? {} : { 'idempotency-key': key }),
      }
      const sent = request(`${address}${path}`, { method, agent, headers }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk) => (text += chunk))
        response.on('error', reject)
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            text,
            location: response.headers.location,
            isReplay: response.headers['idempotent-replayed'] === 'true',
          }),
        )
      })
      sent.on('error', reject)
      sent.end(body ?? undefined)
    })
  return {
    post: (path, body, key) =>
      send('POST', path, JSON.stringify(body), key).then(
        (answer) => answer,
        () => null,
      ),
    get: (path) => send('GET', path, null, null),
    close: () => agent.destroy(),
  }
}
