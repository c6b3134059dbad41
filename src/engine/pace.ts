/** How fast the store works, as far as it matters to whoever comes now. */
export interface Pace {
  /** So many commands are given to the store; the function is called when they are settled. `isFull`: as many as it takes at once, so that they tell how fast it is. */
  readonly begin: (commands: number, isFull: boolean) => () => void
  /** Before somebody is answered who comes behind so many; 0 while nobody knows. */
  readonly expectedWaitMs: (commands: number) => number
}

/** A batch that is not full says nothing about the pace: of two commands and of two hundred, the commit takes the same time. */
export function createPace(now: () => number): Pace {
  let msPerCommand = 0
  let inFlight = 0
  /** When the store last began or finished something. */
  let movedAt = 0

  return {
    begin: (commands, isFull) => {
      if (inFlight++ === 0) movedAt = now()
      return () => {
        inFlight--
        // From the end of the batch before, where two are in flight at once.
        const ms = (now() - movedAt) / commands
        movedAt = now()
        if (isFull) msPerCommand = msPerCommand === 0 ? ms : (msPerCommand + ms) / 2
      }
    },
    // A store that has come to a standstill is as slow as it has stood still.
    expectedWaitMs: (commands) => Math.max(commands * msPerCommand, inFlight === 0 ? 0 : now() - movedAt),
  }
}
