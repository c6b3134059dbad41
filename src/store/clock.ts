/** Epoch milliseconds. An embedded store runs on the clock of its process; tests bring their own, so that nothing ever sleeps. */
export type Clock = () => number

export const systemClock: Clock = () => Date.now()
