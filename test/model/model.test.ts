import fc from 'fast-check'
import { describe, it } from 'vitest'
import { sqliteStore } from '../../src/index.ts'
import { manualClock } from '../support/clock.ts'
import { temporaryFile } from '../support/folder.ts'
import { runs, seed } from '../support/random.ts'
import { createSometimes } from '../support/sometimes.ts'
import type { Answer, Request } from './requests.ts'
import { parameters, runBoth } from './run.ts'
import { opening, stepsInMemory, stepsOnFile } from './steps.ts'

const usualRuns = 800
describe('Holdfast beside a model of plain arrays', () => {
  console.log(`HOLDFAST_SEED=${seed}`)

  it(`answers, reads and records like the model in ${runs(usualRuns)} runs (S1–S5, S8, S9, H1–H8, O1–O5, I1–I3, U1, E1, E3)`, async () => {
    const sometimes = createSometimes(cases)
    const clock = manualClock()
    await fc.assert(
      fc.asyncProperty(opening, stepsInMemory, async (first, steps) => {
        const open = () => sqliteStore({ path: ':memory:', clock })
        await runBoth(first, steps, { clock, open, onAnswer: (request, answer) => sometimes.hit(caseOf(request, answer)) })
      }),
      { ...parameters, numRuns: runs(usualRuns) },
    )
    if (runs(usualRuns) === usualRuns) sometimes.expectAll('model')
  })

  it('knows the same after the file was closed and opened again, at any step (O1, I1)', async () => {
    const clock = manualClock()
    const path = await temporaryFile()
    let files = 0
    await fc.assert(
      fc.asyncProperty(opening, stepsOnFile, async (first, steps) => {
        const file = `${path}-${++files}`
        await runBoth(first, steps, { clock, open: () => sqliteStore({ path: file, clock }) })
      }),
      { ...parameters, numRuns: runs(60) },
    )
  })
})

const refusals = [
  'validation_failed',
  'product_not_found',
  'product_exists',
  'reservation_not_found',
  'order_not_found',
  'not_owner',
  'sale_not_started',
  'sale_ended',
  'user_limit_exceeded',
  'reservation_limit_exceeded',
  'insufficient_stock',
  'reservation_confirmed',
  'reservation_cancelled',
  'reservation_expired',
  'order_cancelled',
  'stock_below_committed',
  'idempotency_key_reused',
] as const
const verbs = ['createProduct', 'updateProduct', 'adjustStock', 'reserve', 'confirm', 'cancel', 'extend', 'cancelOrder'] as const
const cases = [...refusals, ...verbs, ...verbs.map((verb) => `${verb} replayed` as const), 'confirm repeated without a key'] as const

function caseOf({ call: { verb } }: Request, answer: Answer): (typeof cases)[number] {
  if (!answer.ok) return answer.refusal.code as (typeof refusals)[number]
  if (answer.replayed) return `${verb} replayed`
  return verb === 'confirm' && !answer.created ? 'confirm repeated without a key' : verb
}
