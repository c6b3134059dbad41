import type { Metric, Registry } from 'prom-client'

/**
 * Metrics that are counted with every request, in plain numbers: those of prom-client cost a hash of their labels each time. They become samples only when somebody asks.
 */

export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  /** Where it is not that of the metric: `_bucket`, `_sum` and `_count` of a histogram. */
  readonly metricName?: string
}

interface Described {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'histogram'
}

export function registerPlain(registry: Registry, described: Described, samples: () => readonly Sample[]): void {
  // All that a registry asks of a metric; its type names the classes of prom-client, which count by themselves.
  const metric = {
    ...described,
    aggregator: 'sum',
    get: async () => ({ ...described, aggregator: 'sum', values: samples() }),
    reset: () => {},
  }
  registry.registerMetric(metric as unknown as Metric)
}

/** Counts by two words, of which there are few. */
export interface Tally<First extends string, Second extends string | number> {
  readonly add: (first: First, second: Second, count?: number) => void
  readonly each: <Value>(view: (first: First, second: Second, count: number) => Value) => Value[]
}

export function createTally<First extends string, Second extends string | number>(): Tally<First, Second> {
  const counts = new Map<First, Map<Second, number>>()
  return {
    add: (first, second, count = 1) => {
      let inner = counts.get(first)
      if (inner === undefined) counts.set(first, (inner = new Map()))
      inner.set(second, (inner.get(second) ?? 0) + count)
    },
    each: (view) => [...counts].flatMap(([first, inner]) => Array.from(inner, ([second, count]) => view(first, second, count))),
  }
}

export interface Buckets {
  readonly observe: (value: number) => void
  readonly samples: (name: string, labels?: Sample['labels']) => Sample[]
}

/** `bounds` from low to high. */
export function createBuckets(bounds: readonly number[]): Buckets {
  const counts = Array.from(bounds, () => 0)
  let count = 0
  let sum = 0
  return {
    observe: (value) => {
      count++
      sum += value
      for (let index = 0; index < bounds.length; index++) {
        if (value > bounds[index]!) continue
        counts[index]!++
        return
      }
    },
    samples: (name, labels = {}) => {
      let below = 0
      return [
        ...bounds.map((le, index) => ({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: (below += counts[index]!) })),
        { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count },
        { metricName: `${name}_sum`, labels, value: sum },
        { metricName: `${name}_count`, labels, value: count },
      ]
    },
  }
}
