import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Fault, faultCode } from '../../domain/faults.ts'
import type { Bought, Ledger, LedgerContents, LedgerState, OnSale } from '../ledger.ts'
import type { Connection } from './connect.ts'
import { openingFault, scriptWord, storeFault } from './errors.ts'
import { readHeader, type Header } from './inspect.ts'
import { headerOf, prefixOf } from './keys.ts'
import { writeDetails, writeRules, writeStock } from './rows.ts'
import type { Script } from './scripts.ts'
import type { RedisUrl } from './url.ts'

/** The Redis that was loaded from the ledger, and the generation that it was loaded for. */
export interface Memory {
  /** Raised with every loading. */
  readonly generation: number
  /** Run a script on this generation. Throws `store_unavailable` while it is being loaded, and begins to load it when the script finds that it is lost. */
  readonly run: (script: Script, args: readonly (string | number)[]) => Promise<unknown>
  /** A call of this node, by its number, has written in this generation: what comes next is refused if that is not there any more. */
  readonly wrote: (generation: number, call: number) => void
  readonly command: (name: string, key: string, ...args: readonly (string | number)[]) => Promise<unknown>
  /** Somebody has found out that this generation is over, or that what is in Redis cannot be right (`broken`). */
  readonly lose: (generation: number, why: 'over' | 'broken', what: string) => void
  /** Called when another generation has begun. */
  readonly onChange: (listener: () => void) => void
  readonly close: () => Promise<void>
}

export interface MemoryOptions {
  readonly connection: Connection
  readonly ledger: Ledger
  readonly url: RedisUrl
  readonly warn: (message: string) => void
  /** Whether this node loads a Redis that is not what the ledger's generation was loaded into; otherwise it waits until another does. */
  readonly takesOver: boolean
}

const retryMs = 200
/** Redis forgets after a day what call of a node wrote last. */
const wroteMsMax = 12 * 60 * 60 * 1_000
const pageKeys = 500
/** Nobody takes over from it; whoever asks to only waits until no other is at it. */
const noGeneration = -1

/**
 * Take Redis into use: as it is, if it is the one that was loaded for the ledger's generation; else loaded anew. Throws `cannot_open` if this ledger and this Redis do not belong
 * together, or if it would have to be loaded and must not be.
 */
export async function openMemory({ connection, ledger, url, warn, takesOver }: MemoryOptions): Promise<Memory> {
  const header = headerOf(url.namespace)
  const listeners: (() => void)[] = []
  let generation = 0
  let loading: Promise<void> | null = null
  let closed = false
  /** Tells the calls of this node from those of others; short, because every batch of the journal has it. */
  const node = randomBytes(9).toString('base64url')
  let lastWrite = { generation: 0, call: 0, at: 0 }

  const knownWrite = (): number =>
    lastWrite.generation === generation && performance.now() - lastWrite.at < wroteMsMax ? lastWrite.call : 0

  const inspect = (): Promise<Header> => readHeader(connection, url.namespace)

  const isLoaded = (found: Header, state: LedgerState): boolean =>
    state.generation > 0 &&
    found.ledger === state.id &&
    found.generation === state.generation &&
    found.loadedRun === found.run &&
    // The ledger has nothing that was not in the journal: this one holds older data, in the same process even.
    found.head >= state.position

  /** Until Redis holds the ledger's generation, loaded by this node or another. `broken`: a generation that must not be used again. */
  const settle = async (broken: number): Promise<void> => {
    for (let loads = 0; ; loads++) {
      const before = await inspect()
      const state = await ledger.state()
      const found = await inspect()
      // Others may be at work: the ledger has at least what it was said to have before, and Redis at least what the ledger had then.
      refuseOther(before, state)
      refuseNamespace(state)
      if (state.generation !== broken && isLoaded(found, state)) {
        generation = state.generation
        return
      }
      if (!takesOver) throw notLoaded(state)
      // Two nodes that use two different Redis for one ledger must not take turns without end at full speed.
      if (loads > 1) await delay(retryMs)
      // Somebody may be loading this generation already: wait until nobody is.
      const settled = await ledger.takeOver(noGeneration, load)
      if (settled.generation === broken || !isLoaded(await inspect(), settled)) await ledger.takeOver(settled.generation, load)
    }
  }

  const load = async (contents: LedgerContents): Promise<void> => {
    const { id, position, generation: next } = contents.state
    const prefix = prefixOf(url.namespace, next)
    const { run } = await inspect()
    const token = randomUUID()
    // First, because they may be what fills the memory.
    await forgetOlder(next)
    for await (const names of connection.keys(prefix)) await connection.command('UNLINK', ...names)
    await connection.command('SET', `${prefix}loading`, `${run} ${token}`)
    await eachPage(contents.products(), (page) => connection.commands(booksOf(page, prefix)))
    await eachPage(contents.bought(), (page) => connection.commands(usersOf(page, prefix)))
    await connection.run('holdfastOpen', header, prefix, [id, next, position, token])
  }

  /** Keys of older generations, which nobody can reach any more. Somebody else may be loading a later one. */
  const forgetOlder = async (than: number): Promise<void> => {
    for await (const names of connection.keys(`${header}:`)) {
      const older = names.filter((name) => Number.parseInt(name.slice(header.length + 1), 10) < than)
      for (let at = 0; at < older.length && !closed; at += pageKeys) {
        await connection.command('UNLINK', ...older.slice(at, at + pageKeys))
      }
    }
  }

  const loadAgain = async (broken: number): Promise<void> => {
    let isTold = false
    while (!closed) {
      try {
        await settle(broken)
        for (const listener of listeners) listener()
        return
      } catch (error) {
        // Redis or the ledger is away; those who ask hear `store_unavailable` meanwhile. That the two do not belong together is told once.
        const fault = faultCode(storeFault(error, url.where))
        const isKnown = fault === 'cannot_open' ? isTold || !takesOver : fault !== null || scriptWord(error) !== null
        if (!isKnown) warn(`Loading Redis failed: ${String(error)}`)
        isTold ||= fault === 'cannot_open'
        await delay(retryMs)
      }
    }
  }

  const lose: Memory['lose'] = (seen, why, what) => {
    if (loading !== null || seen !== generation || closed) return
    warn(
      why === 'broken'
        ? `What is in Redis cannot be right: ${what}. It is loaded anew from the ledger; open reservations are lost.`
        : `Redis is not what was loaded (${what}). It is loaded anew from the ledger, or was by another node.`,
    )
    loading = loadAgain(why === 'broken' ? seen : -1).finally(() => {
      loading = null
    })
  }

  const guarded = async <Answer>(work: (prefix: string) => Promise<Answer>): Promise<Answer> => {
    if (closed) throw new Fault('closed', 'The store is closed.')
    if (loading !== null) throw new Fault('store_unavailable', `The ${url.where} has lost its memory and is being loaded from the ledger.`)
    const seen = generation
    try {
      return await work(prefixOf(url.namespace, seen))
    } catch (error) {
      const said = scriptWord(error)
      if (said === null) throw storeFault(error, url.where)
      if (said.word === 'lost') lose(seen, 'over', 'it restarted, was emptied, or another took its place')
      if (said.word === 'broken') lose(seen, 'broken', said.text)
      if (said.word === 'behind' || said.word === 'wait' || said.word === 'moved') throw error
      const reasons = {
        lost: 'has lost its memory; it is being loaded from the ledger',
        broken: 'holds what cannot be right; it is being loaded from the ledger',
        late: 'has a later request of this node already',
        full: 'waits for the ledger, and no more reservations fit until that answers',
      } as const
      throw new Fault('store_unavailable', `The ${url.where} ${reasons[said.word]}.`, error)
    }
  }

  await open()
  return {
    get generation() {
      return generation
    },
    run: (script, args) => guarded((prefix) => connection.run(script, header, prefix, [generation, node, knownWrite(), ...args])),
    wrote: (seen, call) => {
      if (seen === lastWrite.generation && call < lastWrite.call) return
      lastWrite = { generation: seen, call, at: performance.now() }
    },
    command: (name, key, ...args) => guarded((prefix) => connection.command(name, prefix + key, ...args)),
    lose,
    onChange: (listener) => void listeners.push(listener),
    close: async () => {
      closed = true
      await loading
    },
  }

  async function open(): Promise<void> {
    try {
      const [found, state] = [await inspect(), await ledger.state()]
      refuseOther(found, state)
      if (state.generation === 0 && takesOver) {
        const active = await ledger.openReservations()
        if (active > 0) {
          throw new Fault(
            'cannot_open',
            `The ledger has ${active} open reservations of its own, which would be lost. Stop taking new ones, wait until they have ended, and start again.`,
          )
        }
      }
      if (takesOver) await ledger.claim(url.namespace, url.from)
      await settle(-1)
      if (state.generation > 0 && generation > state.generation)
        warn(`${whatIsThere(state)}. It was loaded anew; reservations that were open are lost.`)
    } catch (error) {
      throw openingFault(error, url.where)
    }
  }

  function notLoaded(state: LedgerState): Fault {
    const what = state.generation === 0 ? 'The ledger was never used with a Redis' : whatIsThere(state)
    return new Fault('cannot_open', `${what}. Nothing was taken over. Start the service, which loads Redis anew, and then try again.`)
  }

  function whatIsThere({ generation: last }: LedgerState): string {
    return `The ${url.where} is not what the ledger last loaded, for generation ${last}: it restarted, was emptied, or is another`
  }

  /** Under another name everything would be loaded once more, and the nodes in the right one would be shut out. */
  function refuseNamespace({ namespace }: LedgerState): void {
    if (namespace === null || namespace === url.namespace) return
    throw new Fault(
      'cannot_open',
      `The ledger belongs to the namespace "${namespace}", not to "${url.namespace}". Name that one in the URL: ?namespace=${namespace}. To move the ledger here for good, which ends open reservations, start once with ?namespace=${url.namespace}&from=${namespace}.`,
    )
  }

  function refuseOther(found: Header, state: LedgerState): void {
    if (found.ledger === null) return
    if (found.ledger !== state.id) {
      throw new Fault(
        'cannot_open',
        `The namespace "${url.namespace}" of the ${url.where} belongs to another ledger. Name that one with --ledger, or another namespace in the URL: ?namespace=NAME.`,
      )
    }
    const [ahead, behind] = [positionOf(found.generation, found.base), positionOf(state.generation, state.position)]
    // The header was read first, and the ledger only moves on.
    if (found.generation > state.generation || (found.generation === state.generation && found.base > state.position)) {
      throw new Fault(
        'cannot_open',
        `The ledger is an older copy: it ends at ${behind}, and it had reached ${ahead} when the ${url.where} last heard of it. Start with the ledger that was in use; or, if that is gone for good, remove the keys ${header}* from Redis.`,
      )
    }
  }
}

function positionOf(generation: number, position: number): string {
  return `position ${position} of generation ${generation}`
}

/** One page is written while the next is read. */
async function eachPage<Item>(pages: AsyncIterable<readonly Item[]>, write: (page: readonly Item[]) => Promise<unknown>): Promise<void> {
  let writing: Promise<unknown> = Promise.resolve()
  for await (const page of pages) {
    await writing
    if (page.length === 0) continue
    writing = write(page)
    // It is waited for above or below, whatever the next page brings.
    writing.catch(() => {})
  }
  await writing
}

type Commands = Parameters<Connection['commands']>[0]

function booksOf(page: readonly OnSale[], prefix: string): Commands {
  const books = page.flatMap(({ product, stock }) => [
    `${prefix}s:${product.sku}`,
    `${writeStock(stock)} ${writeRules(product)}`,
    `${prefix}p:${product.sku}`,
    `${product.createdAt}\t${product.updatedAt}\t${writeDetails(product)}`,
  ])
  return [
    ['MSET', ...books],
    ['ZADD', `${prefix}skus`, ...page.flatMap(({ product }) => [0, product.sku])],
  ]
}

function usersOf(page: readonly Bought[], prefix: string): Commands {
  const bySku = new Map<string, (string | number)[]>()
  for (const { sku, userId, units } of page) {
    const values = bySku.get(sku)
    if (values === undefined) bySku.set(sku, [userId, units])
    else values.push(userId, units)
  }
  return Array.from(bySku, ([sku, values]) => ['HSET', `${prefix}u:${sku}`, ...values])
}
