import { pino, type Level } from 'pino'
import { createDigest, type Schedule } from './digest.ts'
import type { LogFormat, LogLevel } from './log-names.ts'
import { lineOf } from './log-text.ts'

/** Members of a line beside its message. Never credentials, bodies or query strings: whoever may read a log may not do what they allow. */
export type Fields = Readonly<Record<string, string | number | boolean | null | undefined>>

export interface Answered extends Fields {
  readonly requestId: string
  readonly method: string
  /** Without its query string. */
  readonly path: string
  readonly status: number
  readonly ms: number
}

/** What the service tells whoever operates it. */
export interface Log {
  readonly info: (message: string, fields?: Fields) => void
  readonly warn: (message: string, fields?: Fields) => void
  readonly error: (message: string, fields?: Fields) => void
  /** A fault or a bug. The first of its kind is told at once; then how many there were, now and then: an outage must not fill the disk. */
  readonly fault: (error: unknown, requestId?: string) => void
  /** An answer that was a refusal: told now and then, how many of each code. */
  readonly refused: (code: string) => void
  /** One line for each request; null: nobody wants to know. */
  readonly answered: ((answered: Answered) => void) | null
  /** Tell what has not been told yet. */
  readonly flush: () => void
}

export interface LogOptions {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Takes a whole line. */
  readonly write: (line: string) => void
  readonly schedule?: Schedule
}

export function createLog({ level, format, write, schedule }: LogOptions): Log {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
    },
    { write: format === 'json' ? write : (line) => write(lineOf(line)) },
  )
  const tell = (as: Level, message: string, fields: Fields = {}): void => logger[as](fields, message)
  const digest = createDigest(tell, schedule)
  return {
    info: (message, fields) => tell('info', message, fields),
    warn: (message, fields) => tell('warn', message, fields),
    error: (message, fields) => tell('error', message, fields),
    fault: digest.fault,
    refused: digest.refused,
    answered: level === 'debug' ? (answered) => tell('debug', 'answered', answered) : null,
    flush: digest.flush,
  }
}

/** For whoever wants none. */
export const silentLog: Log = {
  info: () => {},
  warn: () => {},
  error: () => {},
  fault: () => {},
  refused: () => {},
  answered: null,
  flush: () => {},
}
