import { count, countOf, paint, renderTable, type TableRow } from '../table.ts'
import type { Latency } from './meter.ts'
import type { SimulationResult } from './simulation.ts'

/** The result as a shop owner reads it. */
export function renderResult(result: SimulationResult): string {
  const { options, shop } = result
  const head = [
    paint(
      'bold',
      `Flash sale: ${countOf(options.buyers, 'buyer')} for ${countOf(options.stock, 'unit')} of ${countOf(options.skus, 'product')}`,
    ),
    `${shop}, at most ${count(options.concurrency)} requests at once; repeat with --seed ${options.seed}`,
  ]
  const table = renderTable(
    [
      { title: '', align: 'left' },
      { title: '', align: 'right' },
      { title: '', align: 'left' },
    ],
    rowsOf(result),
  )
  return [...head, table, ...checkLines(result), '', verdict(result), ''].join('\n')
}

function rowsOf({ buyers, units, reservations, latencyMs, durationMs }: SimulationResult): TableRow[] {
  return [
    ['units on sale', count(units.onSale), ''],
    ['sold', count(units.sold), ''],
    ['  of these resold', count(units.resold), 'had been given back before'],
    ['oversold', count(units.oversold), "by the buyers' own orders"],
    ['cancelled', count(units.cancelled), 'units given back by their buyers'],
    ['expired', count(units.expired), 'units given back by time'],
    'rule',
    ['buyers', count(buyers.total), ''],
    ['bought', count(buyers.bought), ''],
    ['cancelled', count(buyers.cancelled), ''],
    ['walked away', count(buyers.walkedAway), 'without a word'],
    ['came too late', count(buyers.tooLate), 'their reservation had ended'],
    ['refused', count(buyers.emptyHanded), 'left when nothing was left'],
    'rule',
    ['reservations accepted', count(reservations.accepted), `${count(reservations.acceptedPerSecond)} per second of asking`],
    ['reservations refused', count(reservations.refused), `${count(reservations.refusedPerSecond)} per second of asking`],
    ...latencyRows('reserve', latencyMs.reserve),
    ...latencyRows('confirm', latencyMs.confirm),
    ['duration', `${(durationMs / 1000).toFixed(1)} s`, ''],
  ]
}

function latencyRows(verb: string, { p50, p99 }: Latency): TableRow[] {
  return [
    [`${verb}, p50`, `${p50.toFixed(1)} ms`, 'half were answered within'],
    [`${verb}, p99`, `${p99.toFixed(1)} ms`, '99 of 100 were answered within'],
  ]
}

function checkLines({ checks, audit, ordersRead, units }: SimulationResult): string[] {
  const lines = checks.flatMap(({ promise, title, broken, findings }) => [
    mark(broken === 0, `${promise} ${title}`),
    ...findings.map((finding) => `     ${finding}`),
    ...(broken > findings.length ? [`     … and ${count(broken - findings.length)} more`] : []),
  ])
  if (audit !== null)
    lines.push(mark(audit.ok, `audit of the store: ${countOf(audit.events, 'event')} read, ${countOf(audit.findings.length, 'finding')}`))
  else lines.push(mark(true, `read back over HTTP: ${countOf(ordersRead, 'order')}, ${countOf(units.sold, 'unit')}`))
  for (const finding of audit?.findings ?? []) lines.push(`     ${finding}`)
  return lines
}

function mark(held: boolean, text: string): string {
  return held ? ` ${paint('green', '✓')} ${text}` : ` ${paint('red', '✗')} ${text}`
}

function verdict({ ok, units, checks, audit }: SimulationResult): string {
  const sold = `Sold ${count(units.sold)} of ${count(units.onSale)}, oversold ${count(units.oversold)}.`
  if (ok) return paint('green', `✓ ${sold} Every promise held.`)
  const broken: string[] = checks.filter((check) => check.broken > 0).map((check) => check.promise)
  if (audit?.ok === false) broken.push('the audit')
  return paint('red', `✗ ${sold} Broken: ${broken.join(', ')}.`)
}
