// What the source reads from files itself, as scripts, is read with the mutant in it. Modules are changed by the plugin in vitest.config.ts.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { fileURLToPath } from 'node:url'
import { applyMutant, mutants } from './mutants.mjs'

const mutant = mutants.find(({ name }) => name === process.env['HOLDFAST_MUTANT'])
if (mutant?.file.endsWith('.lua')) {
  const path = fileURLToPath(new URL(`../../${mutant.file}`, import.meta.url))
  const { readFileSync } = fs
  /** @type {(...given: Parameters<typeof readFileSync>) => unknown} */
  const read = (file, options) => {
    const text = readFileSync(file, options)
    return (file instanceof URL ? fileURLToPath(file) : file) === path ? applyMutant(mutant, String(text)) : text
  }
  fs.readFileSync = /** @type {typeof readFileSync} */ (read)
  syncBuiltinESMExports()
}
