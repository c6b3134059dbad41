import { createHash } from 'node:crypto'
import { scripts } from '../../src/store/redis/scripts.ts'

/** How a call of a script begins: its hash, or on a new connection the script, which is known by its length. */
const calls = [scripts.holdfastBatch, scripts.holdfastEnds].flatMap((lua) => [
  createHash('sha1').update(lua).digest('hex'),
  `eval\r\n$${Buffer.byteLength(lua)}\r\n`,
])

/** Whether a piece on its way to Redis asks for a batch to be decided. */
export function isBatch(piece: Buffer): boolean {
  return calls.some((call) => piece.includes(call))
}
