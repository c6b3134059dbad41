/** Epoch milliseconds. An embedded store runs on the clock of its process; tests bring their own, so that nothing ever sleeps. */
export type Clock = () => number

/**
 * The clock of the machine, except that it never goes back: a reservation that was seen as expired must not come alive again when somebody corrects
 * the time. While the machine's clock is behind, this one goes on at its pace.
 */
function createSystemClock(): Clock {
  let last = Date.now()
  let lastTick = performance.now()
  return () => {
    const tick = performance.now()
    const elapsed = Math.floor(tick - lastTick)
    last = Math.max(Date.now(), last + elapsed)
    lastTick += elapsed
    return last
  }
}

export const systemClock = createSystemClock()
