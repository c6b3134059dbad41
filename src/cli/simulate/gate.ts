/** Lets so many in at a time; the others wait in the order they came. */
export interface Gate {
  pass<Answer>(work: () => Promise<Answer>): Promise<Answer>
  readonly waiting: number
}

export function createGate(size: number): Gate {
  let inside = 0
  let head = 0
  let queue: (() => void)[] = []

  return {
    pass: async (work) => {
      if (inside < size) inside++
      else await new Promise<void>((resolve) => queue.push(resolve))
      try {
        return await work()
      } finally {
        leave()
      }
    },
    get waiting() {
      return queue.length - head
    },
  }

  /** Whoever is next takes over the place. A moving head, because shifting a long array for each of its elements is slow. */
  function leave(): void {
    const next = queue[head++]
    if (next !== undefined) return next()
    queue = []
    head = 0
    inside--
  }
}
