import { setTimeout as delay } from 'node:timers/promises'
import { Fault } from '../../domain/faults.ts'
import type { Ledger } from '../ledger.ts'
import type { Store } from '../port.ts'
import { createAdmission } from './admission.ts'
import { connect } from './connect.ts'
import { createDrain } from './drain.ts'
import { checkServer } from './inspect.ts'
import { openMemory } from './memory.ts'
import { createReads } from './read.ts'
import { countRequests } from './requests.ts'
import { readUrl } from './url.ts'

export interface RedisOptions {
  /** `redis://user:password@host:port/database?namespace=NAME`; docs/stores.md tells what may stand behind it. */
  readonly url: string
  /** Where sales and history are kept; this store closes it. */
  readonly ledger: Ledger
  readonly batchSizeMax?: number
  /** How many transitions may wait for the ledger before reservations are refused; default 1,000,000, some 150 MB of Redis. */
  readonly pendingMax?: number
  /** How long Redis may take for one answer; default 5,000. */
  readonly answerMsMax?: number
  /** How long to wait for a connection; default 2,000. */
  readonly connectMsMax?: number
  /** How long a sale may wait for the ledger; default 5,000. */
  readonly ledgerMsMax?: number
  /** Whether a Redis that does not hold what the ledger's generation loaded may be loaded anew; default true. Otherwise it cannot be opened: for whoever only looks. */
  readonly takesOver?: boolean
  /** Told what is dangerous about the server's settings, and when Redis has lost its memory; by default a warning of the process. */
  readonly warn?: (message: string) => void
}

/** How often a node looks whether another one has begun a new generation, or has left something for the ledger. */
const lookMs = 1_000

/** A ledger that does not answer must not keep a service from stopping. */
const closeMsMax = 3_000

/** How long after a batch this node counts as busy: a few batches in a row keep it so. */
const busyMs = 20

/**
 * Admission in memory, sales on disk. Redis decides, in one script call for each batch, and keeps a journal; the ledger replays the journal. What sells, changes stock or changes
 * products is acknowledged when the ledger has it; a reservation when Redis has it. Redis that lost its memory is loaded anew from the ledger, and its reservations are lost.
 * Throws `cannot_open` when Redis or the ledger cannot be used.
 */
export async function redisStore(options: RedisOptions): Promise<Store> {
  const { ledger, batchSizeMax = 1_000, pendingMax = 1_000_000, answerMsMax = 5_000, connectMsMax = 2_000, ledgerMsMax = 5_000 } = options
  const { takesOver = true, warn = (message) => process.emitWarning(message) } = options
  const url = readUrl(options.url)
  const connection = await connect(url, { connectMsMax, answerMsMax })
  let open = true
  try {
    await checkServer(connection, url)
    const memory = await openMemory({ connection, ledger, url, warn, takesOver })
    let busyUntil = 0
    const isBusy = (): boolean => performance.now() < busyUntil
    const drain = createDrain({ memory, ledger, saleMsMax: ledgerMsMax, pendingMax, isBusy })
    const admission = createAdmission({ memory, ledger, drain, pendingMax })
    const reads = createReads({ memory, ledger, drain })
    const listeners: (() => void)[] = []
    let seen = -1
    const look = async (): Promise<void> => {
      try {
        const { generation } = memory
        const state = await ledger.state()
        if (state.generation > generation) memory.lose(generation, 'over', `the ledger is of generation ${state.generation}`)
        // Read after it, because the ledger only has what was in the journal.
        const [, , head] = (await memory.run('holdfastRead', ['position'])) as [number, number, number]
        if (state.generation === generation && head < state.position)
          memory.lose(generation, 'broken', 'it holds older data than the ledger')
        drain.notice(generation, head)
        if (head !== seen) for (const listener of listeners) listener()
        seen = head
      } catch {
        // Redis or the ledger is away; whoever needs them hears of it.
      }
    }
    let looking: Promise<void> | null = null
    const timer = setInterval(() => {
      looking ??= look().finally(() => {
        looking = null
      })
    }, lookMs)
    timer.unref()
    await look()

    const guard = async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
      if (!open) throw new Fault('closed', 'The store is closed.')
      return work()
    }
    return {
      batchSizeMax,
      batchesInFlightMax: 2,
      onOthers: (listener) => void listeners.push(listener),
      countRequests: (requests) => guard(() => countRequests(memory, requests)),
      execute: (commands, { repeat = false, later } = {}) => {
        busyUntil = performance.now() + busyMs
        return guard(() => admission.execute(commands, repeat, later ?? null))
      },
      product: (sku) => guard(() => reads.product(sku)),
      products: (query) => guard(() => reads.products(query)),
      reservation: (id) => guard(() => reads.reservation(id)),
      reservations: (filter, query) => guard(() => reads.reservations(filter, query)),
      order: (id) => guard(() => ledger.order(id)),
      orders: (filter, query) => guard(() => reads.orders(filter, query)),
      events: (query) => guard(() => reads.events(query)),
      nextDueInMs: () => guard(() => reads.nextDueInMs()),
      vitals: {
        read: () => guard(() => reads.vitals.read()),
        countActive: () => guard(() => reads.vitals.countActive()),
      },
      notes: {
        list: (prefix) => guard(() => ledger.notes.list(prefix)),
        read: (name) => guard(() => ledger.notes.read(name)),
        write: (...note) => guard(() => ledger.notes.write(...note)),
      },
      retention: {
        prune: (query) =>
          guard(async () => {
            const [now] = (await memory.run('holdfastRead', ['position'])) as [number]
            return ledger.prune(query, now)
          }),
        removed: () => guard(() => ledger.removed()),
      },
      close: async () => {
        if (!open) return
        open = false
        clearInterval(timer)
        await drain.close()
        await memory.close()
        connection.close()
        await Promise.race([ledger.close(), delay(closeMsMax, undefined, { ref: false })])
      },
    }
  } catch (error) {
    connection.close()
    throw error
  }
}
