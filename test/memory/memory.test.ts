import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { temporaryFile } from '../support/folder.ts'

/** Enough for the page cache of 64 MB to be half full at the first measurement; the bound below leaves room for the other half. */
const first = 100_000
const last = Number(process.env['HOLDFAST_MEMORY_RESERVATIONS'] ?? 200_000)
const mb = 1024 * 1024

interface Measurement {
  readonly made: number
  readonly reservedOfFirst: number
  readonly heapUsed: number
  readonly rss: number
  readonly elapsedMs: number
}

describe('memory', () => {
  it(`does not grow with the number of open reservations, up to ${last}`, { timeout: 120_000 + last }, async () => {
    const script = fileURLToPath(new URL('./fill.mjs', import.meta.url))
    const args = ['--expose-gc', script, await temporaryFile(), String(first), String(last)]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    const [before, after] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Measurement) as [Measurement, Measurement]
    for (const { made, heapUsed, rss, elapsedMs } of [before, after]) {
      console.log(
        `${made} open: heap ${(heapUsed / mb).toFixed(1)} MB, rss ${(rss / mb).toFixed(1)} MB after ${(elapsedMs / 1000).toFixed(1)} s`,
      )
    }
    expect(after).toMatchObject({ made: last, reservedOfFirst: (last / 10) * 3 })
    // A kilobyte for each new reservation would be a hundred megabytes and more.
    expect(after.heapUsed - before.heapUsed).toBeLessThan(10 * mb)
    expect(after.rss - before.rss).toBeLessThan(60 * mb)
  })
})
