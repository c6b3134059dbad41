import type { Ledger } from '../../src/store/ledger.ts'

export interface Holdable {
  readonly ledger: Ledger
  readonly hold: () => void
  readonly release: () => void
}

/** A ledger that takes nothing while it is held, so that what was decided is in Redis only. */
export function holdable(ledger: Ledger): Holdable {
  let released: Promise<void> | null = null
  let release = (): void => {}
  return {
    ledger: {
      ...ledger,
      append: async (...given) => {
        await released
        return ledger.append(...given)
      },
    },
    hold: () => {
      released ??= new Promise((resolve) => (release = resolve))
    },
    release: () => {
      released = null
      release()
    },
  }
}
