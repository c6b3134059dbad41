/**
 * Small, wrong changes to the source. Each takes away one guard; the named tests must then fail.
 * `npm run test:mutants` runs them and prints "caught n of m".
 *
 * @typedef {object} Mutant
 * @property {string} name A short slug, the value of HOLDFAST_MUTANT.
 * @property {string} breaks What stops being true, in one sentence, with the invariant's id.
 * @property {string} file The source file it changes, relative to the root of the repository.
 * @property {string} find Text that occurs exactly once in that file.
 * @property {string} replace What stands there instead.
 * @property {string[]} tests The test files that must notice, relative to the root.
 */

/** @type {Mutant[]} */
export const mutants = []

/**
 * The source with the mutant in it.
 *
 * @param {Mutant} mutant
 * @param {string} source
 * @returns {string}
 */
export function applyMutant(mutant, source) {
  const parts = source.split(mutant.find)
  if (parts.length !== 2) throw new Error(`mutant ${mutant.name}: its text occurs ${parts.length - 1} times in ${mutant.file}, not once`)
  return parts.join(mutant.replace)
}
