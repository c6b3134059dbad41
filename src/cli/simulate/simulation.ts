import { randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { planBuyer, spread } from './buyers.ts'
import { createCrowd, type Counts } from './crowd.ts'
import { createFindings, type Check } from './findings.ts'
import { createGate, type Gate } from './gate.ts'
import { createMeter, type Latency, type Meter } from './meter.ts'
import type { SimulateOptions } from './options.ts'
import type { AuditResult, Shop } from './shop.ts'
import { createTally, type Units } from './tally.ts'
import { verify, type Verified } from './verify.ts'
import { createWaitingRoom } from './waiting-room.ts'

export interface Snapshot extends Units {
  readonly onSale: number
  /** Buyers who have left, with or without. */
  readonly served: number
  readonly waiting: number
  readonly buyers: number
}

export interface SimulationResult {
  readonly ok: boolean
  readonly shop: string
  readonly options: SimulateOptions
  readonly durationMs: number
  readonly buyers: { readonly total: number } & Pick<Counts, 'bought' | 'cancelled' | 'walkedAway' | 'tooLate' | 'emptyHanded'>
  readonly units: Omit<Units, 'held'> & { readonly onSale: number; readonly oversold: number }
  readonly reservations: {
    readonly accepted: number
    readonly refused: number
    /** While at least one buyer waited for an answer. */
    readonly acceptedPerSecond: number
    readonly refusedPerSecond: number
  }
  readonly latencyMs: { readonly reserve: Latency; readonly confirm: Latency }
  readonly checks: readonly Check[]
  readonly ordersRead: number
  readonly audit: AuditResult | null
}

export interface Watch {
  readonly signal: AbortSignal
  /** Called once at the start; what it gets may be asked as often as wanted. */
  readonly onStart: (snapshot: () => Snapshot) => void
  /** The last buyer has left. */
  readonly onServed: () => void
}

/** Beyond the time to live and the patience of a request. If nobody got anything for so long, units are stuck, and that is a finding. */
const stalledMs = 40_000

/** A flash sale from opening the doors to counting the till. Throws when the shop does not answer any more, or when the signal aborts. */
export async function simulate(shop: Shop, options: SimulateOptions, { signal, onStart, onServed }: Watch): Promise<SimulationResult> {
  const runId = randomBytes(5).toString('hex')
  const ttlMs = options.ttlSeconds * 1000
  const skus = Array.from({ length: options.skus }, (_, index) => `sale-${runId}-${index + 1}`)
  const stock = spread(options.stock, skus)
  for (const [sku, units] of stock) await shop.createProduct(sku, units)

  const failing = new AbortController()
  const stop = AbortSignal.any([signal, failing.signal])
  // Every buyer who thinks or waits listens to it.
  setMaxListeners(0, stop)
  const findings = createFindings()
  const tally = createTally(stock, ttlMs, findings)
  const meter = createMeter()
  const gate = createGate(options.concurrency)
  const isStalled = (): boolean => performance.now() - crowd.lastAcceptedAt > ttlMs + stalledMs
  const room = createWaitingRoom({ shop, isStalled, signal: stop, onError: (error) => failing.abort(error) })
  const crowd = createCrowd({ shop, gate, meter, tally, room, ttlSeconds: options.ttlSeconds, runId, signal: stop })

  let served = 0
  onStart(() => ({ ...tally.unitsAt(performance.now()), onSale: options.stock, served, waiting: room.waiting, buyers: options.buyers }))
  const startedAt = performance.now()
  const visit = async (index: number): Promise<void> => {
    try {
      await crowd.visit(planBuyer(index, skus, options))
      served++
    } catch (error) {
      failing.abort(error)
    }
  }
  await Promise.race([letIn(options, gate, visit, stop), aborted(stop)])
  const durationMs = performance.now() - startedAt
  onServed()

  const verified = await verify({ shop, gate, tally, findings, ttlMs, signal: stop })
  const units = tally.unitsAt(performance.now())
  return summarise({ shop, options, durationMs, counts: crowd.counts, meter, units, checks: findings.checks(), verified })
}

interface Facts {
  readonly shop: Shop
  readonly options: SimulateOptions
  readonly durationMs: number
  readonly counts: Counts
  readonly meter: Meter
  readonly units: Units
  readonly checks: readonly Check[]
  readonly verified: Verified
}

function summarise({ shop, options, durationMs, counts, meter, units, checks, verified }: Facts): SimulationResult {
  const { accepted, refused, ...left } = counts
  const { sold, resold, cancelled, expired } = units
  const { oversold, ordersRead, audit } = verified
  const perSecond = (answers: number): number => (meter.reserveBusyMs === 0 ? 0 : Math.round((answers * 1000) / meter.reserveBusyMs))
  return {
    ok: checks.every((check) => check.broken === 0) && audit?.ok !== false,
    shop: shop.name,
    options,
    durationMs: Math.round(durationMs),
    buyers: { total: options.buyers, ...left },
    units: { onSale: options.stock, sold, resold, cancelled, expired, oversold },
    reservations: { accepted, refused, acceptedPerSecond: perSecond(accepted), refusedPerSecond: perSecond(refused) },
    latencyMs: { reserve: meter.latencyOf('reserve'), confirm: meter.latencyOf('confirm') },
    checks,
    ordersRead,
    audit,
  }
}

/** All buyers, as fast as the gate takes them: starting them all at once would keep the first ones waiting for the last one to be made up. */
async function letIn(
  { buyers, concurrency }: SimulateOptions,
  gate: Gate,
  visit: (index: number) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const visits: Promise<void>[] = []
  for (let index = 0; index < buyers && !signal.aborted; index++) {
    visits.push(visit(index))
    while (gate.waiting >= concurrency && !signal.aborted) await delay(1)
  }
  await Promise.all(visits)
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}
