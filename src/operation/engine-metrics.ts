import { Gauge, type Registry } from 'prom-client'
import type { Command } from '../domain/command.ts'
import type { BatchReport, FaultReport } from '../engine/batcher.ts'
import type { Sweep } from '../engine/expiry.ts'
import { createBuckets, createTally, registerPlain } from './plain.ts'

/** What the engine tells whoever watches it, see `EngineOptions`. Counted once for each batch, so that the hot path pays nothing for it. */
export interface EngineMetrics {
  readonly onBatch: (batch: BatchReport) => void
  readonly onFault: (fault: FaultReport) => void
  readonly onSweep: (sweep: Sweep) => void
}

export function engineMetrics(registry: Registry, queueLength: () => number): EngineMetrics {
  const commands = createTally<Command['type'], string>()
  const batchSizes = createBuckets([1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000])
  const batchSeconds = createBuckets([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5])
  const lagSeconds = createBuckets([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60])
  let expired = 0
  // There from the beginning, because there is an alarm for it.
  commands.add('reserve', 'overloaded', 0)

  registerPlain(
    registry,
    {
      name: 'holdfast_commands_total',
      help: 'Commands, by type and outcome: accepted, replayed, the code of the refusal, or of the fault that its caller was told.',
      type: 'counter',
    },
    () => commands.each((type, outcome, value) => ({ labels: { type, outcome }, value })),
  )
  histogram('holdfast_batch_size_commands', 'Commands in one batch.', batchSizes)
  histogram('holdfast_batch_duration_seconds', 'Time the store took for one batch.', batchSeconds)
  const queue: Gauge = new Gauge({
    name: 'holdfast_queue_length_commands',
    help: 'Commands that wait for the store.',
    registers: [registry],
    collect: () => queue.set(queueLength()),
  })
  registerPlain(
    registry,
    { name: 'holdfast_expired_reservations_total', help: 'Reservations that the timer of this node gave back.', type: 'counter' },
    () => [{ labels: {}, value: expired }],
  )
  histogram('holdfast_expiry_lag_seconds', 'How late the timer of this node gave back what was due, by the last of each time.', lagSeconds)

  function histogram(name: string, help: string, buckets: typeof batchSizes): void {
    registerPlain(registry, { name, help, type: 'histogram' }, () => buckets.samples(name))
  }

  return {
    onBatch: ({ commands: batch, outcomes, elapsedMs }) => {
      batchSizes.observe(batch.length)
      batchSeconds.observe(elapsedMs / 1_000)
      for (let index = 0; index < batch.length; index++) {
        const outcome = outcomes[index]!
        commands.add(batch[index]!.type, outcome.ok ? (outcome.replayed ? 'replayed' : 'accepted') : outcome.refusal.code)
      }
    },
    onFault: ({ commands: batch, code }) => {
      for (const { type } of batch) commands.add(type, code)
    },
    onSweep: (sweep) => {
      expired += sweep.expired
      lagSeconds.observe(sweep.lagMs / 1_000)
    },
  }
}
