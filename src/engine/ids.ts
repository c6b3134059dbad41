import { randomUUID } from 'node:crypto'

let lastMs = 0
let lastTime = ''
let sequence = 0
const sequenceMax = 0xfff

/**
 * A UUID of version 7 (RFC 9562): time first and then a counter, so that ids sort in the order they were made, also within a millisecond; and
 * 62 random bits that nobody can guess. Made from `randomUUID`, which draws its entropy in bulk; on the hot path that is several times cheaper
 * than 16 random bytes for each id.
 */
export function newId(): string {
  const ms = Math.trunc(performance.timeOrigin + performance.now())
  if (ms > lastMs) startAt(ms)
  else if (++sequence > sequenceMax) startAt(lastMs + 1)
  return lastTime + (sequenceMax + 1 + sequence).toString(16).slice(1) + randomUUID().slice(18)
}

function startAt(ms: number): void {
  lastMs = ms
  sequence = 0
  const time = ms.toString(16).padStart(12, '0')
  lastTime = `${time.slice(0, 8)}-${time.slice(8)}-7`
}
