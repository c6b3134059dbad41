import { randomInt } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { nameStore } from '../store/open.ts'
import type { StoreFlags } from '../config.ts'
import { exitCodes, Failure } from './failure.ts'
import { parseOptions, seedMax, type SimulateFlags, type SimulateOptions } from './simulate/options.ts'
import { createProgress } from './simulate/progress.ts'
import { renderResult } from './simulate/report.ts'
import type { Shop } from './simulate/shop.ts'
import { connectShop } from './simulate/shop-over-http.ts'
import { simulate, type SimulationResult } from './simulate/simulation.ts'

type Flags = SimulateFlags & StoreFlags & { readonly url?: string; readonly json?: boolean }

/** Long enough for a service that was killed in the middle of the sale to be started again. */
const patienceMs = 30_000

export function addSimulate(program: Command): void {
  const command = program
    .command('simulate')
    .description('Hold a flash sale with real concurrency and check every promise from the buyers’ side. Exits with 1 if one broke.')
    .option('--buyers <n>', 'people who want something', '20000')
    .option('--stock <n>', 'units on sale, spread over the skus', '500')
    .option('--skus <n>', 'products on sale', '3')
    .option('--confirm <share>', 'share of the buyers with a reservation who buy', '0.7')
    .option('--abandon <share>', 'share of them who walk away; the rest cancel', '0.2')
    .option('--concurrency <n>', 'requests in flight at most', '500')
    .option('--ttl <seconds>', 'how long a reservation lasts', '2')
    .option('--max-lines <n>', 'products in one cart, at most', '2')
    .option('--seed <n>', 'repeat the crowd of an earlier run (default: a new one)')
    .option('--store <url>', 'a store to use and keep (default: a temporary SQLite file)')
    .option('--ledger <url>', 'of a store in Redis: where its sales are kept')
    .option('--url <address>', 'a running service to buy from instead, for example http://127.0.0.1:3000')
    .option('--json', 'print one JSON object')
    .action(async (flags: Flags) => {
      if (flags.store !== undefined && flags.url !== undefined) command.error('Give --store or --url, not both.')
      if (flags.ledger !== undefined && flags.store === undefined && flags.url === undefined) {
        command.error('--ledger goes with a store in Redis; name that with --store redis://host:port.')
      }
      await run(flags)
    })
}

async function run(flags: Flags): Promise<void> {
  const options = parseOptions(flags, () => randomInt(seedMax + 1))
  const interrupt = new AbortController()
  const onSignal = (): void => interrupt.abort(new Failure(`Interrupted. The crowd was --seed ${options.seed}.`))
  // Every request that is being repeated listens to it.
  setMaxListeners(0, interrupt.signal)
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.on(signal, onSignal)
  try {
    const result = await withShop(flags, options, interrupt.signal, (shop) => hold(shop, options, interrupt.signal))
    process.stdout.write(flags.json === true ? `${JSON.stringify(result)}\n` : renderResult(result))
    if (!result.ok) process.exitCode = exitCodes.failed
  } finally {
    for (const signal of signals) process.off(signal, onSignal)
  }
}

async function hold(shop: Shop, options: SimulateOptions, signal: AbortSignal): Promise<SimulationResult> {
  const progress = createProgress()
  try {
    return await simulate(shop, options, { signal, onStart: (snapshot) => progress.start(snapshot), onServed: () => progress.stop() })
  } finally {
    progress.stop()
  }
}

type Work = (shop: Shop) => Promise<SimulationResult>

/** The shop that the flags name, closed afterwards; a temporary file is gone afterwards, whatever happened. */
async function withShop(
  { store, ledger, url }: Flags,
  { concurrency }: SimulateOptions,
  signal: AbortSignal,
  work: Work,
): Promise<SimulationResult> {
  const patience = { patienceMs, signal }
  if (url !== undefined) return using(await connectShop(url, { connectionsMax: concurrency, ...patience }), work)
  // Loaded here, so that a mistyped flag is answered at once.
  const { openShop } = await import('./simulate/shop-in-process.ts')
  if (store !== undefined) return using(await openShop({ storeUrl: store, ledgerUrl: ledger }, nameStore(store, ledger), patience), work)
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-simulate-'))
  try {
    return await using(
      await openShop({ storeUrl: `sqlite:${join(folder, 'sale.db')}`, ledgerUrl: undefined }, 'a temporary SQLite file', patience),
      work,
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function using(shop: Shop, work: Work): Promise<SimulationResult> {
  try {
    return await work(shop)
  } finally {
    await shop.close()
  }
}
