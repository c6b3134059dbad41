import type { Command, Idempotency, Reserve } from './command.ts'
import { mergeLines } from './reservation.ts'
import type { StockRow } from './stock.ts'

/** What the commands of a batch name: where a store begins to look for the facts. */
export interface Needs {
  /** Every sku that is named, and units that adjustments take away. */
  readonly taken: ReadonlyMap<string, number>
  /** Units that adjustments and new products add. */
  readonly added: ReadonlyMap<string, number>
  /** Skus whose stock the answers will show. */
  readonly shown: ReadonlySet<string>
  /** Skus that may get a limit per user in this batch. */
  readonly limiting: ReadonlySet<string>
  readonly reserves: readonly Reserve[]
  /** Names of the slots of these, each once. */
  readonly slots: readonly string[]
  /** How many reservations may be made. */
  readonly newReservations: number
  readonly reservationIds: readonly string[]
  /** Of these, those that may keep their slots for longer. */
  readonly extendedIds: readonly string[]
  readonly orderIds: readonly string[]
  readonly keys: readonly Idempotency[]
  /** How many due reservations to give back; 0: none for their own sake. */
  readonly expireLimit: number
}

export const noNeeds: Needs = {
  taken: new Map(),
  added: new Map(),
  shown: new Set(),
  limiting: new Set(),
  reserves: [],
  slots: [],
  newReservations: 0,
  reservationIds: [],
  extendedIds: [],
  orderIds: [],
  keys: [],
  expireLimit: 0,
}

/** `repeat`: an earlier attempt may have made the reservations already. */
export function needsOf(commands: readonly Command[], repeat: boolean): Needs {
  const taken = new Map<string, number>()
  const added = new Map<string, number>()
  const shown = new Set<string>()
  const limiting = new Set<string>()
  const reserves: Reserve[] = []
  const slots = new Set<string>()
  const reservationIds: string[] = []
  const extendedIds: string[] = []
  const orderIds: string[] = []
  const keys: Idempotency[] = []
  let expireLimit = 0

  const take = (sku: string, units: number): void => {
    taken.set(sku, (taken.get(sku) ?? 0) + units)
  }
  const add = (sku: string, units: number): void => {
    added.set(sku, (added.get(sku) ?? 0) + units)
  }
  const show = (sku: string, units: number, maxPerUser: number | null | undefined): void => {
    take(sku, units)
    shown.add(sku)
    if (maxPerUser != null) limiting.add(sku)
  }

  for (const command of commands) {
    if (command.idempotency !== null) keys.push(command.idempotency)
    switch (command.type) {
      case 'reserve':
        reserves.push(command)
        for (const line of command.items) take(line.sku, 0)
        for (const { name } of command.slots) slots.add(name)
        if (repeat) reservationIds.push(command.id)
        break
      case 'confirm':
      case 'cancel':
      case 'extend':
        reservationIds.push(command.reservationId)
        if (command.type === 'extend') extendedIds.push(command.reservationId)
        break
      case 'expire':
        expireLimit += command.limit
        break
      case 'createProduct':
        show(command.sku, 0, command.details.maxPerUser)
        add(command.sku, command.totalStock)
        break
      case 'updateProduct':
        show(command.sku, 0, command.patch.maxPerUser)
        break
      case 'adjustStock':
        show(command.sku, Math.max(0, -command.delta), null)
        if (command.delta > 0) add(command.sku, command.delta)
        break
      case 'cancelOrder':
        orderIds.push(command.orderId)
        break
    }
  }
  return {
    taken,
    added,
    shown,
    limiting,
    reserves,
    slots: [...slots],
    newReservations: reserves.length,
    reservationIds,
    extendedIds,
    orderIds,
    keys,
    expireLimit,
  }
}

/** Units that a batch wants of each sku, at most; 0 for a sku that is only touched. */
export interface Wanted {
  readonly wanted: Map<string, number>
  readonly impossible: ReadonlySet<string>
}

/**
 * Add up what is asked for. A cart with more of a sku than its total cannot be had, so nothing is reclaimed for it: one refused request must not keep the
 * others waiting for a hundred thousand reservations. Its skus are the impossible ones.
 */
export function wantedOf({ taken, added, reserves }: Needs, stock: ReadonlyMap<string, StockRow>): Wanted {
  const wanted = new Map(taken)
  const impossible = new Set<string>()
  for (const { items } of reserves) {
    const lines = mergeLines(items)
    const isPossible = lines.every(({ sku, quantity }) => quantity <= (stock.get(sku)?.total ?? 0) + (added.get(sku) ?? 0))
    for (const { sku, quantity } of lines) {
      if (isPossible) wanted.set(sku, (wanted.get(sku) ?? 0) + quantity)
      else impossible.add(sku)
    }
  }
  return { wanted, impossible }
}

/** Users and skus whose units somebody in this batch may ask for, each once, and whether the sku has a limit already. */
export function usageWanted(
  { reserves, limiting }: Needs,
  isLimited: (sku: string) => boolean,
): [sku: string, userId: string, isLimited: boolean][] {
  const wanted: [string, string, boolean][] = []
  const seen = new Map<string, Set<string>>()
  for (const { userId, items } of reserves) {
    for (const { sku } of items) {
      const limited = isLimited(sku)
      if (!limited && !limiting.has(sku)) continue
      let skus = seen.get(userId)
      if (skus === undefined) seen.set(userId, (skus = new Set()))
      if (skus.has(sku)) continue
      skus.add(sku)
      wanted.push([sku, userId, limited])
    }
  }
  return wanted
}
