import { expect } from 'vitest'

/** Counts the interesting cases of a random test. A test that never met them has shown nothing. */
export interface Sometimes<Case extends string> {
  hit(name: Case): void
  count(name: Case): number
  /** Prints the table and fails if a case never happened, unless it is one of those that only luck brings about here. */
  expectAll(title: string, luck?: readonly Case[]): void
}

export function createSometimes<const Case extends string>(cases: readonly Case[]): Sometimes<Case> {
  const counts = new Map<Case, number>(cases.map((name) => [name, 0]))
  const count = (name: Case): number => counts.get(name) ?? 0
  return {
    hit: (name) => counts.set(name, count(name) + 1),
    count,
    expectAll: (title, luck = []) => {
      const lines = cases.map((name) => `  ${String(count(name)).padStart(6)}  ${name}`)
      console.log(`${title}, sometimes:\n${lines.join('\n')}`)
      expect(
        cases.filter((name) => count(name) === 0 && !luck.includes(name)),
        'cases that never happened',
      ).toEqual([])
    },
  }
}
