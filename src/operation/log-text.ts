/** Members that stand in a line by themselves, or below it. */
const placed: ReadonlySet<string> = new Set(['level', 'time', 'message', 'stack'])

/** A line of JSON as a line for people: `12:30:00.123 WARN  message key=value`; a stack stands below it. */
export function lineOf(json: string): string {
  const line = JSON.parse(json) as Readonly<Record<string, unknown>>
  const { level, time, message, stack } = line as Readonly<Record<string, string | undefined>>
  const members = Object.entries(line)
    .filter(([name]) => !placed.has(name))
    .map(([name, value]) => ` ${name}=${shown(value)}`)
  return `${time?.slice(11, 23)} ${level?.toUpperCase().padEnd(5)} ${message}${members.join('')}\n${stack === undefined ? '' : `${stack}\n`}`
}

function shown(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
}
