/** What a simulation holds the shop to, judged from outside. The ids are those of the promises in ARCHITECTURE.md. */
export const promises = {
  S6: 'never sold more than was on sale, by the orders buyers were given',
  S7: 'at no instant more held and sold than was on sale',
  S5: 'a reservation holds all its lines or none',
  S9: 'nothing left unsold that somebody still wanted',
  S2: "the shop's stock figures equal the orders buyers were given",
  O1: 'every acknowledged order can be read, unchanged',
  H1: 'a reservation ends once, by whoever holds it',
  H4: 'no reservation expired early',
  H5: 'no reservation confirmed late',
} as const

export type PromiseId = keyof typeof promises

export interface Check {
  readonly promise: PromiseId
  readonly title: string
  readonly broken: number
  /** The first of them, as sentences. */
  readonly findings: readonly string[]
}

export interface Findings {
  add(promise: PromiseId, sentence: string): void
  checks(): readonly Check[]
}

/** A shop that breaks a promise breaks it often; a person reads the first few. */
const shownMax = 10

export function createFindings(): Findings {
  const found = new Map<PromiseId, { count: number; sentences: string[] }>()
  return {
    add: (promise, sentence) => {
      const list = found.get(promise) ?? { count: 0, sentences: [] }
      found.set(promise, list)
      list.count++
      if (list.sentences.length < shownMax) list.sentences.push(sentence)
    },
    checks: () =>
      (Object.keys(promises) as PromiseId[]).map((promise) => {
        const { count, sentences } = found.get(promise) ?? { count: 0, sentences: [] }
        return { promise, title: promises[promise], broken: count, findings: sentences }
      }),
  }
}
