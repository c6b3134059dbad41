import type { Event } from '../domain/event.ts'
import { viewEvent } from '../engine/views.ts'

/** An event as JSON, the same bytes for everybody who is told of it and each time. */
export function cloudEvent(event: Event): string {
  return JSON.stringify(viewEvent(event))
}
