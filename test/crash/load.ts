import type { Random } from '../support/random.ts'
import { note, type Books, type Call, type KnownOrder, type KnownReservation, type Kind } from './books.ts'
import type { Client } from './client.ts'

export const totals: ReadonlyMap<string, number> = new Map([
  ['few', 300],
  ['many', 1_000_000],
  ['__proto__', 5_000],
  ['each', 5_000],
])
const skus = [...totals.keys()]

export interface Load {
  /** Every call of this round, in the order they were sent. */
  readonly calls: readonly Call[]
  readonly inFlight: number
  /** Resolves when every connection has broken or `stop` was called. */
  readonly done: Promise<void>
}

/** Buyers on several connections who reserve, confirm, cancel, extend and return, until the service is gone. */
export function startLoad(client: Client, books: Books, random: Random, connections: number, round: number): Load {
  const calls: Call[] = []
  let inFlight = 0
  let broken = false

  const send = async (kind: Kind, path: string, body: object, isKeyed: boolean, ...owners: Call[][]): Promise<Call> => {
    const call: Call = { kind, path, body, key: isKeyed ? `${round}-${calls.length}` : null, answer: null }
    calls.push(call)
    for (const owner of owners) owner.push(call)
    inFlight++
    call.answer = await client.post(path, body, call.key)
    inFlight--
    if (call.answer === null) broken = true
    note(books, call)
    return call
  }

  const buyOnce = async (): Promise<void> => {
    const chosen = random.shuffle(skus).slice(0, 1 + random.int(3))
    const items = chosen.map((sku) => ({ sku, quantity: 1 + random.int(3) }))
    const ttlSeconds = random.pick([1, 2, 600])
    const made = await send('reserve', '/v1/reservations', { userId: `u${random.int(40)}`, items, ttlSeconds }, random.int(2) === 0)
    const id = idOf(made, 201)
    if (id === null) return
    const known = books.reservations.get(id)!
    const steps = 1 + random.int(3)
    for (let step = 0; step < steps && !broken; step++) await Promise.all(nextCalls(known))
    for (const { answer, kind } of known.calls) {
      const orderId = kind === 'confirm' && answer !== null && answer.status < 300 ? (JSON.parse(answer.text) as { id: string }).id : null
      if (orderId !== null && random.int(4) === 0 && !broken) await giveBack(books.orders.get(orderId)!, known)
    }
  }

  /** Mostly one thing at a time; sometimes a buyer presses two buttons at once. */
  const nextCalls = ({ made: { id }, calls: own }: KnownReservation): Promise<Call>[] => {
    const act = (): Promise<Call> => {
      const isKeyed = random.int(3) === 0
      const path = `/v1/reservations/${id}`
      switch (random.pick(['confirm', 'confirm', 'cancel', 'extend'] as const)) {
        case 'confirm':
          return send('confirm', `${path}/confirm`, { metadata: { note: id.slice(-4) } }, isKeyed, own)
        case 'cancel':
          return send('cancel', `${path}/cancel`, {}, isKeyed, own)
        case 'extend':
          return send('extend', `${path}/extend`, { ttlSeconds: random.pick([1, 30, 3_600]) }, isKeyed, own)
      }
    }
    return random.int(5) === 0 ? [act(), act()] : [act()]
  }

  const giveBack = (order: KnownOrder, known: KnownReservation): Promise<Call> =>
    send(
      'cancelOrder',
      `/v1/orders/${order.made.id}/cancel`,
      { reason: 'changed my mind' },
      random.int(3) === 0,
      order.cancels,
      known.calls,
    )

  const work = async (): Promise<void> => {
    while (!broken) await buyOnce()
  }
  return {
    calls,
    get inFlight() {
      return inFlight
    },
    done: Promise.all(Array.from({ length: connections }, work)).then(() => undefined),
  }
}

function idOf({ answer }: Call, status: number): string | null {
  return answer?.status === status ? (JSON.parse(answer.text) as { id: string }).id : null
}
