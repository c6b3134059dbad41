import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reserve } from '../../src/store/conformance/kit.ts'
import { findMessage, oneOfA, openFaultyNode, runs, type FaultyNode } from '../support/faulty-node.ts'
import { holdStock, until, untilWaitingForLocks } from '../support/postgres-locks.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'
import { startService } from '../support/service.ts'
import { accepted } from '../support/shop.ts'
import { expectSound } from '../support/sound.ts'

let stores: PostgresStores

beforeAll(async () => {
  stores = await createPostgresStores()
})

afterAll(() => stores.remove())

describe.concurrent('a node that falls silent in the middle of a batch', () => {
  const lockMsMax = 500
  const options = { lockMsMax, statementMsMax: 300 }
  /** Between the end of the bound and the next who is answered. */
  const slackMs = 3_000

  /** One batch of the faulty node is caught by the proxy; the other must go on, and both batches have one effect and one answer. */
  async function expectOtherToGoOn(node: FaultyNode, isCaught: () => boolean, other: () => Promise<unknown>, msMax: number): Promise<void> {
    const shop = node.shopOf(node.faulty)
    const reserving = shop.reserve(oneOfA('ann'), { idempotencyKey: 'k' })
    await until('the batch to be caught', isCaught)
    const startedAt = performance.now()
    await other()
    expect(performance.now() - startedAt, 'ms that the other node waited').toBeLessThan(msMax)
    const made = accepted(await reserving)
    expect(await shop.reserve(oneOfA('ann'), { idempotencyKey: 'k' })).toMatchObject({ ok: true, replayed: true, value: { id: made.id } })
    expect((await node.healthy.product('a'))?.stock).toMatchObject({ reserved: 2, version: 3 })
    await expectSound(node.healthy)
  }

  it('between reading and writing holds no lock for longer than the bound (S2, O4, I1)', async (context) => {
    const node = await openFaultyNode(stores, context, options)
    let caught = 0
    const locking = new WeakSet<object>()
    node.proxy.inspect = (piece, from, connection) => {
      if (from === 'client') {
        if (runs(piece, 'lock')) locking.add(connection)
        return 'pass'
      }
      return locking.has(connection) && caught++ === 0 ? 'silent' : 'pass'
    }
    const other = async (): Promise<void> => expect(await node.healthy.execute([reserve('bob', { a: 1 })])).toMatchObject([{ ok: true }])
    await expectOtherToGoOn(node, () => caught > 0, other, lockMsMax + slackMs)
  })

  it('in the middle of a message is cut off by the node that waits for it (S2, O4, I1)', async (context) => {
    const node = await openFaultyNode(stores, context, options, '&prepared=off')
    const shop = node.shopOf(await stores.open(node.schema, { lockMsMax }))
    let caught = 0
    node.proxy.inspect = (piece, from) => {
      const text = `insert into "${node.schema}".reservations`
      if (from === 'server' || !piece.includes(text) || caught++ > 0) return 'pass'
      return { pass: findMessage(piece, text).end + 3, rest: 'silent' }
    }
    const other = async (): Promise<unknown> => accepted(await shop.reserve(oneOfA('bob')))
    await expectOtherToGoOn(node, () => caught > 0, other, 2 * lockMsMax + slackMs)
  })

  it('because its process is frozen, holds no lock for longer than the bound, and answers when it wakes (S2, O4, I1)', async (context) => {
    const { schema, healthy } = await openFaultyNode(stores, context, {})
    const service = await startService(`${stores.server.url}?schema=${schema}`)
    context.onTestFinished(() => service.kill())
    const letGo = await holdStock(stores.server, schema, 'a')
    const answering = fetch(`${service.address}/v1/reservations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'k' },
      body: JSON.stringify(oneOfA('ann')),
    })
    await untilWaitingForLocks(stores.server, schema, 1)
    service.pause()
    await letGo()
    await until('the lock to be with the frozen node', async () => {
      const [row] = await stores.server.sql(
        `select count(*)::int as n from pg_stat_activity where state = 'idle in transaction' and query like '%"${schema}".%'`,
      )
      return row?.['n'] === 1
    })
    const startedAt = performance.now()
    expect(await healthy.execute([reserve('bob', { a: 1 })])).toMatchObject([{ ok: true }])
    expect(performance.now() - startedAt, 'ms that the other node waited').toBeLessThan(3_000 + slackMs)
    service.resume()
    const answer = await answering
    expect(answer.status).toBe(201)
    const { id } = (await answer.json()) as { id: string }
    expect(await healthy.reservation(id)).toMatchObject({ status: 'active', userId: 'ann' })
    expect((await healthy.product('a'))?.stock).toMatchObject({ reserved: 2, version: 3 })
    await expectSound(healthy)
  })
})
