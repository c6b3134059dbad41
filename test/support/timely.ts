import type { Store } from '../../src/index.ts'

/** The store, told the time by `tellTime` before whatever depends on it. */
export function timely(store: Store, tellTime: () => Promise<void>): Store {
  const after =
    <Values extends readonly unknown[], Answer>(method: (...values: Values) => Promise<Answer>) =>
    async (...values: Values): Promise<Answer> => {
      await tellTime()
      return method(...values)
    }
  return {
    ...store,
    execute: after((...given: Parameters<Store['execute']>) => store.execute(...given)),
    product: after((...given: Parameters<Store['product']>) => store.product(...given)),
    products: after((...given: Parameters<Store['products']>) => store.products(...given)),
    reservation: after((...given: Parameters<Store['reservation']>) => store.reservation(...given)),
    reservations: after((...given: Parameters<Store['reservations']>) => store.reservations(...given)),
    nextDueInMs: after(() => store.nextDueInMs()),
    ...(store.vitals === undefined ? {} : { vitals: { ...store.vitals, read: after(store.vitals.read) } }),
    ...(store.countRequests === undefined ? {} : { countRequests: after(store.countRequests) }),
    ...(store.retention === undefined ? {} : { retention: { ...store.retention, prune: after(store.retention.prune) } }),
  }
}
