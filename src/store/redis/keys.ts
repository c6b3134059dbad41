/** The header of a namespace. All its keys have one hash tag, so that a Cluster keeps them on one shard. */
export function headerOf(namespace: string): string {
  return `{holdfast:${namespace}}`
}

/**
 * How the names of all keys of one generation begin; a node that knows only an older one cannot touch them. After it:
 *
 *     h                    head, base and pending of the journal; quiet: a sku and until when; mark: of the last batch before the base
 *     j                    the journal: batches of transitions that the ledger does not have yet
 *     r                    reservations by id: those that are active, and those whose end the ledger does not have yet
 *     s:SKU  p:SKU  skus   books, products, all skus in order
 *     D:SKU  U:SKU         when units of a sku come back, and how many then
 *     d:SKU:TIME           ids of reservations that come back then, some of which may have ended
 *     N                    skus by when their next units come back
 *     u:SKU                units by user, of skus that have a limit
 *     l                    who occupies each slot, the oldest first, and until when; how many slots that are stands in h
 *     a:KEY                stored answers
 *     o                    orders that were cancelled, of which the ledger does not know yet
 *     f:NODE               of a node, the last call that repeated, and the last that wrote
 *     count:ID             units by user of a sku, while a limit is set
 *     requests  windows    of clients, counted against the limits of the service: how many, and when their windows end
 *     loading              while a generation is being loaded
 *
 * A sku has no colon, so no two of these can be the same.
 */
export function prefixOf(namespace: string, generation: number): string {
  return `${headerOf(namespace)}:${generation}:`
}

/** A UUID of version 7, as the engine makes them: its time, which every such id begins with. */
const ofEngine = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/**
 * Whether an id that nobody knows may be one of a reservation that was lost with the memory that had it; before the first loss there is none. One from before `removedTime`, the latest end of those that the
 * ledger has removed, was more likely one of these, and is not found.
 */
export function mayBeLost(id: string, generation: number, removedTime: number): boolean {
  const [, high, low] = ofEngine.exec(id) ?? []
  return generation > 1 && high !== undefined && low !== undefined && parseInt(high + low, 16) > removedTime
}
