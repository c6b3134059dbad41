// Lints the OpenAPI document that the built service generates. With --print it prints the document instead.
import { createConfig, formatProblems, lintFromString } from '@redocly/openapi-core'
import { createHoldfast, openStore } from 'holdfast'

const dist = new URL('../dist/', import.meta.url)
/** @type {typeof import('../src/http/app.ts')} */
const { createApp } = await import(new URL('http/app.js', dist).href)
/** @type {typeof import('../src/operation/metrics.ts')} */
const { createMetrics } = await import(new URL('operation/metrics.js', dist).href)
/** @type {typeof import('../src/events/webhooks/webhooks.ts')} */
const { openWebhooks } = await import(new URL('events/webhooks/webhooks.js', dist).href)
/** @type {typeof import('../src/version.ts')} */
const { version } = await import(new URL('version.js', dist).href)

const store = await openStore('sqlite::memory:')
const shop = createHoldfast({ store })
const webhooks = openWebhooks({ shop, store, report: console.error })
const metrics = createMetrics({ version, store: 'sqlite', queueLength: () => shop.queueLength })
const app = await createApp({ shop, metrics, webhooks, version, report: console.error })
const { body } = await app.inject('/openapi.json')
await app.close()
await shop.close()

if (process.argv.includes('--print')) {
  console.log(JSON.stringify(JSON.parse(body), null, 2))
} else {
  const rules = /** @type {const} */ ({
    // Whoever asks whether the service lives can do nothing wrong.
    'operation-4xx-response': 'off',
    // /inventory/reserve and /inventory/{sku}: an older API has it so.
    'no-ambiguous-paths': 'off',
    'tag-description': 'error',
    'operation-tag-defined': 'error',
    'operation-singular-tag': 'error',
    'operation-parameters-unique': 'error',
    'no-invalid-schema-examples': 'error',
    'no-invalid-media-type-examples': 'error',
    'no-unused-components': 'error',
  })
  const config = await createConfig({ extends: ['recommended-strict'], rules })
  const problems = await lintFromString({ source: body, absoluteRef: 'openapi.json', config })
  if (problems.length > 0) {
    formatProblems(problems, { format: 'codeframe', totals: { errors: problems.length, warnings: 0, ignored: 0 }, version })
    process.exitCode = 1
  } else {
    console.log(`The OpenAPI document has ${Object.keys(JSON.parse(body).paths).length} paths and no problems.`)
  }
}
