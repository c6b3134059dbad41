import { setTimeout as delay } from 'node:timers/promises'
import { Failure } from '../failure.ts'
import type { Buyer } from './buyers.ts'
import type { Gate } from './gate.ts'
import type { Meter } from './meter.ts'
import type { Held, Shop } from './shop.ts'
import type { Tally } from './tally.ts'
import type { WaitingRoom } from './waiting-room.ts'

export interface CrowdOptions {
  readonly shop: Shop
  readonly gate: Gate
  readonly meter: Meter
  readonly tally: Tally
  readonly room: WaitingRoom
  readonly ttlSeconds: number
  /** Makes the idempotency keys of this run its own. */
  readonly runId: string
  readonly signal: AbortSignal
}

export interface Crowd {
  /** One buyer from entering the shop to leaving it. */
  visit(buyer: Buyer): Promise<void>
  readonly counts: Readonly<Counts>
  /** When a reservation was last made. */
  readonly lastAcceptedAt: number
}

export interface Counts {
  /** Reservations the shop said yes to, and no. A patient buyer may hear no more than once. */
  accepted: number
  refused: number
  /** Buyers by how they left. */
  bought: number
  cancelled: number
  walkedAway: number
  tooLate: number
  emptyHanded: number
}

/** What the buyers of one crowd share. */
interface Floor extends CrowdOptions {
  readonly counts: Counts
  lastAcceptedAt: number
}

export function createCrowd(options: CrowdOptions): Crowd {
  const counts: Counts = { accepted: 0, refused: 0, bought: 0, cancelled: 0, walkedAway: 0, tooLate: 0, emptyHanded: 0 }
  const floor: Floor = { ...options, counts, lastAcceptedAt: performance.now() }
  return {
    visit: async (buyer) => {
      const held = await reserve(floor, buyer)
      if (held === null) return void counts.emptyHanded++
      if (buyer.fate === 'abandon') {
        floor.tally.walkedAway(held.id)
        return void counts.walkedAway++
      }
      await delay(buyer.thinkMs, undefined, { signal: floor.signal })
      await (buyer.fate === 'confirm' ? confirm(floor, buyer, held) : cancel(floor, buyer, held))
    },
    counts,
    get lastAcceptedAt() {
      return floor.lastAcceptedAt
    },
  }
}

/** Ask again whenever units may have come back, and without what is sold out, until there is nothing left to ask for. */
async function reserve(floor: Floor, { userId, skus }: Buyer): Promise<Held | null> {
  const { shop, gate, meter, tally, room, counts, runId, ttlSeconds } = floor
  let wanted = skus
  for (let attempt = 1; wanted.length > 0; attempt++) {
    const asked = wanted
    const key = `${runId}-${userId}-reserve-${attempt}`
    const { answer, sentAt, answeredAt } = await gate.pass(() => meter.time('reserve', () => shop.reserve(userId, asked, ttlSeconds, key)))
    if (answer.ok) {
      counts.accepted++
      floor.lastAcceptedAt = answeredAt
      tally.accepted(answer.value, userId, asked, sentAt, answeredAt)
      return answer.value
    }
    const [short] = answer.shortOf
    if (short === undefined) throw new Failure(`The shop refused a reservation for another reason than its stock: ${answer.code}.`)
    counts.refused++
    const call = await room.waitFor(short)
    if (call === 'come_back') continue
    for (const sku of call === 'closed' ? wanted : [short]) tally.leftWanting(sku)
    wanted = call === 'closed' ? [] : wanted.filter((sku) => sku !== short)
  }
  return null
}

async function confirm(floor: Floor, { userId }: Buyer, { id }: Held): Promise<void> {
  const { shop, gate, meter, tally, counts, runId } = floor
  const ask = () => shop.confirm(id, userId, `${runId}-${userId}-confirm`)
  const { answer, sentAt, answeredAt } = await gate.pass(() => meter.time('confirm', ask))
  if (!answer.ok) return endedOtherwise(floor, id, 'confirm', answer.code, answeredAt)
  counts.bought++
  tally.confirmed(id, answer.value, sentAt, answeredAt)
}

async function cancel(floor: Floor, { userId }: Buyer, { id, items }: Held): Promise<void> {
  const { shop, gate, tally, room, counts, runId } = floor
  const answer = await gate.pass(() => {
    tally.cancelRequested(id)
    return shop.cancel(id, userId, `${runId}-${userId}-cancel`)
  })
  if (!answer.ok) return endedOtherwise(floor, id, 'cancel', answer.code, performance.now())
  counts.cancelled++
  tally.cancelled(id)
  for (const { sku } of items) room.wake(sku)
}

function endedOtherwise({ tally, counts }: Floor, id: string, verb: string, code: string, now: number): void {
  counts.tooLate++
  if (code === 'reservation_expired') tally.toldExpired(id, now)
  else tally.toldNonsense(id, verb, code)
}
