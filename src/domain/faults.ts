/**
 * `store_unavailable`: the store failed; the outcome is unknown or nothing was done, and repeating is safe. `overloaded`: refused at once because the
 * queue is full; nothing was done. `closed`: asked after close(). `invalid_cursor`: a page cursor that this store did not make. `cursor_expired`: a cursor
 * of the feed whose next events are not kept any more; `oldestCursor` is the first that can still be given. `cannot_open`: the store
 * cannot be used as it is; the message says what to do. `journal_rejected`: a ledger was given a journal that says what cannot be; nothing was done.
 */
export type FaultCode =
  | 'store_unavailable'
  | 'overloaded'
  | 'closed'
  | 'invalid_cursor'
  | 'cursor_expired'
  | 'cannot_open'
  | 'journal_rejected'

/** The system failed, as opposed to an answer that is "no". Recognise it by `code`. */
export class Fault extends Error {
  readonly code: FaultCode
  /** Of `cursor_expired`. */
  readonly oldestCursor?: string

  constructor(code: FaultCode, message: string, cause?: unknown, { oldestCursor }: { readonly oldestCursor?: string } = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'Fault'
    this.code = code
    if (oldestCursor !== undefined) this.oldestCursor = oldestCursor
  }
}

export function cursorExpired(cursor: string, oldestCursor: string): Fault {
  const message = `The events after ${cursor} are not kept any more; the oldest that are there come after ${oldestCursor}.`
  return new Fault('cursor_expired', message, undefined, { oldestCursor })
}

export function faultCode(error: unknown): FaultCode | null {
  return error instanceof Error && error.name === 'Fault' ? (error as Fault).code : null
}
