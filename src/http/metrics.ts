import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { BatchReport } from '../engine/batcher.ts'

export interface Metrics {
  readonly contentType: string
  readonly text: () => Promise<string>
  /** Counted once for each batch, so that the hot path pays nothing for it. */
  readonly onBatch: (batch: BatchReport) => void
}

export function createMetrics(queueLength: () => number): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const commands = new Counter({
    name: 'holdfast_commands_total',
    help: 'Commands decided, by type and outcome (accepted, replayed, or the code of the refusal).',
    labelNames: ['type', 'outcome'],
    registers,
  })
  const batchSize = new Histogram({
    name: 'holdfast_batch_size_commands',
    help: 'Commands in one batch.',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
    registers,
  })
  const batchTime = new Histogram({
    name: 'holdfast_batch_duration_seconds',
    help: 'Time the store took for one batch.',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
    registers,
  })
  const queue: Gauge = new Gauge({
    name: 'holdfast_queue_length_commands',
    help: 'Commands that wait for the store.',
    registers,
    collect: () => queue.set(queueLength()),
  })

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    onBatch: ({ commands: batch, outcomes, elapsedMs }) => {
      batchSize.observe(batch.length)
      batchTime.observe(elapsedMs / 1000)
      const counts = new Map<string, number>()
      for (let index = 0; index < batch.length; index++) {
        const outcome = outcomes[index]!
        const label = `${batch[index]!.type} ${outcome.ok ? (outcome.replayed ? 'replayed' : 'accepted') : outcome.refusal.code}`
        counts.set(label, (counts.get(label) ?? 0) + 1)
      }
      for (const [label, count] of counts) {
        const [type = '', outcome = ''] = label.split(' ')
        commands.inc({ type, outcome }, count)
      }
    },
  }
}
