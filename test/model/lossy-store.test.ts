import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sqliteStore } from '../../src/index.ts'
import { manualClock } from '../support/clock.ts'
import { lossyStore, type Loss } from '../support/lossy-store.ts'
import { runs, seed } from '../support/random.ts'
import { parameters, runBoth } from './run.ts'
import { opening, stepsOneByOne } from './steps.ts'

describe('Holdfast on a store that loses requests and answers, beside the model', () => {
  console.log(`HOLDFAST_SEED=${seed}`)

  it('answers as if nothing was lost, with one effect (O4, I1)', async () => {
    const clock = manualClock()
    const lost = { request: 0, answer: 0, nothing: 0 }
    const losses = fc.infiniteStream(fc.constantFrom<Loss>('nothing', 'nothing', 'nothing', 'nothing', 'request', 'answer'))
    await fc.assert(
      fc.asyncProperty(opening, stepsOneByOne, losses, async (first, steps, stream) => {
        let inRow = 0
        const nextLoss = (): Loss => {
          // The engine gives up at the third loss in a row, which is right and not the point here.
          const loss: Loss = inRow === 2 ? 'nothing' : stream.next().value
          inRow = loss === 'nothing' ? 0 : inRow + 1
          lost[loss]++
          return loss
        }
        const open = async () => lossyStore(await sqliteStore({ path: ':memory:', clock }), nextLoss)
        await runBoth(first, steps, { clock, open, isLossy: true })
      }),
      { ...parameters, numRuns: runs(25) },
    )
    expect(lost.request).toBeGreaterThan(0)
    expect(lost.answer).toBeGreaterThan(0)
  })
})
