import { createHash } from 'node:crypto'
import type { Idempotency } from '../../domain/command.ts'
import { Fault } from '../../domain/faults.ts'
import { idempotencyWindowMs } from '../../domain/limits.ts'
import { newId } from '../../engine/ids.ts'
import type { Clock } from '../../store/clock.ts'
import type { Note, Notes } from '../../store/port.ts'
import { webhooksMax, type Webhook } from './webhook.ts'

/** What a request was answered, to be given again under its idempotency key. */
export interface Said {
  readonly status: number
  /** JSON, or nothing. */
  readonly body: string
}

export type Told =
  | { readonly ok: true; readonly id: string; readonly said: Said; readonly replayed: boolean }
  | { readonly ok: false; readonly code: 'webhook_not_found' | 'webhook_limit_exceeded' | 'idempotency_key_reused' }

interface Stored {
  readonly webhook: Webhook
  /** Epoch milliseconds. One that was deleted is kept for a day: for those who repeat their requests, and until every node knows. */
  readonly deletedAt: number | null
  readonly answers: readonly Remembered[]
}

export interface Entry extends Stored {
  /** Of the note. */
  readonly version: string
}

interface Remembered extends Idempotency {
  readonly at: number
  readonly said: Said
}

/** The webhooks of a shop, one note each. Everything may throw `store_unavailable`; repeating is then safe with an idempotency key. */
export interface Kept {
  /** Also those that were deleted. */
  readonly entries: () => Promise<readonly Entry[]>
  /** Newest first. */
  readonly list: () => Promise<readonly Webhook[]>
  readonly get: (id: string) => Promise<Webhook | null>
  /** The answer that this key was given before; null: it is a new one. */
  readonly remembered: (key: Idempotency | null) => Promise<Told | null>
  readonly create: (key: Idempotency | null, make: (id: string) => Webhook, say: (webhook: Webhook) => Said) => Promise<Told>
  /** What `edit` gives is kept, with the answer, in one write; null deletes. It is called again when somebody else was faster. */
  readonly change: (
    id: string,
    key: Idempotency | null,
    edit: (webhook: Webhook) => Webhook | null,
    say: (webhook: Webhook) => Said,
  ) => Promise<Told>
  /** Whether it was deleted so long ago that nobody repeats a request any more. */
  readonly isOver: (entry: Entry) => boolean
  /** Unless somebody has removed or changed it meanwhile. */
  readonly forget: (entry: Entry) => Promise<void>
}

const prefix = 'webhook/'
/** Beside the first, which says how the webhook was made. */
const answersMax = 10
/** Of those that were deleted; the oldest go first. */
const deletedMax = 100
const attemptsMax = 10

export function createKept(notes: Notes, now: Clock): Kept {
  const entries = async (): Promise<readonly Entry[]> => (await notes.list(prefix)).map(readEntry)
  const read = async (id: string): Promise<Entry | null> => {
    const note = isId(id) ? await notes.read(prefix + id) : null
    return note === null ? null : readEntry(note)
  }

  /** Of all webhooks, because a key that was used with one of them cannot be used with another. */
  const answerIn = (all: readonly Entry[], key: Idempotency | null): Told | null => {
    for (const { webhook, answers } of key === null ? [] : all) {
      const found = answers.find((one) => one.scope === key?.scope && one.key === key.key && isYoung(one))
      if (found === undefined) continue
      if (found.fingerprint !== key?.fingerprint) return { ok: false, code: 'idempotency_key_reused' }
      return { ok: true, id: webhook.id, said: found.said, replayed: true }
    }
    return null
  }
  const isYoung = ({ at }: Remembered): boolean => at + idempotencyWindowMs > now()

  const withAnswer = (answers: readonly Remembered[], key: Idempotency | null, said: Said): readonly Remembered[] => {
    const young = answers.filter(isYoung)
    if (key === null) return young
    return [...young.slice(0, 1), ...young.slice(1).slice(1 - answersMax), { ...key, at: now(), said }]
  }

  /** Try again when somebody else was faster, until it is decided. */
  const decide = async (attempt: () => Promise<Told | null>): Promise<Told> => {
    for (let attempts = 0; attempts < attemptsMax; attempts++) {
      const told = await attempt()
      if (told !== null) return told
    }
    throw new Fault('store_unavailable', `Others have changed this webhook ${attemptsMax} times meanwhile; nothing was done.`)
  }

  const forgetOldest = async (): Promise<void> => {
    const deleted = (await entries()).filter((entry) => !isThere(entry)).toSorted((a, b) => (b.deletedAt ?? 0) - (a.deletedAt ?? 0))
    for (const entry of deleted.slice(deletedMax)) await forget(entry)
  }
  const forget = async ({ webhook, version }: Entry): Promise<void> => {
    await notes.write(prefix + webhook.id, null, version)
  }

  return {
    entries,
    list: async () =>
      (await entries())
        .filter(isThere)
        .map(({ webhook }) => webhook)
        .toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1)),
    get: async (id) => {
      const entry = await read(id)
      return entry !== null && isThere(entry) ? entry.webhook : null
    },
    remembered: async (key) => (key === null ? null : answerIn(await entries(), key)),

    create: (key, make, say) =>
      decide(async () => {
        const all = await entries()
        const before = answerIn(all, key)
        if (before !== null) return before
        // Those that are made in the same moment may be a few more: the limit is against a program that goes on and on.
        if (all.filter(isThere).length >= webhooksMax) return { ok: false, code: 'webhook_limit_exceeded' }
        const id = freeId(all, key)
        const webhook = make(id)
        const said = say(webhook)
        const entry: Stored = { webhook, deletedAt: null, answers: withAnswer([], key, said) }
        const version = await notes.write(prefix + id, JSON.stringify(entry), null)
        return version === null ? null : { ok: true, id, said, replayed: false }
      }),

    change: (id, key, edit, say) =>
      decide(async () => {
        // With a key all in one look: an equal request that was faster is seen here, or by the version that it has left.
        const all = key === null ? [await read(id)].filter((one) => one !== null) : await entries()
        const before = answerIn(all, key)
        if (before !== null) return before
        const entry = all.find(({ webhook }) => webhook.id === id)
        if (entry === undefined || !isThere(entry)) return { ok: false, code: 'webhook_not_found' }
        const edited = edit(entry.webhook)
        const webhook = edited ?? { ...entry.webhook, secrets: [] }
        const said = say(webhook)
        if (edited === entry.webhook && key === null) return { ok: true, id, said, replayed: false }
        const changed: Stored = { webhook, deletedAt: edited === null ? now() : null, answers: withAnswer(entry.answers, key, said) }
        if (edited === null) await forgetOldest()
        const version = await notes.write(prefix + id, JSON.stringify(changed), entry.version)
        return version === null ? null : { ok: true, id, said, replayed: false }
      }),

    isOver: ({ deletedAt }) => deletedAt !== null && deletedAt + idempotencyWindowMs <= now(),
    forget,
  }
}

function readEntry({ value, version }: Note): Entry {
  return { ...(JSON.parse(value) as Stored), version }
}

function isThere({ deletedAt }: Entry): boolean {
  return deletedAt === null
}

/** Of equal requests at the same moment only one can write the note of this name. Where one has it already, that was made with the same key more than a day ago. */
function freeId(all: readonly Entry[], key: Idempotency | null): string {
  if (key === null) return newId()
  const taken = new Set(all.map(({ webhook }) => webhook.id))
  for (let turn = 0; ; turn++) {
    const id = idOf(key, turn)
    if (!taken.has(id)) return id
  }
}

/** What a path names may be anything. */
function isId(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
}

/** A UUID of version 8 (RFC 9562): one's own. */
function idOf({ scope, key }: Idempotency, turn: number): string {
  const hex = createHash('sha256')
    .update(JSON.stringify([scope, key, turn]))
    .digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `9${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-')
}
