import { Gauge, type Registry } from 'prom-client'
import { faultCode } from '../domain/faults.ts'
import type { Store, VitalSigns } from '../store/port.ts'
import { createTally, registerPlain } from './plain.ts'

export interface StoreMetrics {
  /** The same store; what it fails at is counted. */
  readonly watch: (store: Store) => Store
  /** Ask the store how it is. Takes `lookMsMax` at most. */
  readonly look: () => Promise<void>
}

export interface StoreLookOptions {
  /** How long the store may take before it counts as away. */
  readonly lookMsMax: number
  readonly now: () => number
}

/** Counting takes this part of the time at most, however many reservations are active. */
const countShare = 0.02
/** What was counted is not counted again within. */
const countMsMin = 1_000
/** A count that failed says nothing of how long one takes: the store may have been away. */
const countAgainMsMax = 30_000

const watched = ['product', 'products', 'reservation', 'reservations', 'order', 'orders', 'events', 'nextDueInMs'] as const

export function storeMetrics(registry: Registry, { lookMsMax, now }: StoreLookOptions): StoreMetrics {
  const registers = [registry]
  const faults = createTally<string, string>()
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers })
  const up = gauge('holdfast_store_up', 'Whether the store answered when these metrics were asked for.')
  registerPlain(
    registry,
    { name: 'holdfast_store_faults_total', help: 'What the store failed at, by operation and code.', type: 'counter' },
    () => faults.each((operation, code, value) => ({ labels: { operation, code }, value })),
  )
  const active = gauge('holdfast_active_reservations', 'Reservations that are active, by all nodes together; counted now and then.')
  const overdue = gauge('holdfast_expiry_overdue_seconds', 'For how long the reservation that is due for longest waits to be given back.')
  const generation = gauge('holdfast_store_generation', 'How often a store in memory was loaded from its ledger.')
  const waiting = gauge('holdfast_ledger_waiting_transitions', 'Transitions that the ledger of a store in memory does not have yet.')
  // Of a store that does not tell there is nothing to show, which is something else than 0.
  const told = [active, overdue, generation, waiting]
  for (const one of told) one.reset()
  for (const one of told) one.remove()

  let store: Store | null = null
  let counted: number | null = null
  let counting: Promise<void> | null = null
  let countAgainAt = -Infinity

  return {
    watch: (given) => {
      store = given
      return watchStore(given, (operation, error) => {
        const code = faultCode(error) ?? 'internal'
        // Whoever asks with a bad cursor, or after the end, is no fault of the store.
        if (code !== 'invalid_cursor' && code !== 'closed') faults.add(operation, code)
      })
    },
    look: async () => {
      if (store === null) return
      const { vitals } = store
      count(store)
      const signs = await within(lookMsMax, vitals === undefined ? store.nextDueInMs().then(() => null) : vitals.read())
      await within(lookMsMax, counting ?? Promise.resolve())
      show(signs)
    },
  }

  function show(signs: VitalSigns | null | 'away'): void {
    up.set(signs === 'away' ? 0 : 1)
    for (const one of told) one.remove()
    if (counted !== null) active.set(counted)
    if (signs === null || signs === 'away') return
    overdue.set(signs.overdueMs / 1_000)
    if (signs.generation !== null) generation.set(signs.generation)
    if (signs.waitingForLedger !== null) waiting.set(signs.waitingForLedger)
  }

  /** Goes on by itself where it takes long; the next look shows it. */
  function count({ vitals }: Store): void {
    if (vitals === undefined || counting !== null || now() < countAgainAt) return
    const startedAt = now()
    counting = vitals
      .countActive()
      .then(
        (found) => void (counted = found),
        () => void (counted = null),
      )
      .finally(() => {
        const waitMs = Math.max(countMsMin, (now() - startedAt) / countShare)
        countAgainAt = now() + (counted === null ? Math.min(waitMs, countAgainMsMax) : waitMs)
        counting = null
      })
  }
}

async function within<Value>(ms: number, asked: Promise<Value>): Promise<Value | 'away'> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<'away'>((resolve) => (timer = setTimeout(() => resolve('away'), ms)))
  return Promise.race([asked.catch((): 'away' => 'away'), tooLate]).finally(() => clearTimeout(timer))
}

/** What it rejects with goes to its caller as before. */
function watchStore(store: Store, onFault: (operation: string, error: unknown) => void): Store {
  const watch = <Values extends readonly unknown[], Answer>(operation: string, method: (...values: Values) => Promise<Answer>) => {
    const fail = (error: unknown): void => onFault(operation, error)
    return (...values: Values): Promise<Answer> => {
      const answer = method(...values)
      answer.catch(fail)
      return answer
    }
  }
  const reads = Object.fromEntries(watched.map((name) => [name, watch(name, store[name] as (...values: unknown[]) => Promise<unknown>)]))
  const { countRequests } = store
  return {
    ...store,
    ...reads,
    execute: watch('execute', (...given: Parameters<Store['execute']>) => store.execute(...given)),
    ...(countRequests !== undefined && { countRequests: watch('countRequests', countRequests) }),
  }
}
