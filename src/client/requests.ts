import type { Outcome } from '../domain/command.ts'
import { Fault } from '../domain/faults.ts'
import { completeQuery, type Page, type PageQuery } from '../domain/pages.ts'
import type { RefusalCode } from '../domain/refusals.ts'
import type { Request } from './exchange.ts'
import { readPage } from './read.ts'

export type Read<Thing> = (json: unknown) => Thing

export interface Write<Thing> {
  readonly method?: 'POST' | 'PATCH'
  readonly path: string
  readonly input: object
  readonly read: Read<Thing>
}

export function writeRequest<Thing>(
  { method = 'POST', path, input, read }: Write<Thing>,
  idempotencyKey: string | undefined,
): Request<Outcome<Thing>> {
  return {
    method,
    path,
    body: writeJson(input),
    // The same for all attempts, so that they have one effect.
    idempotencyKey: idempotencyKey ?? randomKey(),
    read: ({ status, json, isReplay }) => ({
      ok: true,
      value: read(json),
      created: status === 201,
      // With a key made here only an earlier attempt can have been first, and the caller has not heard of that.
      replayed: isReplay && idempotencyKey !== undefined,
    }),
    refused: (refusal) => ({ ok: false, refusal }),
  }
}

/** A thing by its name; null when it is refused with `missing`. */
export function readRequest<Thing>(path: string, read: Read<Thing>, missing: RefusalCode): Request<Thing | null> {
  return { method: 'GET', path, read: ({ json }) => read(json), refused: ({ code }) => (code === missing ? null : undefined) }
}

export interface List<Item> {
  readonly path: string
  readonly query: Partial<PageQuery>
  readonly filter?: Readonly<Record<string, string | null>>
  readonly readItem: Read<Item>
  /** What the cursor is called in the URL. */
  readonly cursorName?: string
}

export function listRequest<Item>({ path, query, filter = {}, readItem, cursorName = 'cursor' }: List<Item>): Request<Page<Item>> {
  const { limit, cursor } = completeQuery(query)
  const search = new URLSearchParams({ limit: String(limit) })
  if (cursor !== null) search.set(cursorName, cursor)
  for (const [name, value] of Object.entries(filter)) if (value !== null) search.set(name, value)
  return {
    method: 'GET',
    path: `${path}?${search.toString()}`,
    read: ({ json }) => readPage(json, readItem),
    refused: (refusal) => {
      if (refusal.code !== 'validation_failed' || refusal.errors[0]?.path !== cursorName) return undefined
      throw new Fault('invalid_cursor', `"${cursor}" is not a cursor of this list; use the nextCursor of the page before.`)
    },
  }
}

/**
 * An id or sku as part of a path. What no path can carry is asked for as a space, which names nothing: '.' and '..' are steps, however they are
 * escaped, and half a surrogate pair has no UTF-8.
 */
export function segmentOf(name: string): string {
  const isStep = /^\.{0,2}$/.test(name)
  try {
    return encodeURIComponent(isStep ? ' ' : name)
  } catch {
    return '%20'
  }
}

/** Numbers that JSON does not have become text, which is refused, and not null, which may mean something. */
function writeJson(input: object): string {
  return JSON.stringify(input, (_name, value: unknown) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value))
}

/** Not `crypto.randomUUID()`, which browsers have on secure pages only. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

interface Dated {
  readonly saleStartsAt?: number | null
  readonly saleEndsAt?: number | null
}

/** Instants are epoch milliseconds here and text outside. */
export function withInstants(input: Dated): object {
  const { saleStartsAt, saleEndsAt } = input
  return { ...input, saleStartsAt: writeInstant(saleStartsAt), saleEndsAt: writeInstant(saleEndsAt) }
}

/** What is no instant is sent as it is, and refused. */
function writeInstant(instant: number | null | undefined): unknown {
  return Number.isInteger(instant) && Math.abs(instant!) <= 8.64e15 ? new Date(instant!).toISOString() : instant
}
