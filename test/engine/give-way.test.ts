import { expect, it } from 'vitest'
import { createGiveWay } from '../../src/engine/give-way.ts'

/** Longer than the loop has looked at itself, in which nobody else gets a turn. */
function work(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

it('the feed is read in small turns while batches leave no time, and otherwise at once', async () => {
  let ticks = 0
  const giveWay = createGiveWay(() => ticks)
  expect(giveWay.turn()).toBe(null)

  work(20)
  ticks += 100
  expect(giveWay.turn(), 'busy with something else').toBe(null)

  for (let batch = 0; batch < 5; batch++) giveWay.onBatch()
  work(20)
  ticks += 100
  expect(giveWay.turn()).toEqual({ waitMs: 0, events: 20 })
  expect(giveWay.turn()).toEqual({ waitMs: 100, events: 20 })
  expect(giveWay.turn()).toEqual({ waitMs: 200, events: 20 })

  for (let batch = 0; batch < 5; batch++) giveWay.onBatch()
  ticks += 1_000
  await new Promise((resolve) => setTimeout(resolve, 60))
  expect(giveWay.turn(), 'batches, but time to spare').toBe(null)

  work(20)
  ticks += 100
  expect(giveWay.turn(), 'no batches').toBe(null)
})
