// Proves that the tests can fail: runs each mutant of test/mutants/mutants.mjs against the tests it names.
// Usage: npm run test:mutants [-- NAME…]
// HOLDFAST_MUTANTS=K/N runs the K-th of N parts only, for whoever has little time; that all fit their sources is looked at all the same.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { applyMutant, mutants } from '../test/mutants/mutants.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
// A mutant may loop for ever. The healthy tests have to finish well within this.
const runMsMax = 180_000
// Much of each run is Vitest starting on one core.
const atOnce = 2

const names = process.argv.slice(2)
const unknown = names.filter((name) => !mutants.some((mutant) => mutant.name === name))
if (unknown.length > 0) throw new Error(`no such mutant: ${unknown.join(', ')}`)
const [part = 0, parts = 1] = (process.env['HOLDFAST_MUTANTS'] ?? '0/1').split('/').map(Number)
if (!(part >= 0 && part < parts)) throw new Error('HOLDFAST_MUTANTS must be K/N with K from 0 to N - 1')
const chosen =
  names.length === 0 ? mutants.filter((_, index) => index % parts === part) : mutants.filter((mutant) => names.includes(mutant.name))
if (new Set(mutants.map((mutant) => mutant.name)).size !== mutants.length) throw new Error('two mutants have the same name')

// A mutant that no longer fits its source would make every test fail and look caught.
for (const mutant of mutants) {
  const source = await readFile(join(root, mutant.file), 'utf8')
  if (applyMutant(mutant, source) === source) throw new Error(`mutant ${mutant.name} changes nothing`)
}

const scratch = await mkdtemp(join(tmpdir(), 'holdfast-mutants-'))
try {
  // Whoever has just run all tests need not see again that they pass.
  if (chosen.length > 0 && process.env['HOLDFAST_TESTS_PASSED'] === undefined) {
    const healthy = await runTests([...new Set(chosen.flatMap((mutant) => mutant.tests))], undefined)
    if (healthy.verdict !== 'passed') {
      console.error(healthy.output)
      throw new Error(`without a mutant the tests must pass, but: ${healthy.verdict}`)
    }
    console.log(`the tests pass without a mutant (${healthy.seconds} s)`)
  }

  let caught = 0
  const waiting = [...chosen]
  const workNext = async () => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const { verdict, seconds, output } = await runTests(mutant.tests, mutant.name)
      const isCaught = verdict === 'failed' || verdict === 'hung'
      if (isCaught) caught++
      else if (verdict === 'broken') console.error(output)
      const word = isCaught ? 'caught  ' : verdict === 'passed' ? 'SURVIVED' : 'BROKEN  '
      console.log(`${word}  ${seconds.padStart(5)} s  ${mutant.name}: ${mutant.breaks}`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, workNext))
  console.log(`caught ${caught} of ${chosen.length}`)
  if (caught < chosen.length) process.exitCode = 1
} finally {
  await rm(scratch, { recursive: true, force: true })
}

/**
 * `broken`: something failed, but no test did (the mutant does not even load). That proves nothing about the tests.
 *
 * @param {string[]} tests
 * @param {string | undefined} mutantName
 * @returns {Promise<{ verdict: 'passed' | 'failed' | 'hung' | 'broken', seconds: string, output: string }>}
 */
async function runTests(tests, mutantName) {
  const startedAt = performance.now()
  const report = join(scratch, `${mutantName ?? 'healthy'}.json`)
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project=holdfast',
    '--project=alone',
    ...tests,
    '--reporter=default',
    '--reporter=json',
    `--outputFile=${report}`,
  ]
  if (mutantName !== undefined) args.push('--bail=1', '--maxWorkers=1')
  const { HOLDFAST_MUTANT: _, ...env } = process.env
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: mutantName === undefined ? env : { ...env, HOLDFAST_MUTANT: mutantName },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Its own process group, so that a hung run goes away with its workers.
    detached: true,
  })
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (output += chunk))
  let hung = false
  const timer = setTimeout(() => {
    hung = true
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  }, runMsMax)
  const exitCode = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
  clearTimeout(timer)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  if (hung) return { verdict: 'hung', seconds, output }
  if (exitCode === 0) return { verdict: 'passed', seconds, output }
  const failedTests = await readFile(report, 'utf8').then(
    (text) => JSON.parse(text).numFailedTests,
    () => 0,
  )
  return { verdict: failedTests > 0 ? 'failed' : 'broken', seconds, output }
}
