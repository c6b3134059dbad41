import { expect, it } from 'vitest'
import { eventTypes } from '../../src/domain/event.ts'

it('every type of event is named once, after a thing and what happened to it', () => {
  expect(new Set(eventTypes).size).toBe(eventTypes.length)
  for (const type of eventTypes) expect(type).toMatch(/^(?:reservation|order|stock|product)\.[a-z_]+$/)
})
