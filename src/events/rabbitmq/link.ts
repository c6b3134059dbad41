import type { ChannelModel } from 'amqplib'
import type { Time } from '../relay/time.ts'
import { connect, cut, explain, type ConnectOptions, type Driver } from './connect.ts'
import type { News } from './news.ts'
import type { AmqpUrl } from './url.ts'

/** What is done over one connection, for as long as it lasts. */
export interface Session<Work> {
  readonly work: Work
  /** Something is wrong with it: it is cut, and made anew. */
  readonly drop: (reason: string) => void
}

interface Closable {
  /** What was sent on its channels arrives before the connection is closed. */
  readonly close: () => Promise<void>
}

/** One connection that is made anew whenever it is lost. */
export interface Link<Work> {
  /** Waits for an attempt that is under way; throws why there is none. */
  readonly session: () => Promise<Session<Work>>
  /** How long there has been none; 0: there is one. */
  readonly awayMs: () => number
  /** Over within a good half second. */
  readonly close: () => Promise<void>
}

export interface LinkOptions<Work> {
  readonly driver: Driver
  readonly url: AmqpUrl
  readonly connection: ConnectOptions
  /** Declares what is needed and opens channels; the work ends with whatever it drops. */
  readonly open: (model: ChannelModel, drop: (reason: string) => void) => Promise<Work>
  readonly time: Time
  readonly random: () => number
  readonly news: News
}

/** From a tenth of a second on, twice as long each time, and not for all nodes at the same moment. */
const firstMs = 100
const longestMs = 5_000
/** A connection that lasted for less was none: the next attempt waits for longer. */
const steadyMs = 5_000
const farewellMs = 600

export function createLink<Work extends Closable>({ driver, url, connection, open, time, random, news }: LinkOptions<Work>): Link<Work> {
  const closing = new AbortController()
  const { purpose } = connection
  let attempt: Promise<Session<Work>>
  let awaySince = time.ticks()
  let current: { readonly model: ChannelModel; readonly work: Work } | null = null

  const run = async (): Promise<void> => {
    for (let failures = 0; !closing.signal.aborted; failures++) {
      const lost = deferred()
      attempt = begin(lost.resolve)
      let reason: string
      try {
        await attempt
        news.up(purpose)
        const at = time.ticks()
        reason = await lost.promise
        if (time.ticks() - at >= steadyMs) failures = 0
      } catch (error) {
        reason = explain(error)
      }
      if (current !== null) awaySince = time.ticks()
      current = null
      attempt = Promise.reject(new Error(reason))
      attempt.catch(() => {})
      if (closing.signal.aborted) return
      news.down(purpose, reason)
      await time.sleep(Math.min(longestMs, firstMs * 2 ** failures) * (0.75 + random() / 2), closing.signal)
    }
  }

  const begin = async (lost: (reason: string) => void): Promise<Session<Work>> => {
    const model = await connect(driver, url, connection)
    let over: string | null = null
    const end = (reason: string): void => {
      if (over !== null) return
      over = reason
      // After a silence the socket is open still.
      cut(model, reason)
      lost(reason)
    }
    model.on('close', (error) => end(error === undefined ? 'the connection was closed' : explain(error)))
    // The network may fall silent at any time.
    const timer = setTimeout(() => end('it does not answer in time'), connection.connectMsMax)
    try {
      const work = await open(model, end)
      if (closing.signal.aborted) end('this node stops')
      if (over !== null) throw new Error(over)
      current = { model, work }
      return { work, drop: end }
    } catch (error) {
      end(explain(error))
      throw new Error(over ?? explain(error), { cause: error })
    } finally {
      clearTimeout(timer)
    }
  }

  const goodbye = async (): Promise<void> => {
    await current?.work.close()
    await current?.model.close()
  }

  void run()
  return {
    session: async () => {
      try {
        return await attempt
      } catch (error) {
        throw new Error(`${url.where}: ${explain(error)}`, { cause: error })
      }
    },
    awayMs: () => (current === null ? time.ticks() - awaySince : 0),
    close: async () => {
      closing.abort()
      await Promise.race([goodbye().catch(() => {}), time.sleep(farewellMs, new AbortController().signal)])
      // An attempt that is under way ends by itself, and cuts what it gets.
      if (current !== null) cut(current.model, 'closing')
    },
  }
}

function deferred(): { readonly promise: Promise<string>; readonly resolve: (reason: string) => void } {
  let resolve: (reason: string) => void = () => {}
  const promise = new Promise<string>((settle) => (resolve = settle))
  return { promise, resolve }
}
