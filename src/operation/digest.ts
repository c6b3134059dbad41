import { faultCode } from '../domain/faults.ts'
import type { Fields } from './log.ts'

/** Does the work once, later; time is an argument. */
export type Schedule = (work: () => void, ms: number) => void

export interface Digest {
  readonly fault: (error: unknown, requestId?: string) => void
  readonly refused: (code: string) => void
  readonly flush: () => void
}

type Tell = (level: 'info' | 'warn' | 'error', message: string, fields: Fields) => void

interface Told {
  readonly message: string
  readonly fields: Fields
  /** Since it was told last. */
  count: number
}

const intervalMs = 10_000
/** In one interval; more have something in their sentences that is different each time, and are counted together. */
const kindsMax = 50

/** Refusals that a well-behaved shop has in every sale; the others say that the service is at a limit. */
const atLimit: ReadonlySet<string> = new Set(['rate_limited', 'overloaded'])

const later: Schedule = (work, ms) => void setTimeout(work, ms).unref()

/** One line for each kind of fault and each code of refusal in ten seconds, not one for each request. */
export function createDigest(tell: Tell, schedule: Schedule = later): Digest {
  const refusals = new Map<string, number>()
  const faults = new Map<string, Told>()
  let isScheduled = false

  const wake = (): void => {
    if (isScheduled) return
    isScheduled = true
    schedule(() => {
      isScheduled = false
      flush()
    }, intervalMs)
  }

  const flush = (): void => {
    for (const [code, count] of refusals) tell(atLimit.has(code) ? 'warn' : 'info', 'refused', { code, count, seconds: intervalMs / 1_000 })
    refusals.clear()
    for (const [kind, told] of faults) {
      // Told as new when it comes again after an interval without it.
      if (told.count === 0) faults.delete(kind)
      else tell('error', told.message, { ...told.fields, count: told.count, seconds: intervalMs / 1_000 })
      told.count = 0
    }
    if (faults.size > 0) wake()
  }

  return {
    fault: (error, requestId) => {
      const { message, fields, stack } = describe(error)
      const name = `${fields.code} ${message}`
      const kind = faults.has(name) || faults.size < kindsMax ? name : 'others'
      const told = faults.get(kind)
      if (told !== undefined) told.count++
      else if (kind === 'others') faults.set(kind, { message: 'other faults', fields: {}, count: 1 })
      else {
        faults.set(kind, { message, fields, count: 0 })
        tell('error', message, { ...fields, requestId, stack })
      }
      wake()
    },
    refused: (code) => {
      refusals.set(code, (refusals.get(code) ?? 0) + 1)
      wake()
    },
    flush,
  }
}

interface Described {
  readonly message: string
  readonly fields: { readonly code: string }
  /** Only of a bug: of what has a code the sentence says it all. */
  readonly stack?: string | undefined
}

function describe(error: unknown): Described {
  if (!(error instanceof Error)) return { message: String(error), fields: { code: 'internal' } }
  const code = faultCode(error) ?? ('code' in error && typeof error.code === 'string' ? error.code : null)
  return { message: error.message, fields: { code: code ?? 'internal' }, ...(code === null && { stack: error.stack }) }
}
