// Packs the package, installs it into an empty folder, and uses every entry point there. It asks the registry for the dependencies, so it is no part of CI.
//
//     npm run test:package              with the Node that runs
//     npm run test:package -- 22 24     and with others
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const bytesMax = 1_000_000
const folder = mkdtempSync(join(tmpdir(), 'holdfast-package-'))

/**
 * Runs a program in the empty folder and gives back what it printed.
 *
 * @param {string} program
 * @param {readonly string[]} parameters
 */
function run(program, parameters, cwd = folder) {
  return execFileSync(program, parameters, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()
}

/** JavaScript that uses everything once, and is valid TypeScript as well. */
const program = `
import Fastify from 'fastify'
import { createHoldfast, openStore } from 'holdfast'
import { createClient } from 'holdfast/client'
import { describeStore } from 'holdfast/conformance'
import { holdfast } from 'holdfast/fastify'

const shop = createHoldfast({ store: await openStore('sqlite::memory:') })
await shop.createProduct({ sku: 'mug', name: 'A mug', totalStock: 1 })
const app = Fastify()
await app.register(holdfast, { prefix: '/shop', shop, open: true })
const url = await app.listen({ host: '127.0.0.1', port: 0 })
const client = createClient({ url: url + '/shop' })
const reserved = await client.reserve({ userId: 'ada', items: [{ sku: 'mug', quantity: 1 }] })
if (!reserved.ok) throw new Error(reserved.refusal.code)
const order = await shop.confirm(reserved.value.id)
const status = order.ok ? order.value.status : order.refusal.code
await client.close()
await app.close()
await shop.close()
console.log(process.version, status, typeof describeStore)
`

/** An app with a name of its own where Holdfast has one inside: types must not meet. */
const ownNames = `
declare module 'fastify' {
  interface FastifyRequest { caller: string }
  interface FastifyContextConfig { access?: number }
}
`

try {
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root))
  if (packed.unpackedSize >= bytesMax) throw new Error(`the package has ${packed.unpackedSize} bytes; ${bytesMax} are too many`)
  console.log(`${packed.files.length} files, ${packed.unpackedSize} bytes`)

  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', private: true }))
  run('npm', ['install', '--no-audit', '--no-fund', `./${packed.filename}`])

  writeFileSync(join(folder, 'program.mjs'), program)
  for (const version of process.argv.slice(2)) console.log(run('npx', ['--yes', `node@${version}`, 'program.mjs']))
  console.log(run(process.execPath, ['program.mjs']))
  console.log(run(join(folder, 'node_modules/.bin/holdfast'), ['--version']))

  writeFileSync(join(folder, 'program.ts'), program + ownNames)
  const options = [
    '--strict',
    '--noEmit',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--lib',
    'es2024,esnext.disposable',
    '--skipLibCheck',
  ]
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')]
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...options, ...types, 'program.ts'])
  console.log('the types resolve')
} finally {
  rmSync(folder, { recursive: true })
}
