import { describe, expect, it } from 'vitest'
import { memoryCounter, type Window } from '../../../src/http/limits/counter.ts'
import { sharedCounter, type SharedOptions } from '../../../src/http/limits/shared-counter.ts'
import type { Requests, RequestWindow } from '../../../src/store/port.ts'
import { manualClock } from '../../support/clock.ts'

const limit = { name: 'test', max: 3, windowMs: 1_000 }

describe('the memory of a node', () => {
  it('counts each client from its first request to the end of its window', () => {
    const clock = manualClock(0)
    const { hit, spent } = memoryCounter(limit, clock)
    expect(hit('a')).toMatchObject({ requests: 1, endsAt: 1_000 })
    clock.advance(999)
    expect(hit('a')).toMatchObject({ requests: 2, endsAt: 1_000 })
    expect(hit('b')).toMatchObject({ requests: 1, endsAt: 1_999 })
    expect(spent('a')).toBeNull()
    hit('a')
    expect([spent('a'), spent('b')]).toMatchObject([{ requests: 3, endsAt: 1_000 }, null])
    clock.advance(1)
    expect(spent('a')).toBeNull()
    expect([hit('a'), hit('b')]).toMatchObject([
      { requests: 1, endsAt: 2_000 },
      { requests: 2, endsAt: 1_999 },
    ])
  })

  it('forgets the oldest of more than 100,000 clients, and all whose window is over', () => {
    const clock = manualClock(0)
    const { hit, spent } = memoryCounter({ ...limit, max: 1 }, clock)
    for (let n = 0; n < 100_001; n++) hit(`client ${n}`)
    expect([spent('client 0'), spent('client 1')]).toMatchObject([null, { requests: 1 }])
    clock.advance(1_000)
    hit('last')
    clock.set(500)
    // Its window would still be open, had it not been forgotten.
    expect([spent('client 100000'), spent('last')]).toMatchObject([null, { requests: 1 }])
  })
})

/** A store that counts for ever, and answers one call for each `answer`. */
function heldStore(options: Partial<SharedOptions> = {}) {
  const clock = manualClock(0)
  const counts = new Map<string, number>()
  const calls: (readonly Requests[])[] = []
  const reports: unknown[] = []
  let answer = (_error?: Error): void => undefined
  const countRequests = (requests: readonly Requests[]): Promise<readonly RequestWindow[]> => {
    calls.push(requests)
    return new Promise((resolve, reject) => {
      answer = (error) => {
        if (error !== undefined) return reject(error)
        resolve(
          requests.map((one) => {
            counts.set(one.client, (counts.get(one.client) ?? 0) + one.requests)
            return { requests: counts.get(one.client)!, endsInMs: one.windowMs }
          }),
        )
      }
    })
  }
  const counter = sharedCounter(limit, {
    countRequests,
    report: (error) => reports.push(error),
    now: clock,
    answerMsMax: 60_000,
    ...options,
  })
  return { clock, counter, counts, calls, reports, answer: (error?: Error) => answer(error) }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setTimeout(resolve, 0)))
const countOf = async (window: Window | Promise<Window>): Promise<number> => (await window).requests

describe('a counter in the store', () => {
  it('makes one call of what comes in one turn, and one of what comes meanwhile; each request has a number of its own', async () => {
    const { counter, calls, answer } = heldStore()
    const first = ['a', 'b', 'a'].map((client) => countOf(counter.hit(client)))
    await turn()
    const second = ['a', 'c'].map((client) => countOf(counter.hit(client)))
    await turn()
    const requests = (client: string, count: number): Requests => ({ client: `test ${client}`, requests: count, windowMs: 1_000 })
    expect(calls).toEqual([[requests('a', 2), requests('b', 1)]])
    answer()
    expect(await Promise.all(first)).toEqual([1, 1, 2])
    await turn()
    expect(calls.slice(1)).toEqual([[requests('a', 1), requests('c', 1)]])
    answer()
    expect(await Promise.all(second)).toEqual([3, 1])
    expect(calls).toHaveLength(2)
  })

  it('asks no more for a client that has nothing left, until its window is over', async () => {
    const { clock, counter, calls, answer } = heldStore()
    const hits = [1, 2, 3].map(() => countOf(counter.hit('a')))
    await turn()
    answer()
    expect(await Promise.all(hits)).toEqual([1, 2, 3])
    expect(counter.spent('a')).toMatchObject({ requests: 4, endsAt: 1_000 })
    expect(counter.hit('a')).toMatchObject({ requests: 4, endsAt: 1_000 })
    clock.advance(1_000)
    expect(counter.spent('a')).toBeNull()
    expect(counter.hit('a')).toBeInstanceOf(Promise)
    await turn()
    expect(calls).toHaveLength(2)
    answer()
  })

  it('counts by itself while the store fails, and asks again after a second', async () => {
    const { clock, counter, calls, reports, answer } = heldStore()
    const hits = [1, 2].map(() => countOf(counter.hit('a')))
    await turn()
    const failure = new Error('away')
    answer(failure)
    expect(await Promise.all(hits)).toEqual([1, 2])
    expect([await countOf(counter.hit('a')), await countOf(counter.hit('a'))]).toEqual([3, 4])
    expect(counter.spent('a')).toMatchObject({ requests: 4 })
    expect([calls.length, reports]).toEqual([1, [failure]])
    clock.advance(1_000)
    const again = countOf(counter.hit('a'))
    await turn()
    answer()
    expect([await again, calls.length]).toEqual([1, 2])
  })

  it('does not wait for a store that does not answer', async () => {
    const { counter, reports } = heldStore({ answerMsMax: 10 })
    expect(await countOf(counter.hit('a'))).toBe(1)
    expect(reports).toMatchObject([{ message: 'The store took more than 10 ms to count requests.' }])
  })
})
