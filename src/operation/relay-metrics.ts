import { Gauge, type Registry } from 'prom-client'
import type { RelayStatus } from '../events/relay/relay.ts'
import { createTally, registerPlain } from './plain.ts'

/** Consumers whose names begin with the same word before a slash, as webhooks do. */
function kindOf({ name }: RelayStatus): string {
  return name.split('/', 1)[0]!
}

/** What /readyz says of the consumers that this node tells: a kind rests when all of it does, or when it cannot be reached. */
export function partsOf(relays: readonly RelayStatus[], away: readonly string[] = []): Record<string, string> {
  const kinds = byKind(relays.filter(({ isOwner }) => isOwner))
  const parts = Array.from(kinds, ([kind, ones]) => [kind, ones.every(isResting) ? 'resting' : 'ready'] as const)
  return Object.fromEntries([...parts, ...away.map((kind) => [kind, 'resting'] as const)])
}

function isResting({ restingForMs }: RelayStatus): boolean {
  return restingForMs !== null
}

/** Shown together, because each of ten thousand webhooks with a name of its own would be a series for ever; the API tells of each. */
export function relayMetrics(registry: Registry, relays: () => readonly RelayStatus[]): void {
  const registers = [registry]
  const gauge = (name: string, help: string, valueOf: (ones: readonly RelayStatus[]) => number | null): void => {
    const made: Gauge = new Gauge({
      name,
      help,
      labelNames: ['kind'],
      registers,
      collect: () => {
        made.reset()
        for (const [kind, ones] of byKind(relays().filter(({ isOwner }) => isOwner))) {
          const value = valueOf(ones)
          if (value !== null) made.set({ kind }, value)
        }
      },
    })
  }
  gauge('holdfast_relay_consumers', 'Consumers of the feed that this node sends to, by kind.', (ones) => ones.length)
  gauge(
    'holdfast_relay_lag_seconds',
    'How old the oldest event is that a consumer was not told yet, of the one that is furthest behind.',
    (ones) => {
      const lags = ones.flatMap(({ lagMs }) => lagMs ?? [])
      return lags.length === 0 ? null : Math.max(...lags) / 1_000
    },
  )
  gauge(
    'holdfast_relay_resting_consumers',
    'Consumers that are not sent to for a while, because all failed.',
    (ones) => ones.filter(isResting).length,
  )
  gauge('holdfast_relay_parked_events', 'Events that failed and wait for their next attempt, and those behind them.', (ones) =>
    sum(ones.map(({ parked }) => parked)),
  )
  const deliveries = createDeliveries()
  registerPlain(
    registry,
    {
      name: 'holdfast_relay_deliveries_total',
      help: 'Attempts to tell a consumer of an event, by outcome: sent, failed, and of those that failed given_up.',
      type: 'counter',
    },
    () => {
      deliveries.look(relays())
      return deliveries.tally.each((kind, outcome, value) => ({ labels: { kind, outcome }, value }))
    },
  )
}

/** What all consumers of a kind add up to, those that were removed with them: a counter does not fall. */
function createDeliveries() {
  const tally = createTally<string, string>()
  let last = new Map<string, RelayStatus>()
  return {
    tally,
    look: (relays: readonly RelayStatus[]): void => {
      for (const one of relays) {
        const before = last.get(one.name)
        for (const [counted, outcome] of counters) {
          // Less than before: it was removed and added again.
          const known = before === undefined || one[counted] < before[counted] ? 0 : before[counted]
          tally.add(kindOf(one), outcome, one[counted] - known)
        }
      }
      last = new Map(relays.map((one) => [one.name, one]))
    },
  }
}

const counters = [
  ['sent', 'sent'],
  ['failed', 'failed'],
  ['givenUp', 'given_up'],
] as const

function byKind(all: readonly RelayStatus[]): Map<string, RelayStatus[]> {
  const kinds = new Map<string, RelayStatus[]>()
  for (const one of all) {
    const kind = kindOf(one)
    const ones = kinds.get(kind)
    if (ones === undefined) kinds.set(kind, [one])
    else ones.push(one)
  }
  return kinds
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
