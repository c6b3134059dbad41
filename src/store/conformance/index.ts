import assert from 'node:assert/strict'
import { audit } from '../audit.ts'
import { cancelTests } from './cancel.ts'
import { confirmTests } from './confirm.ts'
import { eventTests } from './events.ts'
import { expireTests } from './expire.ts'
import { extendTests } from './extend.ts'
import type { Harness } from './harness.ts'
import { idempotencyTests } from './idempotency.ts'
import { createContext, type Group } from './kit.ts'
import { limitPerUserTests } from './limits-per-user.ts'
import { listTests } from './lists.ts'
import { noteTests } from './notes.ts'
import { orderTests } from './orders.ts'
import { productTests, stockTests } from './products.ts'
import { reopenTests } from './reopen.ts'
import { batchTests, repeatTests } from './repeat.ts'
import { reserveTests } from './reserve.ts'
import { retentionTests } from './retention.ts'
import { slotTests } from './slots.ts'
import { vitalTests } from './vitals.ts'

export type { Harness, Opened } from './harness.ts'

const groups: readonly Group[] = [
  reserveTests,
  confirmTests,
  cancelTests,
  extendTests,
  expireTests,
  productTests,
  stockTests,
  orderTests,
  limitPerUserTests,
  slotTests,
  idempotencyTests,
  eventTests,
  listTests,
  noteTests,
  vitalTests,
  batchTests,
  repeatTests,
  retentionTests,
  reopenTests,
]

export interface ConformanceCase {
  /** The verb or noun that the title is about. */
  readonly group: string
  /** A sentence with the invariants it tries to break. */
  readonly title: string
  /** On an empty store of its own; throws an AssertionError when a promise is broken. */
  readonly run: () => Promise<void>
}

/**
 * What every store promises, as cases for any test runner:
 *
 *     for (const { group, title, run } of conformance(harness)) test(`${group} ${title}`, run)
 *
 * After each case the whole store is audited, S1 and S2 with it.
 */
export function conformance(harness: Harness): readonly ConformanceCase[] {
  return groups.flatMap(({ name, tests }) =>
    tests
      .filter(({ needs }) => needs === null || harness.durable)
      .map((test) => ({
        group: name,
        title: test.name,
        run: async () => {
          const opened = await harness.open()
          try {
            const context = createContext(opened)
            await test.run(context)
            const { findings, unsettled } = await audit(context.store)
            assert.deepEqual({ findings, unsettled }, { findings: [], unsettled: [] }, 'the audit finds nothing')
          } finally {
            await opened.close()
          }
        },
      })),
  )
}

export interface Runner {
  readonly describe: (name: string, body: () => void) => void
  readonly test: (name: string, body: () => Promise<void>) => void
}

/** The same for runners with `describe` and `test`, such as Vitest, Jest and node:test. */
export function describeStore(harness: Harness, { describe, test }: Runner): void {
  const cases = conformance(harness)
  describe(harness.name, () => {
    for (const group of new Set(cases.map((one) => one.group))) {
      describe(group, () => {
        for (const { title, run } of cases.filter((one) => one.group === group)) test(title, run)
      })
    }
  })
}
