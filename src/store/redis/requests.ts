import type { Requests, RequestWindow } from '../port.ts'
import type { Memory } from './memory.ts'

/** So many clients are remembered; of more, those go whose windows end first. Some 20 MB of Redis. */
const clientsMax = 100_000

export async function countRequests(memory: Memory, requests: readonly Requests[]): Promise<readonly RequestWindow[]> {
  const args = requests.flatMap((one) => [one.client, one.requests, one.windowMs])
  const reply = (await memory.run('holdfastCount', [clientsMax, ...args])) as number[]
  return requests.map((_, index) => ({ requests: reply[2 * index]!, endsInMs: reply[2 * index + 1]! }))
}
