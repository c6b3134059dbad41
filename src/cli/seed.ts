import type { Command } from 'commander'
import { readStoreSettings, type StoreFlags, type StoreSettings } from '../config.ts'
import { explainRefusal } from '../domain/refusals.ts'
import type { CreateProductInput } from '../engine/schemas.ts'
import { systemClock } from '../store/clock.ts'
import { openStore } from '../store/open.ts'
import { demoProducts } from './demo-products.ts'
import { Failure } from './failure.ts'
import { createHttpClient, type Problem } from './http-client.ts'
import { count, countOf, renderTable } from './table.ts'

interface SeedFlags extends StoreFlags {
  readonly url?: string
  readonly json?: boolean
}

type Seeded = 'created' | 'existed'
type Create = (product: CreateProductInput) => Promise<Seeded>

export function addSeed(program: Command): void {
  const command = program
    .command('seed')
    .description('Put a handful of demo products on sale. Safe to repeat: what exists is left as it is.')
    .option('--store <url>', 'the store to put them in; it must not be in use (HOLDFAST_STORE)')
    .option('--ledger <url>', 'of a store in Redis: where its sales are kept (HOLDFAST_LEDGER)')
    .option('--url <address>', 'a running service to give them to instead, for example http://127.0.0.1:3000')
    .option('--json', 'print one JSON object')
    .action(async (flags: SeedFlags) => {
      if (flags.store !== undefined && flags.url !== undefined) command.error('Give --store or --url, not both.')
      await seed(flags)
    })
}

async function seed({ url, json = false, ...store }: SeedFlags): Promise<void> {
  const products = demoProducts(systemClock())
  const results = url === undefined ? await seedStore(readStoreSettings(store), products) : await seedService(url, products)
  const withResult = (wanted: Seeded): string[] => products.filter((_product, index) => results[index] === wanted).map(({ sku }) => sku)
  const created = withResult('created')
  const existed = withResult('existed')
  process.stdout.write(json ? `${JSON.stringify({ created, existed })}\n` : show(products, results))
}

async function seedStore({ storeUrl, ledgerUrl }: StoreSettings, products: readonly CreateProductInput[]): Promise<Seeded[]> {
  // Loaded here: the engine brings its schemas, which nobody else on the command line should wait for.
  const { createHoldfast } = await import('../engine/holdfast.ts')
  await using shop = createHoldfast({ store: await openStore(storeUrl, { ledger: ledgerUrl }), expiry: 'manual' })
  return await inTurn(products, async (product) => {
    const outcome = await shop.createProduct(product)
    if (outcome.ok) return 'created'
    if (outcome.refusal.code === 'product_exists') return 'existed'
    throw new Failure(explainRefusal(outcome.refusal))
  })
}

async function seedService(url: string, products: readonly CreateProductInput[]): Promise<Seeded[]> {
  const client = createHttpClient(url, { connectionsMax: 1, patienceMs: 3_000 })
  try {
    return await inTurn(products, async ({ saleStartsAt, saleEndsAt, ...product }) => {
      const body = { ...product, ...instantsOf({ saleStartsAt, saleEndsAt }) }
      // The key is for the retries of this run: without it, an answer that was lost would be reported as "existed".
      const answer = await client.post('/v1/products', body, crypto.randomUUID())
      if (answer.status === 201) return 'created'
      const problem = answer.body as Problem
      if (problem.code === 'product_exists') return 'existed'
      throw new Failure(
        `${client.url} refused ${product.sku} with ${answer.status}: ${problem.detail ?? problem.code ?? 'no reason given'}`,
      )
    })
  } finally {
    client.close()
  }
}

async function inTurn(products: readonly CreateProductInput[], create: Create): Promise<Seeded[]> {
  const results: Seeded[] = []
  for (const product of products) results.push(await create(product))
  return results
}

/** Instants are epoch milliseconds inside and RFC 3339 outside. */
function instantsOf(instants: Record<string, number | null | undefined>): Record<string, string> {
  const given = Object.entries(instants).filter((entry): entry is [string, number] => typeof entry[1] === 'number')
  return Object.fromEntries(given.map(([name, instant]) => [name, new Date(instant).toISOString()]))
}

function show(products: readonly CreateProductInput[], results: readonly Seeded[]): string {
  const rows = products.map(({ sku, name, totalStock, maxPerUser }, index) => [
    sku,
    name,
    count(totalStock),
    maxPerUser == null ? '' : count(maxPerUser),
    results[index]!,
  ])
  const table = renderTable(
    [
      { title: 'sku', align: 'left' },
      { title: 'name', align: 'left' },
      { title: 'stock', align: 'right' },
      { title: 'per user', align: 'right' },
      { title: '', align: 'left' },
    ],
    rows,
  )
  const created = results.filter((result) => result === 'created').length
  return `${table}\n${countOf(created, 'product')} created, ${results.length - created} existed already.\n`
}
