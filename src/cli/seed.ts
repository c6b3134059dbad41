import type { Command } from 'commander'
import { createClient } from '../client/client.ts'
import { readKey, readStoreSettings, type StoreFlags } from '../config.ts'
import { explainRefusal } from '../domain/refusals.ts'
import type { CreateProductInput } from '../engine/schemas.ts'
import type { Shop } from '../engine/shop.ts'
import { systemClock } from '../store/clock.ts'
import { openStore } from '../store/open.ts'
import { demoProducts } from './demo-products.ts'
import { Failure } from './failure.ts'
import { parseUrl } from './http-client.ts'
import { count, countOf, renderTable } from './table.ts'

interface SeedFlags extends StoreFlags {
  readonly url?: string
  readonly json?: boolean
}

type Seeded = 'created' | 'existed'

/** A service that is not running is no reason to wait for long. */
const timeoutMs = 3_000

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
  await using shop = url === undefined ? await openShop(store) : connect(url)
  const results: Seeded[] = []
  for (const product of products) results.push(await create(shop, product))
  const withResult = (wanted: Seeded): string[] => products.filter((_product, index) => results[index] === wanted).map(({ sku }) => sku)
  const created = withResult('created')
  const existed = withResult('existed')
  process.stdout.write(json ? `${JSON.stringify({ created, existed })}\n` : show(products, results))
}

function connect(url: string): Shop {
  const key = readKey()
  return createClient({ url: parseUrl(url).href, timeoutMs, ...(key !== undefined && { key }) })
}

async function openShop(flags: StoreFlags): Promise<Shop> {
  const { storeUrl, ledgerUrl } = readStoreSettings(flags)
  // Loaded here: the engine brings its schemas, which nobody else on the command line should wait for.
  const { createHoldfast } = await import('../engine/holdfast.ts')
  return createHoldfast({ store: await openStore(storeUrl, { ledger: ledgerUrl }), expiry: 'manual' })
}

async function create(shop: Shop, product: CreateProductInput): Promise<Seeded> {
  const outcome = await shop.createProduct(product)
  if (outcome.ok) return 'created'
  if (outcome.refusal.code === 'product_exists') return 'existed'
  throw new Failure(`${product.sku}: ${explainRefusal(outcome.refusal)}`)
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
