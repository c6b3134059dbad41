import { faultCode } from '../../domain/faults.ts'
import type { Time } from './time.ts'

/** What somebody should hear of one consumer. */
export interface Complaints {
  /** It was not told, for this reason; nothing is lost. */
  readonly complain: (reason: string, cause?: unknown) => void
  /** Something else went wrong. Of a store that is away others hear. */
  readonly complainOf: (error: unknown) => void
}

class NotTold extends Error {
  readonly code = 'not_told'
}

/** The same trouble is reported once in this time. */
const everyMs = 60_000
const reasonsMax = 100

export function createComplaints(name: string, time: Time, report: (error: unknown) => void): Complaints {
  const reported = new Map<string, number>()
  return {
    complain: (reason, cause) => {
      const last = reported.get(reason)
      if (last !== undefined && time.ticks() - last < everyMs) return
      if (reported.size >= reasonsMax) reported.clear()
      reported.set(reason, time.ticks())
      report(new NotTold(`${name} is not told: ${reason}`, { cause }))
    },
    complainOf: (error) => {
      if (!['store_unavailable', 'closed'].includes(faultCode(error) ?? '')) report(error)
    },
  }
}
