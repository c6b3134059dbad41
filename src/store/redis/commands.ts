import type { Accepted, Command, Idempotency, Reserve } from '../../domain/command.ts'
import { limits, metadataProblem, type Metadata } from '../../domain/limits.ts'
import type { OrderRow } from '../../domain/order.ts'
import type { ProductDetails, ProductRow } from '../../domain/product.ts'
import type { Refusal } from '../../domain/refusals.ts'
import { mergeLines, mergeSlots, type ReservationLine } from '../../domain/reservation.ts'
import { writeDetails, writeMetadata, writeRules } from './rows.ts'

/** What was read before, because the script cannot know it or cannot read it. */
export interface Prior {
  /** Of a confirm with metadata: that of the order. `problem`: why it cannot be. */
  readonly metadata?: { readonly merged: Metadata; readonly problem: Refusal | null }
  /** Of an update: the product after it; undefined: there is none. */
  readonly update?: {
    readonly before: ProductDetails
    readonly after: ProductRow
    readonly problem: Refusal | null
    readonly counted: { readonly version: number; readonly key: string } | null
  }
  readonly createProblem?: Refusal | null
  /** What the ledger knows to be the answer; it is only to be kept under the command's key. */
  readonly answer?: Accepted
  /** Of the cancelling of an order: the order, and where the ledger stood before it was read. */
  readonly order?: { readonly row: OrderRow | null; readonly generation: number; readonly position: number }
}

type Args = (string | number)[]

/** The arguments of a batch, as lua/batch/commands.lua takes them. */
class Writer {
  readonly args: Args = []
  /** The skus that the script must know, each once. */
  readonly skus: string[] = []
  readonly #places = new Map<string, number>()
  /** The group that a plain reserve may join: where its count stands, its sku and quantity. */
  #group: { readonly at: number; readonly sku: string; readonly quantity: number } | null = null

  place(sku: string): number {
    let place = this.#places.get(sku)
    if (place === undefined) this.#places.set(sku, (place = this.skus.push(sku)))
    return place
  }

  /** A reserve of one line, without anything that may be left out. */
  pushPlain(id: string, userId: string, { sku, quantity }: ReservationLine): void {
    if (this.#group === null || this.#group.sku !== sku || this.#group.quantity !== quantity) {
      this.args.push('r', this.place(sku), quantity, 0)
      this.#group = { at: this.args.length - 1, sku, quantity }
    }
    this.args[this.#group.at] = (this.args[this.#group.at] as number) + 1
    this.args.push(id, userId)
  }

  push(...args: Args): void {
    this.#group = null
    this.args.push(...args)
  }

  /** The key under which the answer is kept, and what tells a repeat from a reuse. Both as JSON, in which there is no tab. */
  pushKey(idempotency: Idempotency | null): void {
    if (idempotency === null) this.args.push('', '')
    else this.args.push(JSON.stringify([idempotency.scope, idempotency.key]), JSON.stringify(idempotency.fingerprint))
  }
}

export function writeCommands(
  commands: readonly Command[],
  priors: ReadonlyMap<Command, Prior>,
): { readonly args: Args; readonly skus: readonly string[] } {
  const writer = new Writer()
  writer.push(commands.length)
  for (const command of commands) {
    if (command.type === 'reserve' && isPlain(command) && !priors.has(command))
      writer.pushPlain(command.id, command.userId, command.items[0]!)
    else {
      writeCommand(command, priors.get(command) ?? {}, writer)
      writer.pushKey(command.idempotency)
    }
  }
  return { args: [writer.skus.length, ...writer.skus, ...writer.args], skus: writer.skus }
}

function isPlain({ items, ttlMs, metadata, slots, idempotency }: Reserve): boolean {
  if (items.length > 1 || ttlMs !== null || slots.length > 0 || idempotency !== null) return false
  for (const _ in metadata) return false
  return true
}

function writeCommand(command: Command, prior: Prior, writer: Writer): void {
  if (prior.answer !== undefined) {
    writer.push('k', `J${prior.answer.created ? 1 : 0}\t${JSON.stringify(prior.answer.value)}`)
    return
  }
  switch (command.type) {
    case 'reserve': {
      const lines = mergeLines(command.items)
      writer.push('R', command.id, command.userId, command.ttlMs ?? '', writeMetadata(command.metadata), lines.length)
      for (const { sku, quantity } of lines) writer.push(writer.place(sku), quantity)
      const slots = mergeSlots(command.slots)
      writer.push(slots.length)
      for (const { name, max } of slots) writer.push(JSON.stringify(name), max)
      return
    }
    case 'confirm': {
      const { metadata } = prior
      const written = metadata === undefined ? '' : metadata.problem === null ? writeMetadata(metadata.merged) : '!'
      writer.push('c', command.reservationId, command.userId ?? '', command.orderId, written)
      return
    }
    case 'cancel':
      writer.push('x', command.reservationId, command.userId ?? '')
      return
    case 'extend':
      writer.push('t', command.reservationId, command.userId ?? '', command.ttlMs)
      return
    case 'expire':
      writer.push('e', command.limit)
      return
    case 'createProduct': {
      const { sku, totalStock, details } = command
      writer.place(sku)
      writer.push('P', sku, totalStock, writeRules(details), writeDetails(details), prior.createProblem == null ? '' : '1')
      return
    }
    case 'updateProduct':
      writer.place(command.sku)
      writer.push('U', command.sku, ...updateOf(prior))
      return
    case 'adjustStock':
      writer.place(command.sku)
      writer.push('A', command.sku, command.delta, JSON.stringify(command.reason), limits.totalStockMax)
      return
    case 'cancelOrder': {
      const row = prior.order?.row ?? null
      const status = row === null ? '' : row.status === 'placed' ? 'placed' : (row.cancelledAt ?? '')
      const items = row?.items ?? []
      writer.push('O', command.orderId, row?.userId ?? '', status, JSON.stringify(row), JSON.stringify(command.reason))
      writer.push(prior.order?.position ?? 0, items.length)
      for (const { sku, quantity } of items) writer.push(sku, quantity)
    }
  }
}

function updateOf({ update }: Prior): Args {
  if (update === undefined) return ['', '', '', '', '', '']
  const { before, after, problem, counted } = update
  const rules = [writeRules(after), writeDetails(after), writeDetails(before)]
  return [...rules, problem === null ? '' : '1', counted?.version ?? '', counted?.key ?? '']
}

/** The metadata of the order, the reservation's with the confirm's over it. */
export function mergeMetadata(reservation: Metadata, own: Metadata): NonNullable<Prior['metadata']> {
  const merged = { ...reservation, ...own }
  const problem = metadataProblem(merged)
  return {
    merged,
    problem:
      problem === null
        ? null
        : { code: 'validation_failed', errors: [{ path: '/metadata', message: `together with the reservation's ${problem}` }] },
  }
}
