import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export type ScriptedAnswer = (response: ServerResponse) => void

export interface ScriptedService {
  readonly url: string
  /** So far, oldest first. */
  readonly requests: readonly IncomingMessage[]
  /** What each of them said in a header. */
  readonly told: (header: string) => unknown[]
}

/** A server that gives these answers, one after the other, and the last of them again and again. */
export async function scriptedService(answers: readonly ScriptedAnswer[]): Promise<ScriptedService> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)]!
    requests.push(request)
    request.resume()
    answer(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    told: (header) => requests.map((request) => request.headers[header]),
  }
}

/** Answers with this, as JSON or as the text that it is. */
export function answering(status: number, body: unknown, headers: Record<string, string> = {}): ScriptedAnswer {
  return (response) => void response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body))
}

export const cutting: ScriptedAnswer = (response) => void response.destroy()

export const silent: ScriptedAnswer = () => {}
