import { readLogSettings } from '../config.ts'
import type { Log } from '../operation/log.ts'

/** Of a command that runs until it is told to stop. On stderr; loaded only by those that log. */
export async function openLog(): Promise<Log> {
  const { level, format } = readLogSettings()
  // Whoever read the log may be gone; the service is not.
  process.stderr.on('error', () => {})
  const { createLog } = await import('../operation/log.ts')
  return createLog({
    level,
    format: format ?? (process.stderr.isTTY ? 'text' : 'json'),
    write: (line) => void process.stderr.write(line),
  })
}
