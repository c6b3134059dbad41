import { expect } from 'vitest'
import type { Store } from '../../src/index.ts'

/** Opening must be refused; with which fault and sentence. */
export async function openingRefusal(opening: Promise<Store>): Promise<{ code: unknown; message: string }> {
  const error = await opening.then(
    async (store) => {
      await store.close()
      return null
    },
    (reason: unknown) => reason,
  )
  expect(error, 'opening is refused').toBeInstanceOf(Error)
  const { code, message } = error as Error & { code?: unknown }
  return { code, message }
}
