import { describe, expect, it } from 'vitest'
import { createLog, type LogOptions } from '../../src/operation/log.ts'
import { Fault } from '../../src/index.ts'

function logTo(options: Partial<LogOptions> = {}) {
  const lines: string[] = []
  const timers: { readonly work: () => void; readonly ms: number }[] = []
  const log = createLog({
    level: 'info',
    format: 'json',
    write: (line) => lines.push(line),
    schedule: (work, ms) => timers.push({ work, ms }),
    ...options,
  })
  return {
    log,
    timers,
    /** Written since the last time, without their times. */
    take: () =>
      lines.splice(0).map((line) => {
        expect(line).toMatch(/^\{"level":"\w+","time":"\d{4}-\d\d-\d\dT[\d:.]+Z",.*\}\n$/)
        const { time: _time, ...rest } = JSON.parse(line) as Record<string, unknown>
        return rest
      }),
    pass: () => {
      for (const { work } of timers.splice(0)) work()
    },
    lines,
  }
}

const away = (): Fault => new Fault('store_unavailable', 'The store does not answer.')

describe('the log', () => {
  it('is one object in each line', () => {
    const { log, take } = logTo()
    log.warn('two\nlines', { n: 1, text: '"' })
    expect(take()).toEqual([{ level: 'warn', message: 'two\nlines', n: 1, text: '"' }])
  })

  it('leaves out what is below its level, and has a line for each request only for debugging', () => {
    const levels = { silent: [], error: ['error'], warn: ['error', 'warn'], info: ['error', 'warn', 'info'] } as const
    for (const [level, expected] of Object.entries(levels)) {
      const { log, take } = logTo({ level: level as keyof typeof levels })
      log.error('error')
      log.warn('warn')
      log.info('info')
      expect(take().map(({ message }) => message)).toEqual(expected)
      expect(log.answered).toBeNull()
    }
    const { log, take } = logTo({ level: 'debug' })
    log.answered!({ requestId: 'r', method: 'GET', path: '/', status: 200, ms: 1 })
    expect(take()).toEqual([{ level: 'debug', requestId: 'r', method: 'GET', path: '/', status: 200, ms: 1, message: 'answered' }])
  })

  it('is lines for people where it is told so', () => {
    const { log, lines } = logTo({ format: 'text' })
    log.warn('the disk is full', { store: 'sqlite:a b.db', count: 3 })
    expect(lines).toEqual([expect.stringMatching(/^\d\d:\d\d:\d\d\.\d{3} WARN {2}the disk is full store="sqlite:a b\.db" count=3\n$/)])
  })
})

describe('refusals', () => {
  it('are one line for each code in ten seconds, with their number', () => {
    const { log, take, timers, pass } = logTo()
    for (let n = 0; n < 1_000; n++) log.refused('insufficient_stock')
    log.refused('overloaded')
    expect([take(), timers.map(({ ms }) => ms)]).toEqual([[], [10_000]])
    pass()
    expect(take()).toEqual([
      { level: 'info', code: 'insufficient_stock', count: 1_000, seconds: 10, message: 'refused' },
      { level: 'warn', code: 'overloaded', count: 1, seconds: 10, message: 'refused' },
    ])
    expect(timers).toEqual([])
    log.refused('overloaded')
    log.flush()
    expect(take()).toHaveLength(1)
  })
})

describe('faults', () => {
  it('are told at once, and then one line for each kind in ten seconds while they last', () => {
    const { log, take, pass, timers } = logTo()
    log.fault(away(), 'request-1')
    expect(take()).toEqual([{ level: 'error', code: 'store_unavailable', requestId: 'request-1', message: 'The store does not answer.' }])
    for (let n = 0; n < 500; n++) log.fault(away(), `request-${n}`)
    expect(take()).toEqual([])
    pass()
    expect(take()).toEqual([{ level: 'error', code: 'store_unavailable', count: 500, seconds: 10, message: 'The store does not answer.' }])
    pass()
    expect([take(), timers]).toEqual([[], []])
    log.fault(away())
    expect(take()).toHaveLength(1)
  })

  it('that are bugs come with their stack; what is different each time cannot fill the disk', () => {
    const { log, take, pass } = logTo()
    for (let n = 0; n < 200; n++) log.fault(new TypeError(`no ${n}`))
    const lines = take()
    expect(lines).toHaveLength(50)
    expect(lines[0]).toMatchObject({
      level: 'error',
      code: 'internal',
      message: 'no 0',
      stack: expect.stringMatching(/^TypeError: no 0\n +at /) as string,
    })
    pass()
    expect(take()).toEqual([{ level: 'error', count: 150, seconds: 10, message: 'other faults' }])
    log.fault('a text')
    expect(take()).toEqual([{ level: 'error', code: 'internal', message: 'a text' }])
  })
})
