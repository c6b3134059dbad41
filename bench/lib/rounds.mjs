import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
/** @type {() => void} */
const collectGarbage = runInNewContext('gc')

/**
 * Run the contenders in turn, every other round backwards, so that neither a machine that gets slower nor what the one before left behind falls on the
 * same one always.
 *
 * @template {string} Name
 * @template Sample
 * @param {Readonly<Record<Name, (round: number) => Promise<Sample>>>} contenders
 * @param {{ rounds: number, say: (text: string) => void }} options
 * @returns {Promise<Record<Name, Sample[]>>}
 */
export async function alternate(contenders, { rounds, say }) {
  const names = /** @type {Name[]} */ (Object.keys(contenders))
  const samples = /** @type {Record<Name, Sample[]>} */ ({})
  for (const name of names) samples[name] = []
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      collectGarbage()
      const sample = await contenders[name](round)
      samples[name].push(sample)
      say(`round ${round + 1} of ${rounds}, ${name}: ${figureOf(sample)}`)
    }
  }
  return samples
}

/** @param {unknown} sample */
function figureOf(sample) {
  if (typeof sample === 'number') return `${Math.round(sample).toLocaleString('en')}/s`
  if (typeof sample === 'object' && sample !== null && 'perSecond' in sample) return figureOf(sample.perSecond)
  return 'done'
}
