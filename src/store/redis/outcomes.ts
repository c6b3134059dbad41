import type { Outcome } from '../../domain/command.ts'

/** Told the outcome of a command that need not keep the rest of the batch waiting: it must reach the ledger first. */
export type Later = (index: number, outcome: Promise<Outcome>) => void

/** The outcomes of a batch, as they come. */
export interface Answers {
  /** Whether some may come after the others. */
  readonly mayWait: boolean
  readonly settle: (index: number, outcome: Outcome) => void
  readonly wait: (index: number, outcome: Promise<Outcome>) => void
  readonly all: () => Promise<readonly Outcome[]>
}

export function createAnswers(later: Later | null): Answers {
  const outcomes: Outcome[] = []
  const waiting: Promise<void>[] = []
  const put = async (index: number, outcome: Promise<Outcome>): Promise<void> => {
    outcomes[index] = await outcome
  }
  return {
    mayWait: later !== null,
    settle: (index, outcome) => {
      outcomes[index] = outcome
    },
    wait: (index, outcome) => {
      waiting.push(put(index, outcome))
      // Whoever waits hears what failed.
      waiting.at(-1)!.catch(() => {})
      later?.(index, outcome)
    },
    all: async () => {
      if (later === null) await Promise.all(waiting)
      return outcomes
    },
  }
}
