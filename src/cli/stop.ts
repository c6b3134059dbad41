import { explain } from './failure.ts'

/** A stop is over within ten seconds, even if something hangs. */
const stopMsMax = 9_500

/** npm passes on a Ctrl-C that the terminal has sent already, so a second signal must not cut short what the first one began. */
export function stopOnSignal(close: () => Promise<void>): { uninstall(): void } {
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
  let stopping = false
  const onSignal = (): void => {
    if (stopping) return
    stopping = true
    setTimeout(() => process.exit(1), stopMsMax).unref()
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${explain(error)}\n`)
        process.exit(1)
      },
    )
  }
  for (const signal of signals) process.on(signal, onSignal)
  return {
    uninstall: () => {
      for (const signal of signals) process.off(signal, onSignal)
    },
  }
}
