const rfc3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/

/** Epoch milliseconds of an RFC 3339 date-time, or null. Finer fractions are cut off; days that do not exist are refused. */
export function parseInstant(text: string): number | null {
  const match = rfc3339.exec(text)
  if (match === null) return null
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [number, number, number, number, number, number]
  const lastDay = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()
  if (month < 1 || month > 12 || day < 1 || day > lastDay || hour > 23 || minute > 59 || second > 59) return null
  const instant = Date.parse(`${text.slice(0, 10)}T${text.slice(11).toUpperCase()}`)
  // Outside these years there is no ISO 8601 text with four digits to give back.
  return instant >= minInstant && instant <= maxInstant ? instant : null
}

const minInstant = Date.UTC(1970, 0, 1)
const maxInstant = Date.UTC(9999, 11, 31, 23, 59, 59, 999)
