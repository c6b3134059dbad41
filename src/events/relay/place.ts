import type { Note, Notes } from '../../store/port.ts'
import type { Parked } from './pending.ts'
import type { Time } from './time.ts'

/** How far a consumer has come, and which node tells it. */
export interface Position {
  /** null: nobody does. */
  readonly node: string | null
  readonly position: string | null
  readonly parked: readonly Parked[]
  /** The tag of the last replay that was begun. */
  readonly replayed: string | null
}

/** The place of one consumer in a note, which one node at a time holds. */
export interface Place {
  /** Takes the place if nobody holds it, or nobody has written to it for too long. null: somebody else holds it, or it was there and has been removed. */
  readonly take: (beginAt: string | null) => Promise<Position | null>
  /** False: somebody else has taken the place, or it is gone. Throws what the store throws; then nobody knows. */
  readonly save: (position: Position) => Promise<boolean>
  /** How long ago the place was surely held, by the clock of this process. */
  readonly heldMsAgo: () => number
}

/** Who holds a place writes to it so often, whether anything has changed or not. */
export const beatMs = 5_000
/** Who has not been able to for so long must stop, */
export const holdMsMax = 10_000
/** before anybody else may take it. */
export const abandonedMs = 15_000

export interface PlaceOptions {
  readonly notes: Pick<Notes, 'write' | 'read'>
  readonly name: string
  readonly node: string
  /** Whether other processes may use the store: nobody else holds a place where there is nobody else. */
  readonly isShared: boolean
  readonly time: Time
}

/**
 * Each write by its holder changes the version of the note; whoever sees the same version for long enough by its own clock takes the place by writing over that version. No clocks
 * of different machines are compared. A holder that was paused finds that its own version is not there any more, and stops.
 */
export function createPlace({ notes, name, node, isShared, time }: PlaceOptions): Place {
  let version: string | null = null
  let heldAt = -Infinity
  let seen: string | null = null
  let seenAt = 0

  const write = async (position: Position, over: string | null): Promise<boolean> => {
    const at = time.ticks()
    const written = await notes.write(name, JSON.stringify(position), over)
    if (written === null) return false
    version = written
    heldAt = at
    return true
  }

  return {
    take: async (beginAt) => {
      const note = await notes.read(name)
      // Somebody has removed the consumer, which this node will hear of: it must not begin from the beginning until then.
      if (note === null && (version !== null || seen !== null)) return null
      const found = note === null ? { node: null, position: beginAt, parked: [], replayed: null } : readPosition(note)
      if (note !== null && isShared && found.node !== null && found.node !== node) {
        if (note.version !== seen) {
          seen = note.version
          seenAt = time.ticks()
        }
        if (time.ticks() - seenAt < abandonedMs) return null
      }
      const taken = { ...found, node }
      return (await write(taken, note?.version ?? null)) ? taken : null
    },
    save: async (position) => {
      if (await write(position, version)) return true
      // A write whose answer was lost may have been done: then the place is still held by this node.
      const note = await notes.read(name)
      return note !== null && readPosition(note).node === node && write(position, note.version)
    },
    heldMsAgo: () => time.ticks() - heldAt,
  }
}

function readPosition(note: Note): Position {
  return JSON.parse(note.value) as Position
}
