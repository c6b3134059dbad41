import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Accepted, Command, Confirm, Outcome, UpdateProduct } from '../../domain/command.ts'
import { engineScope } from '../../domain/facts.ts'
import { Fault } from '../../domain/faults.ts'
import { patchProduct, saleWindowProblem, type Product, type ProductRow } from '../../domain/product.ts'
import { viewReservation } from '../../domain/reservation.ts'
import type { Ledger } from '../ledger.ts'
import { readReply, type Batch, type Open, type Reply } from './answers.ts'
import { mergeMetadata, writeCommands, type Prior } from './commands.ts'
import type { Drain } from './drain.ts'
import { isWithoutRoom, scriptWord } from './errors.ts'
import { mayBeLost } from './keys.ts'
import type { Memory } from './memory.ts'
import { createAnswers, type Answers, type Later } from './outcomes.ts'
import { needsLedger, needsRoom, only, partsOf, type Part } from './parts.ts'
import { toProduct } from './read.ts'
import { readPrice, readReservation } from './rows.ts'

export interface Admission {
  readonly execute: (commands: readonly Command[], repeat: boolean, later: Later | null) => Promise<readonly Outcome[]>
}

interface AdmissionOptions {
  readonly memory: Memory
  readonly ledger: Ledger
  readonly drain: Drain
  readonly pendingMax: number
}

/** How often something that was read before it was decided may have changed in between, until its callers hear `store_unavailable`. */
const staleMax = 100
/** The attempts at setting a limit after which whoever sells the product waits, for two seconds at most each time, so that the next one succeeds. */
const [quietFrom, quietTo] = [2, 6]
const waitMs = 10
/** How often a repeated batch asks the ledger again, because something left the journal meanwhile. */
const movedMax = 50

/** Commands to script calls, and replies to outcomes. */
export function createAdmission({ memory, ledger, drain, pendingMax }: AdmissionOptions): Admission {
  let calls = 0

  /** Decide some commands in one script call, in the generation for which it was found out that the ledger has no answer to them. */
  const decide = async (
    generation: number,
    commands: readonly Command[],
    repeat: Repeat,
    priors: ReadonlyMap<Command, Prior>,
  ): Promise<Decision> => {
    const { args, skus } = writeCommands(commands, priors)
    const script = commands.some(needsRoom) ? 'holdfastBatch' : 'holdfastEnds'
    for (;;) {
      const read = [...priors.values()].flatMap(({ order }) => (order === undefined ? [] : [order.generation]))
      if ([...read, generation].some((one) => one !== memory.generation)) {
        throw new Fault('store_unavailable', 'A new generation has begun meanwhile.')
      }
      const call = ++calls
      try {
        const reply = await memory.run(script, [call, repeat === null ? '' : '1', pendingMax, drain.seen(), repeat?.base ?? '', ...args])
        const [now, position, prices, replies, transitions] = reply as [number, number, string[], Reply[], number]
        if (transitions > 0) memory.wrote(generation, call)
        drain.notice(generation, position)
        const batch: Batch = { now, prices: new Map(skus.map((sku, index) => [sku, readPrice(prices[index]!)])) }
        return {
          answers: replies.map((one, index) => readReply(commands[index]!, one, batch, priors.get(commands[index]!))),
          now,
          position,
        }
      } catch (error) {
        // So much was due that it was given back first; or what this changes is counted by somebody, which takes a moment.
        const word = scriptWord(error)?.word
        if (word === 'wait') await delay(waitMs)
        else if (word !== 'behind') throw error
      }
    }
  }

  /** Until nothing that was read before has changed in between; of such a command there is one. */
  const decideStubbornly = async (generation: number, commands: readonly Command[], repeat: Repeat): Promise<Decision> => {
    for (let stale = 0; ; stale++) {
      const priors = await readPriors(commands, stale, repeat?.made)
      try {
        const decision = await decide(generation, commands, repeat, priors)
        if (!decision.answers.includes('stale')) return decision
      } finally {
        await forgetCounts(priors)
      }
      if (stale >= staleMax) throw new Fault('store_unavailable', 'What this changes was changed by others all the time.')
    }
  }

  const run = async (generation: number, part: Part, repeat: Repeat, answers: Answers): Promise<void> => {
    const { commands, indexes } = part
    if (commands.length === 0) return
    const decision = await decideStubbornly(generation, commands, repeat)
    const written = lazily(() => drain.through(generation, decision.position))
    const found = lazily(() => answerUnknown(generation, commands, decision))
    const decidedAfter = lazily(async () => {
      await found()
      const own = createAnswers(null)
      const rest = only(part, (command) => decision.answers[commands.indexOf(command)] === 'after')
      await (repeat === null ? run(generation, rest, null, own) : runAgain(rest, own))
      return own.all()
    })
    for (let at = 0; at < commands.length; at++) {
      const answer = decision.answers[at]!
      if (answer === 'after')
        answers.wait(
          indexes[at]!,
          decidedAfter().then((outcomes) => outcomes[indexes[at]!]!),
        )
      else if (typeof answer === 'string')
        answers.wait(
          indexes[at]!,
          found().then((known) => known.get(commands[at]!)!),
        )
      else if (needsLedger(commands[at]!, answer))
        answers.wait(
          indexes[at]!,
          written().then(() => answer),
        )
      else answers.settle(indexes[at]!, answer)
    }
  }

  /** Where there is no room for more reservations, ends go on without them. */
  const runEnds = async (generation: number, part: Part, repeat: Repeat, answers: Answers): Promise<void> => {
    const { commands } = part
    if (!commands.some(needsRoom) || commands.every(needsRoom) || !answers.mayWait) return run(generation, part, repeat, answers)
    try {
      await run(generation, part, repeat, answers)
    } catch (error) {
      if (!isWithoutRoom(error)) throw error
      for (const [at, command] of commands.entries()) if (needsRoom(command)) answers.wait(part.indexes[at]!, rejected(error))
      await run(
        generation,
        only(part, (command) => !needsRoom(command)),
        repeat,
        answers,
      )
    }
  }

  /** What the ledger may have a say in before it is decided; the others of the batch must not suffer when that is away. */
  const runAlone = async (part: Part, repeat: Repeat, answers: Answers): Promise<void> => {
    try {
      const { generation } = memory
      const [command] = part.commands as readonly [Command]
      // A key of an older generation is known to the ledger only. Of the engine's own, only those that it repeats.
      const isOwn = command.idempotency === null || (command.idempotency.scope === engineScope && repeat === null)
      const [known] = isOwn ? [null] : await ledger.peek([command], await readNow())
      if (known == null) await run(generation, part, repeat, answers)
      else answers.settle(part.indexes[0]!, known)
    } catch (error) {
      if (!answers.mayWait) throw error
      answers.wait(part.indexes[0]!, rejected(error))
    }
  }

  /** Nothing comes after it in the batch, so nobody has to wait for it. */
  const runLast = (part: Part, repeat: Repeat, answers: Answers): void => {
    const decided = async (): Promise<Outcome> => {
      const own = createAnswers(null)
      await runAlone({ commands: part.commands, indexes: [0] }, repeat, own)
      const [outcome] = await own.all()
      return outcome!
    }
    answers.wait(part.indexes[0]!, decided())
  }

  /** What leaves the journal between the look into the ledger and the script may be what was looked for. */
  const runAgain = async (part: Part, answers: Answers): Promise<void> => {
    for (let moved = 0; ; moved++) {
      const { generation } = memory
      const [, base] = (await memory.run('holdfastRead', ['position'])) as [number, number]
      try {
        return await runEnds(generation, part, { base, made: await readMade(part.commands) }, answers)
      } catch (error) {
        if (scriptWord(error)?.word !== 'moved') throw error
        if (moved >= movedMax) throw new Fault('store_unavailable', 'What an earlier attempt did could not be found out.', error)
      }
    }
  }

  /** A reservation that an earlier attempt made, and that has ended and left Redis since, is known to the ledger only. */
  const readMade = async (commands: readonly Command[]): Promise<ReadonlyMap<Command, Prior>> => {
    const made = new Map<Command, Prior>()
    await Promise.all(
      commands.map(async (command) => {
        const found = command.type === 'reserve' ? await ledger.reservation(command.id, 0) : null
        const value = found && viewReservation({ ...found, status: 'active', endedAt: null, orderId: null }, found.createdAt)
        if (value !== null) made.set(command, { answer: { ok: true, value, created: true, replayed: false } })
      }),
    )
    return made
  }

  /** Reservations that are not in Redis have ended, or never were. */
  const answerUnknown = async (
    generation: number,
    commands: readonly Command[],
    { answers, now, position }: Decision,
  ): Promise<ReadonlyMap<Command, Outcome>> => {
    const unknown = commands.filter((_, at) => answers[at] === 'unknown' || answers[at] === 'unsettled')
    if (answers.includes('unsettled')) await drain.through(generation, position)
    let found = await ledger.peek(unknown, now)
    if (found.some(isNotFound)) {
      // The ledger may not know it yet; then it is missing in Redis.
      await drain.catchUp('sale')
      found = await ledger.peek(unknown, now)
    }
    const removedTime = generation > 1 && found.some(isNotFound) ? (await ledger.removed()).reservationsTime : 0
    const told = new Map(
      unknown.map((command, nth) => {
        const answer = found[nth]
        if (answer == null) {
          memory.lose(generation, 'broken', 'a reservation that the ledger has as active is missing')
          throw new Fault('store_unavailable', 'Redis holds what cannot be right; it is being loaded from the ledger.')
        }
        return [command, sayLost(command, answer, generation, removedTime)]
      }),
    )
    return keepAnswers(generation, told)
  }

  /** The script has the last word on what was answered without it under a key, and keeps that. */
  const keepAnswers = async (generation: number, told: ReadonlyMap<Command, Outcome>): Promise<ReadonlyMap<Command, Outcome>> => {
    const isNew = ([{ idempotency }, answer]: readonly [Command, Outcome]): boolean => idempotency !== null && answer.ok && !answer.replayed
    const priors = new Map([...told].filter(isNew).map(([command, answer]) => [command, { answer: answer as Accepted }]))
    if (priors.size === 0) return told
    const commands = [...priors.keys()]
    const { answers } = await decide(generation, commands, null, priors)
    return new Map([...told, ...commands.map((command, at) => [command, answers[at] as Outcome] as const)])
  }

  const readNow = async (): Promise<number> => ((await memory.run('holdfastRead', ['position'])) as [number])[0]

  const readPriors = async (
    commands: readonly Command[],
    stale: number,
    made?: ReadonlyMap<Command, Prior>,
  ): Promise<ReadonlyMap<Command, Prior>> => {
    const priors = new Map(made)
    const withMetadata = commands.filter(
      (command): command is Confirm => command.type === 'confirm' && Object.keys(command.metadata).length > 0,
    )
    if (withMetadata.length > 0) {
      const ids = withMetadata.map(({ reservationId }) => reservationId)
      const [, ...found] = (await memory.run('holdfastRead', ['reservations', ...ids])) as [number, ...(string | null)[]]
      const reserved = new Map(commands.flatMap((command) => (command.type === 'reserve' ? [[command.id, command.metadata]] : [])))
      for (const [index, text] of found.entries()) {
        const id = ids[index]!
        const first = text === null ? reserved.get(id) : readReservation(id, text.split('\t')).row.metadata
        if (first !== undefined) priors.set(withMetadata[index]!, { metadata: mergeMetadata(first, withMetadata[index]!.metadata) })
      }
    }
    for (const command of commands) {
      if (command.type === 'createProduct') priors.set(command, { createProblem: saleWindowProblem(command.details) })
      if (command.type === 'updateProduct') priors.set(command, await readUpdate(command, stale >= quietFrom && stale < quietTo))
      if (command.type === 'cancelOrder') {
        await drain.catchUp('sale')
        const { generation, position } = await ledger.state()
        priors.set(command, { order: { row: await ledger.orderRow(command.orderId), generation, position } })
      }
    }
    return priors
  }

  const readUpdate = async ({ sku, patch }: UpdateProduct, wantsQuiet: boolean): Promise<Prior> => {
    const [now, text] = (await memory.run('holdfastRead', ['product', sku])) as [number, string | null]
    if (text === null) return {}
    const { stock, ...before }: Product = toProduct(text)
    const after: ProductRow = patchProduct(before, patch, now)
    const isLimited = before.maxPerUser === null && after.maxPerUser !== null
    const counted = isLimited ? { version: stock.version, key: await countUsers(sku), wantsQuiet } : null
    return { update: { before, after, problem: saleWindowProblem(after), counted } }
  }

  /** What users hold and bought of a sku, by the ledger, for the script to take when nothing has happened to the sku meanwhile. */
  const countUsers = async (sku: string): Promise<string> => {
    await drain.catchUp('sale')
    const key = `count:${randomUUID()}`
    // A user that nobody is: the script must find the key where no user has units, too.
    await memory.command('HSET', key, '', 0)
    for await (const page of ledger.usersOf(sku)) {
      if (page.length > 0) await memory.command('HSET', key, ...page.flatMap(({ userId, units }) => [userId, units]))
    }
    return key
  }

  /** A count that the script took has another name by now; one that it had no use for goes. */
  const forgetCounts = async (priors: ReadonlyMap<Command, Prior>): Promise<void> => {
    for (const { update } of priors.values()) {
      if (update?.counted != null) await memory.command('UNLINK', update.counted.key).catch(() => {})
    }
  }

  return {
    execute: async (commands, repeat, later) => {
      const answers = createAnswers(later)
      const parts = partsOf(commands)
      for (const [nth, part] of parts.entries()) {
        const isLast = nth === parts.length - 1
        if (part.isAlone && isLast && later !== null) runLast(part, repeat ? { base: null } : null, answers)
        else if (part.isAlone) await runAlone(part, repeat ? { base: null } : null, answers)
        else if (repeat) await runAgain(part, answers)
        else await runEnds(memory.generation, part, null, answers)
      }
      return answers.all()
    },
  }
}

/** Not null: an earlier attempt may have been executed. `base`: where the journal began when the ledger was asked what that made; `made`: what it said. */
type Repeat = { readonly base: number | null; readonly made?: ReadonlyMap<Command, Prior> } | null

async function rejected(error: unknown): Promise<never> {
  throw error
}

interface Decision {
  readonly answers: readonly (Outcome | Open)[]
  /** The moment of the decision. */
  readonly now: number
  /** Of the journal, after it. */
  readonly position: number
}

function isNotFound(answer: Outcome | null): boolean {
  return answer !== null && !answer.ok && answer.refusal.code === 'reservation_not_found'
}

/** Nobody knows the reservation, and there was a loss of memory. */
function sayLost(command: Command, answer: Outcome, generation: number, removedTime: number): Outcome {
  if (!isNotFound(answer) || !('reservationId' in command)) return answer
  return mayBeLost(command.reservationId, generation, removedTime) ? { ok: false, refusal: { code: 'reservation_lost' } } : answer
}

/** Begun when it is asked for first. */
function lazily<Answer>(begin: () => Promise<Answer>): () => Promise<Answer> {
  let begun: Promise<Answer> | undefined
  return () => (begun ??= begin())
}
