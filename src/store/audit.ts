import { cursorExpired, faultCode } from '../domain/faults.ts'
import { explainPairs, explainSku } from './audit/explain.ts'
import { createFindings, type Finding } from './audit/findings.ts'
import { createFold } from './audit/fold.ts'
import { judgeCounters, judgeEvents, look, type Look, type Progress } from './audit/look.ts'
import type { Store } from './port.ts'

export interface AuditReport {
  /** Nothing was found. */
  readonly ok: boolean
  readonly products: number
  readonly reservations: number
  readonly orders: number
  readonly events: number
  readonly findings: readonly Finding[]
  /** Skus that changed whenever they were looked at, and so are not judged in full. Empty while nobody else uses the store. */
  readonly unsettled: readonly string[]
}

export interface AuditOptions {
  readonly onProgress?: Progress
}

/** A store in use may change during every look; give up after so many. */
const looksMax = 5
/** And where events and reservations are removed faster than they are read. */
const beginningsMax = 3

/**
 * Explain every unit: fold the events, add up the rows, and compare both with the counters (S1–S4, H1, O2, O3). It only reads, and knows nothing
 * but the port. Memory grows with the products and with what is active now, not with what ever was. Throws the faults of the store; safe to repeat.
 */
export async function audit(store: Store, { onProgress = () => {} }: AuditOptions = {}): Promise<AuditReport> {
  for (let beginnings = 1; ; beginnings++) {
    try {
      return await auditOnce(store, onProgress)
    } catch (error) {
      if (faultCode(error) !== 'cursor_expired' || beginnings === beginningsMax) throw error
    }
  }
}

/** Throws `cursor_expired` when so much was removed meanwhile that what was read before does not go with what was read later. */
async function auditOnce(store: Store, onProgress: Progress): Promise<AuditReport> {
  const findings = createFindings()
  const removed = (await store.retention?.removed())?.events ?? null
  const fold = createFold(store, findings, removed)
  const readOn = (): Promise<number> => fold.readOn((done) => onProgress({ phase: 'events', done }))
  await readOn()

  let seen: Look
  let isQuiet: boolean
  let looks = 0
  do {
    seen = await look(store, fold, onProgress)
    isQuiet = (await readOn()) === 0
    looks++
  } while (looks < looksMax && !(isQuiet && sameStock(seen)))

  const unsettled: string[] = []
  for (const sku of new Set([...seen.before.keys(), ...seen.after.keys()])) {
    if (seen.before.get(sku)?.version === seen.after.get(sku)?.version) judgeCounters(seen, sku, findings)
    else unsettled.push(sku)
  }
  if (isQuiet) {
    for (const sku of new Set([...seen.after.keys(), ...fold.stock.keys()])) judgeEvents(seen, fold, sku, findings)
    for (const line of seen.disagreements) findings.row('H1', line)
    await judgePairs(seen)
  }
  const later = await store.retention?.removed()
  // The rows were all there that the events tell of, unless their ends are later than those events that were removed before.
  if (later?.events != null && later.reservationsTime > fold.since) throw cursorExpired(removed?.cursor ?? '0', later.events.cursor)
  const list = await findings.list((sku) => explainSku(store, fold, sku))
  return {
    ok: list.length === 0,
    products: seen.after.size,
    reservations: seen.reservationCount,
    orders: seen.orderCount,
    events: fold.eventCount,
    findings: list,
    unsettled,
  }

  async function judgePairs(rows: Look): Promise<void> {
    const differing = (['ended', 'confirmed', 'placed', 'cancelledOrders'] as const).filter((name) => !rows[name].equals(fold[name]))
    if (differing.length === 0 && rows.everConfirmed.equals(rows.everPlaced)) return
    onProgress({ phase: 'explanation', done: 0 })
    await explainPairs(store, fold, findings)
    for (const name of differing) {
      const promise = name === 'ended' ? 'H1' : 'O3'
      // A row of which no event ever told cannot be found from the events; that it is there can.
      if (!findings.has(promise)) findings.row(promise, `${name}: ${fold[name].count} by the events, ${rows[name].count} in the rows`)
    }
  }
}

/** Nothing became due between the two readings. */
function sameStock({ before, after }: Look): boolean {
  for (const [sku, { version, reserved }] of after) {
    const first = before.get(sku)
    if (first?.version !== version || first.reserved !== reserved) return false
  }
  return true
}
