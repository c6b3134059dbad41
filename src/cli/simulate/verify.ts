import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Findings } from './findings.ts'
import type { Gate } from './gate.ts'
import type { AuditResult, Shop, StockView } from './shop.ts'
import type { Tally } from './tally.ts'

export interface VerifyOptions {
  readonly shop: Shop
  readonly gate: Gate
  readonly tally: Tally
  readonly findings: Findings
  readonly ttlMs: number
  readonly signal: AbortSignal
}

export interface Verified {
  /** Units in acknowledged orders beyond what was on sale. */
  readonly oversold: number
  readonly ordersRead: number
  readonly audit: AuditResult | null
}

/** After the last buyer has left: hold what the shop says now against what the buyers were told. */
export async function verify({ shop, gate, tally, findings, ttlMs, signal }: VerifyOptions): Promise<Verified> {
  const oversold = checkSales(tally, findings)
  await Promise.all(
    Array.from(tally.stock.keys(), async (sku) => checkStock(sku, await settled(shop, sku, ttlMs, signal), tally, findings)),
  )
  await Promise.all(
    Array.from(tally.orders.values(), (given) =>
      gate.pass(async () => {
        const found = await shop.order(given.id)
        if (found === null) findings.add('O1', `order ${given.id} is not there any more.`)
        else if (!isDeepStrictEqual(found, given)) findings.add('O1', `order ${given.id} reads otherwise than it was given.`)
      }),
    ),
  )
  return { oversold, ordersRead: tally.orders.size, audit: await shop.audit() }
}

/** S6 from the list of orders itself, and S9. */
export function checkSales(tally: Tally, findings: Findings): number {
  const sold = new Map<string, number>()
  for (const { items } of tally.orders.values()) {
    for (const { sku, quantity } of items) sold.set(sku, (sold.get(sku) ?? 0) + quantity)
  }
  let oversold = 0
  for (const [sku, total] of tally.stock) {
    const units = sold.get(sku) ?? 0
    oversold += Math.max(0, units - total)
    if (units > total) findings.add('S6', `${sku}: ${units} units in acknowledged orders of ${total} on sale.`)
    if (units < total && tally.wanting.has(sku)) findings.add('S9', `${sku}: ${units} of ${total} sold, and buyers were sent away.`)
  }
  return oversold
}

export function checkStock(sku: string, { total, reserved, sold }: StockView, tally: Tally, findings: Findings): void {
  const soldToBuyers = tally.soldOf(sku)
  if (total !== tally.stock.get(sku))
    findings.add('S2', `${sku}: the shop says ${total} were on sale, it was given ${tally.stock.get(sku)}.`)
  if (sold !== soldToBuyers) findings.add('S2', `${sku}: the shop says ${sold} sold, buyers were given ${soldToBuyers}.`)
  if (reserved !== 0) findings.add('S2', `${sku}: ${reserved} units are still reserved, although nobody can hold a reservation any more.`)
}

const pauseMsMax = 250
/** Beyond the time to live: for a timer that is late and a clock that differs. */
const patienceMs = 2_000

/** The stock once the last reservation of those who walked away has run out. */
async function settled(shop: Shop, sku: string, ttlMs: number, signal: AbortSignal): Promise<StockView> {
  const startedAt = performance.now()
  for (;;) {
    const stock = await shop.stock(sku)
    if (stock.reserved === 0 || performance.now() - startedAt > ttlMs + patienceMs) return stock
    await delay(Math.min(Math.max(stock.nextReleaseInMs ?? pauseMsMax, 10), pauseMsMax), undefined, { signal })
  }
}
