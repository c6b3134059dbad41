/** Runs a job when those of the same subject that came before it are over; at once if there is none. What a job throws is thrown to its caller alone. */
export type InOrder = <Value>(subject: string, job: () => Promise<Value>) => Promise<Value>

export function createOrder(): InOrder {
  const last = new Map<string, Promise<unknown>>()
  return (subject, job) => {
    const before = last.get(subject)
    const running = before === undefined ? job() : before.then(job, job)
    last.set(subject, running)
    const forget = (): void => {
      if (last.get(subject) === running) last.delete(subject)
    }
    running.then(forget, forget)
    return running
  }
}
