import { Fault, type Store } from '../../src/index.ts'

export type Loss = 'nothing' | 'request' | 'answer'

/**
 * A real store behind a line that loses things: the request before it arrives, or the answer after everything was committed. The caller cannot
 * tell the two apart.
 */
export function lossyStore(store: Store, nextLoss: () => Loss): Store {
  return {
    ...store,
    execute: async (commands, options) => {
      const loss = nextLoss()
      if (loss === 'request') throw new Fault('store_unavailable', 'the request is lost')
      const outcomes = await store.execute(commands, options)
      if (loss === 'answer') throw new Fault('store_unavailable', 'the answer is lost')
      return outcomes
    },
  }
}
