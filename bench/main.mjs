import { existsSync, rmSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describeMachine, durabilityOf, watchOthers } from './lib/machine.mjs'
import { options, root, usage } from './lib/options.mjs'
import { showMarkdown, showText } from './lib/show.mjs'

/** In the order of the documentation. Loaded when they are due, so that --help and --markdown need no build. */
const loaders = {
  B1: async () => (await import('./b1-engine.mjs')).b1,
  B2: async () => (await import('./b2-spread.mjs')).b2,
  B3: async () => (await import('./b3-carts.mjs')).b3,
  B4: async () => (await import('./b4-http-accepted.mjs')).b4,
  B5: async () => (await import('./b5-http-refused.mjs')).b5,
  B7: async () => (await import('./b7-life-cycle.mjs')).b7,
  B9: async () => (await import('./b9-growth.mjs')).b9,
  B10: async () => (await import('./b10-memory.mjs')).b10,
}

const resultsFolder = join(root, 'bench/results')
const page = join(root, 'docs/benchmarks.md')
const markers = { start: '<!-- results: npm run bench -- --markdown -->', end: '<!-- end of results -->' }

// So that a run that is broken off leaves neither services nor files behind.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

if (options.help) console.log(usage)
else if (options.markdown) await writePage()
else await runAll()

async function runAll() {
  const unknown = options.names.filter((name) => !(name in loaders))
  if (unknown.length > 0) throw new Error(`there is no ${unknown.join(', ')}; there are ${Object.keys(loaders).join(', ')}`)
  /** @type {import('./lib/show.mjs').Result[]} */
  const results = []
  for (const [name, load] of Object.entries(loaders)) {
    if (options.names.length > 0 && !options.names.includes(name)) continue
    const bench = await load()
    if (options.names.length === 0 && !bench.byDefault) continue
    try {
      const result = await run(bench)
      results.push(result)
      if (!options.json) console.log(showText(result))
    } catch (error) {
      process.exitCode = 1
      console.error(`${name} has no number: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  if (options.json) console.log(JSON.stringify(results, null, 2))
}

/**
 * @param {import('./lib/report.mjs').Bench} bench
 * @returns {Promise<import('./lib/show.mjs').Result>}
 */
async function run(bench) {
  const folder = await mkdtemp(join(options.folder, 'holdfast-bench-'))
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', removeFolder)
  try {
    const machine = describeMachine(folder)
    const { rounds, quick } = options
    const say = (/** @type {string} */ text) => void process.stderr.write(`${bench.name}: ${text}\n`)
    const others = watchOthers()
    const { settings, lines } = await bench.run({ folder, rounds, quick, durability: durabilityOf(machine), say })
    const result = {
      name: bench.name,
      title: bench.title,
      measuredAt: new Date().toISOString(),
      machine,
      coresUsedByOthers: others(),
      rounds,
      quick,
      settings,
      lines,
    }
    // Of another build, an experiment perhaps, nothing may be left that reads like a result of this one.
    if (!quick && options.isDistDefault) {
      await mkdir(resultsFolder, { recursive: true })
      await writeFile(join(resultsFolder, `${bench.name}.json`), `${JSON.stringify(result, null, 2)}\n`)
    }
    return result
  } finally {
    process.off('exit', removeFolder)
    removeFolder()
  }
}

async function writePage() {
  const files = Object.keys(loaders)
    .map((name) => join(resultsFolder, `${name}.json`))
    .filter((path) => existsSync(path))
  /** @type {import('./lib/show.mjs').Result[]} */
  const results = await Promise.all(files.map(async (path) => JSON.parse(await readFile(path, 'utf8'))))
  const text = await readFile(page, 'utf8')
  const [start, end] = [text.indexOf(markers.start), text.indexOf(markers.end)]
  if (start < 0 || end < start) throw new Error(`${page} has no line ${markers.start} before a line ${markers.end}`)
  await writeFile(page, `${text.slice(0, start + markers.start.length)}\n\n${showMarkdown(results)}\n${text.slice(end)}`)
}
