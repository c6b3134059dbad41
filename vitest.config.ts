import { resolve } from 'node:path'
import type { Plugin } from 'vitest/config'
import { defineConfig } from 'vitest/config'
import { applyMutant, mutants } from './test/mutants/mutants.mjs'

/** Runs the tests against one of the mutants, named by HOLDFAST_MUTANT (see scripts/mutants.mjs). */
function mutate(name: string): Plugin {
  const mutant = mutants.find((candidate) => candidate.name === name)
  if (mutant === undefined) throw new Error(`HOLDFAST_MUTANT names no mutant: ${name}`)
  const file = resolve(import.meta.dirname, mutant.file)
  return {
    name: 'holdfast:mutate',
    enforce: 'pre',
    transform: (source, id) => (id === file ? { code: applyMutant(mutant, source), map: null } : undefined),
  }
}

/** Files that leave servers behind for the others of their process, or measure it. */
const alone = ['test/{crash,memory,model,races,store}/**/*.test.ts']

const mutantName = process.env['HOLDFAST_MUTANT']

export default defineConfig({
  plugins: mutantName === undefined ? [] : [mutate(mutantName)],
  test: {
    setupFiles: mutantName === undefined ? [] : ['test/mutants/setup.mjs'],
    pool: 'forks',
    // One more than Vitest takes of two cores: much of the time is spent waiting for servers, processes and timers.
    maxWorkers: 2,
    // The longest take half a minute; a machine that is busy otherwise is no failure.
    testTimeout: 170_000,
    hookTimeout: 60_000,
    projects: [
      // These share the modules that they load with other files, which saves most of the time that loading takes.
      {
        extends: true,
        test: { name: 'holdfast', include: ['test/**/*.test.ts'], exclude: [...alone, 'test/pgbouncer/**'], isolate: false },
      },
      { extends: true, test: { name: 'alone', include: alone } },
      // The same races on the other store; each round takes many round trips there, so fewer of them.
      {
        extends: true,
        test: { name: 'postgres', include: ['test/races/*.test.ts'], env: { HOLDFAST_TEST_STORE: 'postgres', HOLDFAST_RUNS: '200' } },
      },
      {
        extends: true,
        test: {
          name: 'redis',
          include: ['test/races/around-expiry.test.ts'],
          env: { HOLDFAST_TEST_STORE: 'redis', HOLDFAST_RUNS: '600' },
        },
      },
      // Needs a program that not every machine has: npm run test:pgbouncer.
      ...(process.env['HOLDFAST_TEST_PGBOUNCER'] === 'on'
        ? [{ extends: true as const, test: { name: 'pgbouncer', include: ['test/pgbouncer/*.test.ts'] } }]
        : []),
    ],
    coverage: {
      provider: 'v8',
      include: ['src/domain/**'],
      reporter: ['text'],
      thresholds: { lines: 100 },
    },
  },
})
