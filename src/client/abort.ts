/** What the work gives, unless the signal aborts first: then its reason, whatever becomes of the work. Nothing stays behind on the signal. */
export function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    const settle =
      <Argument>(end: (argument: Argument) => void) =>
      (argument: Argument): void => {
        signal.removeEventListener('abort', stop)
        end(argument)
      }
    signal.addEventListener('abort', stop, { once: true })
    work.then(settle(resolve), settle(reject))
    if (signal.aborted) stop()
  })
}

export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  try {
    await unlessAborted(over, signal)
  } finally {
    clearTimeout(timer)
  }
}

export interface Linked {
  /** Aborts with any of the signals, and by itself. */
  readonly signal: AbortSignal
  readonly abort: (reason: unknown) => void
  /** Let go of the signals. */
  readonly clear: () => void
}

/** As `AbortSignal.any`, but it leaves no listener behind. */
export function linked(signals: readonly AbortSignal[]): Linked {
  const controller = new AbortController()
  const stops = signals.map((signal) => ({ signal, stop: (): void => controller.abort(signal.reason) }))
  for (const { signal, stop } of stops) {
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
  }
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    clear: () => {
      for (const { signal, stop } of stops) signal.removeEventListener('abort', stop)
    },
  }
}
