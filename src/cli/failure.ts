import { CommanderError } from 'commander'
import { SettingError } from './settings.ts'

/** 0: done. 1: it failed, or an audit or a simulation found something. 2: wrong usage; nothing was tried. */
export const exitCodes = { failed: 1, wrongUsage: 2 } as const

/** Something went wrong that one sentence explains. */
export class Failure extends Error {
  readonly code = 'failed'

  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'Failure'
  }
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.wrongUsage
  return error instanceof SettingError ? exitCodes.wrongUsage : exitCodes.failed
}

/** The sentence for stderr; null where commander has printed it already. Whatever has a code is understood: its stack would only hide the sentence. */
export function explain(error: unknown): string | null {
  if (error instanceof CommanderError) return null
  if (!(error instanceof Error)) return String(error)
  return 'code' in error || error.stack === undefined ? error.message : error.stack
}
