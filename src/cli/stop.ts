import type { Log } from '../operation/log.ts'

/** A stop is over within ten seconds, even if something hangs. */
const stopMsMax = 9_500

/** npm passes on a Ctrl-C that the terminal has sent already, so a second signal must not cut short what the first one began. */
export function stopOnSignal(close: () => Promise<void>, log: Log): { uninstall(): void } {
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
  let stopping = false
  const end = (code: number): never => {
    log.flush()
    if (code === 0) log.info('stopped')
    process.exit(code)
  }
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) return
    stopping = true
    log.info('stopping', { signal })
    setTimeout(() => {
      log.error('Something did not end in time, and was cut off.', { seconds: stopMsMax / 1_000 })
      end(1)
    }, stopMsMax).unref()
    close().then(
      () => end(0),
      (error: unknown) => {
        log.fault(error)
        end(1)
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
