import { expect } from 'vitest'
import type { Store } from '../../src/index.ts'
import { audit } from '../../src/store/audit.ts'

/** S1–S4, H1, O2 and O3, as the audit sees them; the store must be quiet. */
export async function expectSound(store: Store): Promise<void> {
  const { findings, unsettled } = await audit(store)
  expect({ findings, unsettled }).toEqual({ findings: [], unsettled: [] })
}
