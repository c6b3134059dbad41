// Builds dist/ from src/: compile, copy the SQL and Lua files, which tsc leaves behind, and drop the types that nobody can import.
import { spawnSync } from 'node:child_process'
import { chmod, cp, rm } from 'node:fs/promises'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

await rm(`${root}dist`, { recursive: true, force: true })

const tsc = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
if (tsc.status !== 0) process.exit(tsc.status ?? 1)

await cp(`${root}src`, `${root}dist`, { recursive: true, filter: (path) => /\.(sql|lua)$/.test(path) || statSync(path).isDirectory() })

/** @type {{ exports: Record<string, string | { types: string }> }} */
const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
/** @type {Set<string>} */
const reachable = new Set()
for (const entry of Object.values(exports)) if (typeof entry !== 'string') reach(join(root, entry.types))
for (const path of readdirSync(`${root}dist`, { recursive: true, encoding: 'utf8' })) {
  if (path.endsWith('.d.ts') && !reachable.has(join(root, 'dist', path))) await rm(join(root, 'dist', path))
}

// npx links the checkout once and never makes a rebuilt file executable again.
await chmod(`${root}dist/cli/main.js`, 0o755)

/**
 * Types that an entry point needs, by way of its imports.
 *
 * @param {string} path
 */
function reach(path) {
  if (reachable.has(path)) return
  reachable.add(path)
  for (const [, specifier = ''] of readFileSync(path, 'utf8').matchAll(/\b(?:from |import\()['"](\.[^'"]+)\.[jt]s['"]/g)) {
    reach(join(dirname(path), `${specifier}.d.ts`))
  }
}
