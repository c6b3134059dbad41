import type { Store } from '../port.ts'

/** How the suite gets at a store that is to be tested. */
export interface Harness {
  readonly name: string
  /** Whether `reopen` finds the facts again. */
  readonly durable: boolean
  /** An empty store. Its time stands still except for `advance`. */
  readonly open: () => Promise<Opened>
}

export interface Opened {
  readonly store: Store
  /** Move the store's clock on. Nothing in the suite sleeps. */
  readonly advance: (ms: number) => void | Promise<void>
  /** Close the store and open it again on the same facts. */
  readonly reopen?: () => Promise<Store>
  /** Close the store and remove what it left behind. */
  readonly close: () => Promise<void>
}
