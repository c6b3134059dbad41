/**
 * The service refused the request itself, or what answered is no Holdfast service. Recognise it by `code`: those of docs/errors.md, such as
 * `unauthenticated`, `forbidden` and `rate_limited`; or `unreadable_answer` and `redirected`, which the client finds out by itself.
 */
export class ServiceError extends Error {
  readonly code: string
  /** Of the answer. */
  readonly status: number
  /** How long the service asks to wait before the next attempt; null: it does not say. */
  readonly retryAfterMs: number | null

  constructor(code: string, status: number, message: string, retryAfterMs: number | null = null) {
    super(message)
    this.name = 'ServiceError'
    this.code = code
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}
