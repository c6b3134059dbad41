import { styleText } from 'node:util'

/** What a terminal shows: box-drawing tables, numbers that line up, colour only where the stream shows it and nobody set NO_COLOR. */

export interface Column {
  readonly title: string
  readonly align: 'left' | 'right'
}

/** `rule`: a line across, between groups of rows. */
export type TableRow = readonly string[] | 'rule'

export function renderTable(columns: readonly Column[], rows: readonly TableRow[]): string {
  const cells = rows.filter((row) => row !== 'rule')
  const widths = columns.map(({ title }, index) => Math.max(title.length, ...cells.map((row) => row[index]?.length ?? 0)))
  const rule = (left: string, middle: string, right: string): string =>
    left + widths.map((width) => '─'.repeat(width + 2)).join(middle) + right
  const line = (values: readonly string[]): string => {
    const padded = columns.map(({ align }, index) => {
      const value = values[index] ?? ''
      return align === 'right' ? value.padStart(widths[index]!) : value.padEnd(widths[index]!)
    })
    return `│ ${padded.join(' │ ')} │`
  }
  const titles = columns.map((column) => column.title)
  const head = titles.some((title) => title !== '') ? [line(titles), rule('├', '┼', '┤')] : []
  const body = rows.map((row) => (row === 'rule' ? rule('├', '┼', '┤') : line(row)))
  return [rule('┌', '┬', '┐'), ...head, ...body, rule('└', '┴', '┘')].join('\n')
}

const integers = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** 20000 as 20,000. */
export function count(value: number): string {
  return integers.format(value)
}

/** "1 order", "2 orders". */
export function countOf(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

export function paint(style: 'green' | 'red' | 'bold' | 'dim', text: string): string {
  return styleText(style, text, { stream: process.stdout, validateStream: true })
}
