// Another process on a SQLite file, run from the build: node child.mjs JOB PATH. What it finds it prints, one JSON value on a line.
import { createInterface } from 'node:readline'
import { createHoldfast, sqliteStore } from '../../dist/index.js'

const [job, path] = /** @type {[string, string]} */ (process.argv.slice(2))

/** @param {unknown} value */
const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)

/** @param {unknown} error */
const codeOf = (error) => (error instanceof Error && 'code' in error ? { code: error.code, message: error.message } : String(error))

/** @type {Record<string, () => Promise<void>>} */
const jobs = {
  /** Open, say so, and close. */
  open: async () => {
    const store = await sqliteStore({ path })
    print('opened')
    await store.close()
  },

  /** Sell one unit and die without closing. */
  crash: async () => {
    const shop = createHoldfast({ store: await sqliteStore({ path }), expiry: 'manual' })
    const reservation = await shop.reserve({ userId: 'ann', items: [{ sku: 'a', quantity: 1 }] })
    print(reservation.ok && reservation.value.id)
    process.kill(process.pid, 'SIGKILL')
  },

  /** Reserve until the disk is full, wait for a line on stdin (it is no longer full), and reserve once more. */
  fill: async () => {
    const shop = createHoldfast({ store: await sqliteStore({ path }), expiry: 'manual', attemptsMax: 2 })
    const metadata = { note: 'x'.repeat(2_000) }
    const reserve = () => shop.reserve({ userId: 'ann', items: [{ sku: 'a', quantity: 1 }], metadata })
    /** @type {string[]} */
    const acknowledged = []
    for (;;) {
      try {
        const outcome = await reserve()
        if (!outcome.ok) throw new Error(outcome.refusal.code)
        acknowledged.push(outcome.value.id)
      } catch (error) {
        print(codeOf(error))
        break
      }
    }
    // Reading goes on.
    for (const id of acknowledged) if ((await shop.reservation(id)) === null) print(`lost ${id}`)
    print('full')
    for await (const _ of createInterface({ input: process.stdin })) break
    const outcome = await reserve()
    print([...acknowledged, outcome.ok && outcome.value.id])
    await shop.close()
    process.stdin.destroy()
  },
}

try {
  await jobs[job]?.()
} catch (error) {
  print(codeOf(error))
}
