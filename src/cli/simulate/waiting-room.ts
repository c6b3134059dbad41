import type { Shop, StockView } from './shop.ts'

/** `come_back`: units may be free. `sold_out`: there will be none. `closed`: nothing has moved for so long that nobody waits any longer. */
export type Call = 'come_back' | 'sold_out' | 'closed'

/** Where buyers wait who were told "none free, some may come back". One look at the stock serves all who wait for it. */
export interface WaitingRoom {
  waitFor(sku: string): Promise<Call>
  /** Units came back, as far as somebody here knows. */
  wake(sku: string): void
  readonly waiting: number
}

export interface WaitingRoomOptions {
  readonly shop: Pick<Shop, 'stock'>
  readonly isStalled: () => boolean
  readonly signal: AbortSignal
  readonly onError: (error: unknown) => void
}

interface Queue {
  readonly waiters: ((call: Call) => void)[]
  watched: boolean
  wake: () => void
}

/** More are called than there are units: the shop, not the queue, decides who gets them. */
const calledPerUnit = 3
/** Those who were called get this long before the next are. */
const pauseMsMin = 10
/** The shop's clock may differ from ours, so its own "next release" is not the only reason to look again. */
const pauseMsMax = 250

export function createWaitingRoom({ shop, isStalled, signal, onError }: WaitingRoomOptions): WaitingRoom {
  const queues = new Map<string, Queue>()

  const queueOf = (sku: string): Queue => {
    let queue = queues.get(sku)
    if (queue === undefined) queues.set(sku, (queue = { waiters: [], watched: false, wake: () => {} }))
    return queue
  }

  const watch = async (sku: string, queue: Queue): Promise<void> => {
    while (queue.waiters.length > 0 && !signal.aborted) {
      const stock = await shop.stock(sku)
      if (isStalled()) release(queue, queue.waiters.length, 'closed')
      else if (stock.status === 'sold_out') release(queue, queue.waiters.length, 'sold_out')
      else if (stock.status === 'available') release(queue, Math.max(1, freeOf(stock)) * calledPerUnit, 'come_back')
      await pause(queue, pauseMsOf(stock))
    }
    queue.watched = false
  }

  return {
    waitFor: (sku) =>
      new Promise((resolve) => {
        const queue = queueOf(sku)
        queue.waiters.push(resolve)
        if (queue.watched) return
        queue.watched = true
        watch(sku, queue).catch(onError)
      }),
    wake: (sku) => queues.get(sku)?.wake(),
    get waiting() {
      let sum = 0
      for (const queue of queues.values()) sum += queue.waiters.length
      return sum
    },
  }
}

function release(queue: Queue, many: number, call: Call): void {
  for (const resolve of queue.waiters.splice(0, many)) resolve(call)
}

function freeOf({ total, reserved, sold }: StockView): number {
  return total - reserved - sold
}

function pauseMsOf({ status, nextReleaseInMs }: StockView): number {
  if (status !== 'all_reserved') return pauseMsMin
  return Math.min(Math.max(nextReleaseInMs ?? pauseMsMax, pauseMsMin), pauseMsMax)
}

function pause(queue: Queue, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    queue.wake = () => {
      clearTimeout(timer)
      resolve()
    }
  })
}
