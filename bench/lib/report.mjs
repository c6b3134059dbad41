/**
 * @typedef {object} Context
 * @property {string} folder An empty folder for the files of this bench.
 * @property {number} rounds
 * @property {boolean} quick
 * @property {import('./machine.mjs').Machine} machine
 * @property {(text: string) => void} say Progress.
 *
 * @typedef {object} Bench
 * @property {string} name
 * @property {string} title
 * @property {boolean} byDefault False: only when it is named, because it takes minutes.
 * @property {(context: Context) => Promise<Measured>} run Throws when an invariant is broken: then there is no number.
 *
 * @typedef {object} Measured
 * @property {Readonly<Record<string, number | string>>} settings
 * @property {readonly Line[]} lines
 *
 * @typedef {object} Line One comparison. The ratio comes first, because it says more than the figures: they depend on the machine.
 * @property {string} what
 * @property {'accepted' | 'refused' | 'completed' | '–'} outcome
 * @property {string} unit
 * @property {number} figure The median.
 * @property {string | null} against
 * @property {number | null} peer The median.
 * @property {number | null} ratio The median of the ratios of the rounds.
 * @property {number | null} goal
 * @property {'at least' | 'at most'} sense
 * @property {boolean | null} met
 * @property {'%' | '×'} shownAs
 * @property {string} durability
 * @property {readonly number[]} figures One for each round.
 * @property {readonly number[]} peers
 */

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2
}

/**
 * Two contenders of the same rounds.
 *
 * @param {{ what: string, outcome?: Line['outcome'], unit?: string, figures: readonly number[], against: string, peers: readonly number[],
 *   goal?: number | null, sense?: Line['sense'], shownAs?: Line['shownAs'], durability: string }} comparison
 * @returns {Line}
 */
export function compare({
  what,
  outcome = 'accepted',
  unit = 'reservations/s',
  figures,
  against,
  peers,
  goal = null,
  sense = 'at least',
  shownAs = '%',
  durability,
}) {
  const ratio = median(figures.map((figure, round) => figure / (peers[round] ?? NaN)))
  const met = goal === null ? null : sense === 'at least' ? ratio >= goal : ratio <= goal
  return {
    what,
    outcome,
    unit,
    figure: median(figures),
    against,
    peer: median(peers),
    ratio,
    goal,
    sense,
    met,
    shownAs,
    durability,
    figures,
    peers,
  }
}

/**
 * A figure with nothing to hold it against but a goal, if there is one.
 *
 * @param {{ what: string, outcome?: Line['outcome'], unit: string, figures: readonly number[], atMost?: number | null, atLeast?: number | null, durability: string }} figure
 * @returns {Line}
 */
export function state({ what, outcome = '–', unit, figures, atMost = null, atLeast = null, durability }) {
  const nothing = { against: null, peer: null, ratio: null, peers: [] }
  const figure = median(figures)
  const goal = atMost ?? atLeast
  const sense = atLeast === null ? 'at most' : 'at least'
  const met = goal === null ? null : sense === 'at most' ? figure <= goal : figure >= goal
  return { what, outcome, unit, figure, ...nothing, goal, met, sense, shownAs: '%', durability, figures }
}
