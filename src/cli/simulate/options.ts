import { limits } from '../../domain/limits.ts'
import { SettingError } from '../settings.ts'

export interface SimulateOptions {
  readonly buyers: number
  /** Units on sale, spread over the skus. */
  readonly stock: number
  readonly skus: number
  /** Share of the buyers with a reservation who buy. */
  readonly confirm: number
  /** Share of them who walk away, so that the reservation expires. The rest cancel. */
  readonly abandon: number
  /** Requests in flight at most. */
  readonly concurrency: number
  readonly ttlSeconds: number
  /** Skus in one buyer's cart, at most. */
  readonly maxLines: number
  /** Decides what each buyer wants and does; who comes first is up to the run. */
  readonly seed: number
}

/** Flags as they were typed. */
export type SimulateFlags = Readonly<
  Record<'buyers' | 'stock' | 'skus' | 'confirm' | 'abandon' | 'concurrency' | 'ttl' | 'maxLines', string>
> & {
  readonly seed?: string
}

export const seedMax = 2 ** 32 - 1

/** All who wait are in memory at once, about 5 KB each: so many fit in the default heap of Node. */
const buyersMax = 200_000
const skusMax = 1_000

/** Text to checked values. Throws a `SettingError`. */
export function parseOptions(flags: SimulateFlags, randomSeed: () => number): SimulateOptions {
  const options: SimulateOptions = {
    buyers: integer('--buyers', flags.buyers, 1, buyersMax),
    stock: integer('--stock', flags.stock, 1, limits.totalStockMax),
    skus: integer('--skus', flags.skus, 1, skusMax),
    confirm: share('--confirm', flags.confirm),
    abandon: share('--abandon', flags.abandon),
    concurrency: integer('--concurrency', flags.concurrency, 1, 10_000),
    ttlSeconds: integer('--ttl', flags.ttl, 1, limits.ttlSecondsMax),
    maxLines: integer('--max-lines', flags.maxLines, 1, limits.itemsMax),
    seed: flags.seed === undefined ? randomSeed() : integer('--seed', flags.seed, 0, seedMax),
  }
  if (options.skus > options.stock)
    throw new SettingError(`--stock must be at least --skus: ${options.stock} units cannot be spread over ${options.skus} skus.`)
  if (options.confirm + options.abandon > 1 + Number.EPSILON) {
    throw new SettingError(
      `--confirm and --abandon are shares of the same buyers; together they must not exceed 1, and ${options.confirm} + ${options.abandon} does.`,
    )
  }
  return options
}

function integer(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN
  if (!(value >= min && value <= max)) throw new SettingError(`${name} must be a whole number from ${min} to ${max}, not "${text}".`)
  return value
}

function share(name: string, text: string): number {
  const value = /^(?:\d+(?:\.\d+)?|\.\d+)$/.test(text) ? Number(text) : NaN
  if (!(value >= 0 && value <= 1)) throw new SettingError(`${name} must be a share from 0 to 1, for example 0.7, not "${text}".`)
  return value
}
