import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

export const root = fileURLToPath(new URL('../../', import.meta.url))

/** What is measured is what is published, so it is loaded from the build. */
const distDefault = 'dist'

/** A median of fewer is an accident. */
const roundsDefault = 3

export const usage = `npm run bench [-- NAME… [--quick] [--rounds N] [--json] [--folder DIR] [--dist DIR] [--events N]]
npm run bench -- --markdown

  NAME        B1, B4, B1-postgres, …; or postgres or redis, for all of that store; those that run by default if there is none
  --quick     small and once, to see that it works; writes no results
  --rounds    alternating rounds (default ${roundsDefault})
  --json      print only JSON
  --folder    where the files of the stores are made (default: the system's folder for temporary files)
  --dist      the build to measure (default ${distDefault}); of another, no results are written
  --events    of the bench of RabbitMQ: how many are relayed (default 1,000,000; no results are written for another number)
  --markdown  measure nothing; write the table of docs/benchmarks.md from bench/results/`

const { values, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    markdown: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    folder: { type: 'string', default: tmpdir() },
    dist: { type: 'string', default: distDefault },
    events: { type: 'string' },
  },
})

/** What stands on the command line beside the options. */
export const positionals = words

export const options = {
  names: words,
  quick: values.quick,
  json: values.json,
  markdown: values.markdown,
  help: values.help,
  rounds: values.rounds === undefined ? (values.quick ? 1 : roundsDefault) : Number(values.rounds),
  /** null: as many as the bench has by default. */
  events: values.events === undefined ? null : Number(values.events),
  folder: resolve(values.folder),
  dist: resolve(root, values.dist),
  isDistDefault: resolve(root, values.dist) === resolve(root, distDefault),
}
if (!Number.isInteger(options.rounds) || options.rounds < 1) throw new Error('--rounds must be a whole number from 1')
if (options.events !== null && !(Number.isInteger(options.events) && options.events > 0))
  throw new Error('--events must be a whole number from 1')
