/**
 * @typedef {import('./report.mjs').Line} Line
 *
 * @typedef {object} Result What is written to bench/results/.
 * @property {string} name
 * @property {string} title
 * @property {string} measuredAt
 * @property {import('./machine.mjs').Machine} machine
 * @property {number | null} coresUsedByOthers Whatever else ran meanwhile; much more than none spoils the figures.
 * @property {number} rounds
 * @property {boolean} quick
 * @property {Readonly<Record<string, number | string>>} settings
 * @property {readonly Line[]} lines
 */

const titles = ['ratio', 'goal', 'met', 'what', 'outcome', 'figure', 'against', 'its figure', 'durability']

/** @param {Line} line */
function cellsOf(line) {
  const { ratio, goal, met, sense, shownAs, what, outcome, figure, against, peer, unit, durability } = line
  const bound = sense === 'at least' ? '≥' : '≤'
  return [
    ratio === null ? '–' : share(ratio, shownAs),
    goal === null ? '–' : `${bound} ${ratio === null ? goal : shownAs === '%' ? `${Number((goal * 100).toFixed(1))} %` : `${goal} ×`}`,
    met === null ? '–' : met ? 'met' : 'not met',
    what,
    outcome,
    `${rounded(figure)} ${unit}`,
    against ?? '–',
    peer === null ? '–' : rounded(peer),
    durability,
  ]
}

/**
 * @param {number} ratio
 * @param {Line['shownAs']} shownAs
 */
function share(ratio, shownAs) {
  return shownAs === '%' ? `${(ratio * 100).toFixed(1)} %` : `${ratio.toFixed(1)} ×`
}

/** @param {number} figure */
function rounded(figure) {
  return figure >= 100 || Number.isInteger(figure) ? Math.round(figure).toLocaleString('en') : figure.toFixed(1)
}

/** @param {Result} result */
function headingOf({ name, title }) {
  return `${name}. ${title}`
}

/** @param {Result} result */
function settingsOf({ rounds, settings, coresUsedByOthers }) {
  const words = Object.entries(settings).map(([name, value]) => {
    const spelled = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    return `${spelled} ${typeof value === 'number' ? value.toLocaleString('en') : value}`
  })
  const others = coresUsedByOthers == null ? [] : [`others used ${coresUsedByOthers} cores meanwhile`]
  return [`rounds ${rounds}`, ...words, ...others].join(', ')
}

/** @param {Result} result */
export function showText(result) {
  const rows = [titles, ...result.lines.map(cellsOf)]
  const widths = titles.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return `${headingOf(result)}\n(${settingsOf(result)}${result.quick ? '; a quick run, not a measurement' : ''})\n\n${lines.join('\n')}\n`
}

/** @param {readonly Result[]} results */
export function showMarkdown(results) {
  return results
    .map((result) => {
      const rows = [titles, titles.map(() => '---'), ...result.lines.map(cellsOf)]
      const table = rows.map((row) => `| ${row.join(' | ')} |`).join('\n')
      return `### ${headingOf(result)}\n\n${table}\n\n${machineOf(result)}; ${settingsOf(result)}.\n`
    })
    .join('\n')
}

/** @param {Result} result */
function machineOf({ measuredAt, machine }) {
  const { cpu, cores, memoryGiB, node, fileSystem, fsyncMs } = machine
  return `${measuredAt.slice(0, 10)}, ${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, ${fileSystem} with fsync in ${fsyncMs} ms`
}
