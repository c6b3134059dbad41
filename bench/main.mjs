import { existsSync, rmSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describeMachine, watchOthers } from './lib/machine.mjs'
import { options, root, usage } from './lib/options.mjs'
import { showMarkdown, showText } from './lib/show.mjs'

/** In the order of the documentation. Loaded when they are due, so that --help and --markdown need no build. */
const loaders = {
  B1: async () => (await import('./b1-engine.mjs')).b1,
  B2: async () => (await import('./b2-spread.mjs')).b2,
  B3: async () => (await import('./b3-carts.mjs')).b3,
  B4: async () => (await import('./b4-http-accepted.mjs')).b4,
  'B4-limits': async () => (await import('./b4-limits.mjs')).b4Limits,
  'B4-events': async () => (await import('./b4-events.mjs')).b4Events,
  B5: async () => (await import('./b5-http-refused.mjs')).b5,
  B7: async () => (await import('./b7-life-cycle.mjs')).b7,
  B8: async () => (await import('./b8-expiry.mjs')).b8,
  B9: async () => (await import('./b9-growth.mjs')).b9,
  retention: async () => (await import('./retention.mjs')).retention,
  'slow-connections': async () => (await import('./slow-connections.mjs')).slowConnections,
  listeners: async () => (await import('./listeners.mjs')).listeners,
  B10: async () => (await import('./b10-memory.mjs')).b10,
  'B1-postgres': async () => (await import('./b1-postgres.mjs')).b1Postgres,
  'B2-postgres': async () => (await import('./b2-spread.mjs')).b2Postgres,
  'B3-postgres': async () => (await import('./b3-carts.mjs')).b3Postgres,
  'B4-postgres': async () => (await import('./b4-http-accepted.mjs')).b4Postgres,
  'B5-postgres': async () => (await import('./b5-http-refused.mjs')).b5Postgres,
  'B7-postgres': async () => (await import('./b7-life-cycle.mjs')).b7Postgres,
  'B8-postgres': async () => (await import('./b8-expiry.mjs')).b8Postgres,
  'B9-postgres': async () => (await import('./b9-growth.mjs')).b9Postgres,
  'B9-postgres-long': async () => (await import('./b9-growth.mjs')).b9PostgresLong,
  'retention-postgres': async () => (await import('./retention.mjs')).retentionPostgres,
  'bloat-postgres': async () => (await import('./bloat-postgres.mjs')).bloatPostgres,
  'B1-redis': async () => (await import('./b1-redis.mjs')).b1Redis,
  'B2-redis': async () => (await import('./b2-spread.mjs')).b2Redis,
  'B3-redis': async () => (await import('./b3-carts.mjs')).b3Redis,
  'B4-redis': async () => (await import('./b4-http-accepted.mjs')).b4Redis,
  'B5-redis': async () => (await import('./b5-http-refused.mjs')).b5Redis,
  'B7-redis': async () => (await import('./b7-life-cycle.mjs')).b7Redis,
  'B8-redis': async () => (await import('./b8-expiry.mjs')).b8Redis,
  'B10-redis': async () => (await import('./b10-redis.mjs')).b10Redis,
  'B12-redis': async () => (await import('./b12-redis.mjs')).b12Redis,
  rabbitmq: async () => (await import('./rabbitmq.mjs')).rabbitMq,
  'rebuild-redis': async () => (await import('./rebuild-redis.mjs')).rebuildRedis,
}

const resultsFolder = join(root, 'bench/results')
const page = join(root, 'docs/benchmarks.md')
const markers = { start: '<!-- results: npm run bench -- --markdown -->', end: '<!-- end of results -->' }

// So that a run that is broken off leaves neither services nor files behind.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

if (options.help) console.log(usage)
else if (options.markdown) await writePage()
else await runAll()

/** The benches that the command line names, each by its name or by that of its group; in capitals or not. */
function namesWanted() {
  const all = Object.keys(loaders)
  const inGroup = (/** @type {string} */ group) => all.filter((name) => name.toLowerCase().endsWith(`-${group}`))
  return new Set(
    options.names.flatMap((word) => {
      const name = all.find((one) => one.toLowerCase() === word.toLowerCase())
      const names = name === undefined ? inGroup(word.toLowerCase()) : [name]
      if (names.length === 0) throw new Error(`there is no ${word}; there are ${all.join(', ')}, and the groups postgres and redis`)
      return names
    }),
  )
}

async function runAll() {
  const wanted = namesWanted()
  /** @type {import('./lib/show.mjs').Result[]} */
  const results = []
  for (const [name, load] of Object.entries(loaders)) {
    if (wanted.size > 0 && !wanted.has(name)) continue
    const bench = await load()
    if (wanted.size === 0 && !bench.byDefault) continue
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
  const removeFolder = () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
  process.once('exit', removeFolder)
  try {
    const machine = describeMachine(folder)
    const { rounds, quick } = options
    const say = (/** @type {string} */ text) => void process.stderr.write(`${bench.name}: ${text}\n`)
    const others = watchOthers()
    const { settings, lines } = await bench.run({ folder, rounds, quick, machine, say })
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
    if (!quick && options.isDistDefault && options.events === null) {
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
