import { get, type IncomingMessage } from 'node:http'
import type { Headers } from './http.ts'

export interface Message<Data> {
  /** '' where there is none. */
  readonly id: string
  readonly event: string | undefined
  readonly data: Data
}

export interface Listening<Data> {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  /** Messages so far. */
  readonly heard: readonly Message<Data>[]
  /** Resolves as soon as a message is such. */
  readonly until: (isIt: (message: Message<Data>) => boolean) => Promise<Message<Data>>
  readonly pause: () => void
  readonly resume: () => void
  readonly ended: Promise<void>
  readonly close: () => void
}

/** Server-sent events as a browser reads them. */
export function listen<Data>(address: string, path: string, headers: Headers = {}): Promise<Listening<Data>> {
  return new Promise((resolve, reject) => {
    const request = get(`${address}${path}`, { headers }, (response) => {
      const heard: Message<Data>[] = []
      let waiting: (() => void)[] = []
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        const parts = (text + chunk).split('\n\n')
        text = parts.pop() ?? ''
        for (const part of parts) {
          const fields = Object.fromEntries(part.split('\n').map((line) => [line.split(': ', 1)[0], line.slice(line.indexOf(': ') + 2)]))
          if (fields['data'] !== undefined)
            heard.push({ id: fields['id'] ?? '', event: fields['event'], data: JSON.parse(fields['data']) as Data })
        }
        for (const look of waiting.splice(0)) look()
      })
      const ended = new Promise<void>((end) => response.on('close', end))
      const until = async (isIt: (message: Message<Data>) => boolean): Promise<Message<Data>> => {
        for (;;) {
          const found = heard.find(isIt)
          if (found !== undefined) return found
          await new Promise<void>((look) => waiting.push(look))
        }
      }
      const { statusCode: status = 0, headers: answered } = response
      resolve({
        status,
        headers: answered,
        heard,
        until,
        ended,
        pause: () => response.pause(),
        resume: () => response.resume(),
        close: () => request.destroy(),
      })
    })
    request.on('error', reject)
  })
}
