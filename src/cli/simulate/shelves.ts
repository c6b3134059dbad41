import type { Findings } from './findings.ts'
import type { Held } from './shop.ts'

type Items = Held['items']

/** A reservation, for as long as it is certainly alive. */
export interface Claim {
  readonly items: Items
  readonly aliveUntil: number
}

/** Per sku: what is certainly held and certainly sold, against what was put on sale. This is where S7 is judged. */
export interface Shelves {
  hold(claim: Claim, now: number): void
  /** From here on the units may be somebody else's. Safe to repeat. */
  letGo(claim: Claim | undefined): void
  sell(items: Items, now: number): void
  heldAt(now: number): number
  soldOf(sku: string): number
  /** Fresh units are handed out first: the skus of which these are second-hand, because others have had the last fresh ones. */
  takeFresh(items: Items): ReadonlySet<string>
}

interface Shelf {
  readonly stock: number
  held: number
  sold: number
  fresh: number
}

export function createShelves(stock: ReadonlyMap<string, number>, findings: Findings): Shelves {
  const shelves = new Map(Array.from(stock, ([sku, units]): [string, Shelf] => [sku, { stock: units, held: 0, sold: 0, fresh: units }]))
  const alive = new Set<Claim>()

  const shelfOf = (sku: string): Shelf => {
    const shelf = shelves.get(sku)
    if (shelf === undefined) throw new Error(`the shop answered with a sku that nobody asked for: ${sku}`)
    return shelf
  }

  const letGo = (claim: Claim | undefined): void => {
    if (claim === undefined || !alive.delete(claim)) return
    for (const { sku, quantity } of claim.items) shelfOf(sku).held -= quantity
  }

  const dropUncertain = (now: number): void => {
    for (const claim of alive) if (now >= claim.aliveUntil) letGo(claim)
  }

  /** Claims that have run out are only looked for when a shelf looks overfull, because looking at all of them for every answer is slow. */
  const judge = (items: Items, now: number): void => {
    const overfull = (): string | undefined => items.map(({ sku }) => sku).find((sku) => isOverfull(shelfOf(sku)))
    if (overfull() === undefined) return
    dropUncertain(now)
    const sku = overfull()
    if (sku === undefined) return
    const { held, sold, stock: total } = shelfOf(sku)
    findings.add('S7', `${sku}: ${held} units certainly held and ${sold} certainly sold of ${total}.`)
  }

  return {
    hold: (claim, now) => {
      if (now >= claim.aliveUntil) return
      alive.add(claim)
      for (const { sku, quantity } of claim.items) shelfOf(sku).held += quantity
      judge(claim.items, now)
    },
    letGo,
    sell: (items, now) => {
      for (const { sku, quantity } of items) shelfOf(sku).sold += quantity
      judge(items, now)
    },
    heldAt: (now) => {
      dropUncertain(now)
      let held = 0
      for (const shelf of shelves.values()) held += shelf.held
      return held
    },
    soldOf: (sku) => shelfOf(sku).sold,
    takeFresh: (items) => {
      const secondHand = new Set<string>()
      for (const { sku, quantity } of items) {
        const shelf = shelfOf(sku)
        if (shelf.fresh < quantity) secondHand.add(sku)
        shelf.fresh = Math.max(0, shelf.fresh - quantity)
      }
      return secondHand
    },
  }
}

function isOverfull({ held, sold, stock }: Shelf): boolean {
  return held + sold > stock
}
