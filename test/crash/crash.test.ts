import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { sqliteStore } from '../../src/index.ts'
import { temporaryFile } from '../support/folder.ts'
import { createRandom, seed } from '../support/random.ts'
import { startService, type ServiceProcess } from '../support/service.ts'
import { createSometimes } from '../support/sometimes.ts'
import { expectSound } from '../support/sound.ts'
import { createBooks, type Books, type Call } from './books.ts'
import { createClient, type Client } from './client.ts'
import { cases, checkEverything, judge } from './judge.ts'
import { startLoad, totals } from './load.ts'

const rounds = Number(process.env['HOLDFAST_CRASH_ROUNDS'] ?? 12)
/** It takes about a second; the rest is for a busy machine. The figures are printed. */
const startMsMax = 10_000
const connections = 12

describe('SIGKILL in full load', () => {
  console.log(`HOLDFAST_SEED=${seed}`)

  it(
    `loses nothing that was acknowledged, ${rounds} times on the same file (S1–S4, S6, H1, H2, H4, H7, O1–O5, I1, I2, I5)`,
    { timeout: 60_000 + rounds * 10_000 },
    async () => {
      const file = await temporaryFile()
      const random = createRandom(seed)
      const books = createBooks()
      const sometimes = createSometimes(cases)
      const startMs: number[] = []
      const calls: Call[] = []
      let round: readonly Call[] = []

      for (let kills = 0; kills < rounds; kills++) {
        await running(file, startMs, async (service, client) => {
          if (kills === 0) await createProducts(client)
          await judge(client, books, round, sometimes)
          const load = startLoad(client, books, random, connections, kills)
          await delay(30 + random.int(400))
          if (load.inFlight > 0) sometimes.hit('killed with requests in flight')
          await service.kill()
          await load.done
          round = load.calls
          calls.push(...round)
        })
      }

      await running(file, startMs, async (service, client) => {
        await judge(client, books, round, sometimes)
        await checkEverything(client, books)
        // What was answered long ago, before other crashes.
        await judge(client, books, random.shuffle(calls).slice(0, 1_000), sometimes)
        expect(await service.stop(), 'exit code after SIGTERM').toBe(0)
      })
      await expectFileSound(file, books, calls)

      for (const { seenEnd } of books.reservations.values()) if (seenEnd === 'expired') sometimes.hit('reservation that expired')
      for (const { seenCancelled } of books.orders.values()) if (seenCancelled) sometimes.hit('order cancelled')
      const sorted = startMs.toSorted((a, b) => a - b)
      console.log(
        `${rounds} kills, ${calls.length} requests, ${books.reservations.size} reservations, ${books.orders.size} orders; ` +
          `started in ${Math.round(sorted[sorted.length >> 1]!)} ms (median), ${Math.round(sorted.at(-1)!)} ms (longest)`,
      )
      sometimes.expectAll('crash')
    },
  )
})

/** Never leaves a process behind. */
async function running(file: string, startMs: number[], work: (service: ServiceProcess, client: Client) => Promise<void>): Promise<void> {
  const service = await startService(`sqlite:${file}`)
  const client = createClient(service.address)
  try {
    startMs.push(service.startedInMs)
    expect(service.startedInMs, 'milliseconds from the start to the first answer').toBeLessThan(startMsMax)
    await work(service, client)
  } finally {
    client.close()
    await service.kill()
  }
}

async function createProducts(client: Client): Promise<void> {
  for (const [sku, totalStock] of totals) {
    const answer = await client.post('/v1/products', { sku, name: sku, totalStock, ...(sku === 'each' && { maxPerUser: 5 }) }, null)
    expect(answer?.status).toBe(201)
  }
}

/** The audit's verdict; and nothing is there that nobody asked for. */
async function expectFileSound(file: string, books: Books, calls: readonly Call[]): Promise<void> {
  const store = await sqliteStore({ path: file })
  try {
    await expectSound(store)
    let unheard = -books.reservations.size
    for (let cursor: string | null = null; ;) {
      const page = await store.reservations({ userId: null, sku: null, status: null }, { limit: 200, cursor })
      unheard += page.data.length
      cursor = page.nextCursor
      if (cursor === null) break
    }
    const lost = calls.filter(({ kind, answer }) => kind === 'reserve' && answer === null)
    expect(unheard).toBeGreaterThanOrEqual(0)
    expect(unheard, 'reservations whose answer was lost and could not be asked for again').toBeLessThanOrEqual(lost.length)
  } finally {
    await store.close()
  }
}
