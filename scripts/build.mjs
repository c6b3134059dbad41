// Builds dist/ from src/: compile, then copy the SQL and Lua files, which tsc leaves behind.
import { spawnSync } from 'node:child_process'
import { chmod, cp, rm } from 'node:fs/promises'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

await rm(`${root}dist`, { recursive: true, force: true })

const tsc = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
if (tsc.status !== 0) process.exit(tsc.status ?? 1)

await cp(`${root}src`, `${root}dist`, { recursive: true, filter: (path) => /\.(sql|lua)$/.test(path) || statSync(path).isDirectory() })

// npx links the checkout once and never makes a rebuilt file executable again.
await chmod(`${root}dist/cli/main.js`, 0o755)
