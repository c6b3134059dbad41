import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Event } from '../../../src/domain/event.ts'
import { Fault } from '../../../src/domain/faults.ts'
import { newId } from '../../../src/engine/ids.ts'
import { createAttemptLog } from '../../../src/events/webhooks/attempts.ts'
import { createConsumer } from '../../../src/events/webhooks/consumer.ts'
import { createRelays } from '../../../src/events/relay/relays.ts'
import { startWebhooks } from '../../../src/events/webhooks/start.ts'
import { startWorker } from '../../../src/events/worker.ts'
import type { Attempt, Webhook } from '../../../src/events/webhooks/webhook.ts'
import { createWebhooks, type Webhooks } from '../../../src/events/webhooks/webhooks.ts'
import { createHoldfast, sqliteStore, type Holdfast, type Store } from '../../../src/index.ts'
import type { Notes } from '../../../src/store/port.ts'
import { manualClock, type ManualClock } from '../../support/clock.ts'
import { startEndpoint } from '../../support/endpoint.ts'
import { someMessage } from '../../support/webhooks.ts'

const hour = 60 * 60 * 1000
const say = () => ({ status: 200, body: '{}' })

interface Stage {
  readonly shop: Holdfast
  readonly store: Store
  readonly notes: Notes
  readonly clock: ManualClock
  /** As many as there are nodes. */
  readonly node: () => Webhooks
  readonly reports: unknown[]
}

async function openStage(): Promise<Stage> {
  const clock = manualClock(Date.now())
  const store = await sqliteStore({ path: ':memory:' })
  const shop = createHoldfast({ store, expiry: 'manual' })
  const notes = store.notes!
  const reports: unknown[] = []
  onTestFinished(() => shop.close())
  const node = (): Webhooks => createWebhooks({ shop, notes, now: clock, allowPrivate: true, report: (error) => reports.push(error) })
  return { shop, store, notes, clock, node, reports }
}

async function made(webhooks: Webhooks, url: string): Promise<Webhook> {
  const told = await webhooks.create({ url }, null, say)
  if (!told.ok) throw new Error(told.code)
  return (await webhooks.get(told.id))!
}

describe('an event that is given up after three days', () => {
  it('stands in the attempts; an endpoint that took nothing in all that time is disabled', async () => {
    const { clock, node, reports } = await openStage()
    const endpoint = await startEndpoint()
    const webhooks = node()
    const { id } = await made(webhooks, endpoint.url)
    const { kept, log, sender } = webhooks.parts
    const webhook = (await webhooks.get(id))!
    const parts = { kept, attempts: log, sender, now: clock, random: Math.random, report: (error: unknown) => reports.push(error) }
    const consumer = createConsumer({ webhook: () => webhook, ...parts, onChange: () => {} })
    const event = { id: '7', type: 'stock.adjusted', time: 0, subject: 'a', data: {} } as Event
    let givenUp = 0
    const giveUp = async (): Promise<Webhook> => {
      consumer.onGivenUp?.(event, 'It answered 500.')
      givenUp++
      await vi.waitFor(async () => {
        const { attempts } = await log.read(id)
        expect(attempts.filter(({ outcome }) => outcome === 'given_up')).toHaveLength(givenUp)
      })
      // What follows it asks the store only, which answers in turn.
      for (let turn = 0; turn < 5; turn++) await kept.get(id)
      return (await webhooks.get(id))!
    }

    // Two days after its making.
    clock.advance(48 * hour)
    expect((await giveUp()).status).toBe('active')
    // Three days after, but it has taken something since.
    log.add(id, (await sender.send(webhook, someMessage)).attempt)
    clock.advance(72 * hour - 1)
    expect((await giveUp()).status).toBe('active')
    // Three days after that.
    clock.advance(1)
    expect(await giveUp()).toMatchObject({
      status: 'disabled',
      disabledReason: expect.stringMatching(/nothing for three days.*500/) as string,
    })
    // Somebody has mended it.
    clock.advance(hour)
    await webhooks.update(id, { status: 'active' }, null, say)
    expect((await giveUp()).status).toBe('active')
    expect(reports).toEqual([])
  })
})

describe('what came of the last deliveries', () => {
  const attempt = (at: number, named: Partial<Attempt> = {}): Attempt => ({
    id: newId(),
    eventId: '1',
    eventType: 'order.created',
    at,
    durationMs: 1,
    outcome: 'failed',
    statusCode: 500,
    reason: 'It answered 500.',
    response: 'x',
    ...named,
  })
  const textOf = async (notes: Notes): Promise<string> => (await notes.read('webhook-attempts/a'))?.value ?? ''

  it('is kept of all nodes, the last hundred, in the order of time', async () => {
    const { notes, reports } = await openStage()
    const logs = Array.from({ length: 3 }, () => createAttemptLog(notes, (error) => reports.push(error)))
    for (let at = 0; at < 150; at++) logs[at % 3]!.add('a', attempt(at, at === 3 ? { outcome: 'delivered' } : {}))
    await Promise.all(logs.map((log) => log.flush()))
    const { attempts, lastSuccessAt } = await createAttemptLog(notes, () => {}).read('a')
    expect(attempts.map(({ at }) => at)).toEqual(Array.from({ length: 100 }, (_, index) => 50 + index))
    expect([lastSuccessAt, reports]).toEqual([3, []])
  })

  it('takes a bounded place, whatever endpoints answer', async () => {
    const { notes } = await openStage()
    const log = createAttemptLog(notes, () => {})
    for (let at = 0; at < 1_000; at++) log.add('a', attempt(at, { response: '\u0001'.repeat(500), reason: '\u0001'.repeat(500) }))
    await log.flush()
    const { attempts } = await log.read('a')
    expect((await textOf(notes)).length).toBeLessThan(132_000)
    expect([attempts.length > 15, attempts.at(-1)?.at]).toEqual([true, 999])
  })

  it('is kept later when the store was away', async () => {
    const { notes } = await openStage()
    const reports: unknown[] = []
    let isAway = true
    const away: Notes = {
      ...notes,
      read: async (name) => {
        if (isAway) throw new Fault('store_unavailable', 'away')
        return notes.read(name)
      },
    }
    const log = createAttemptLog(away, (error) => reports.push(error))
    log.add('a', attempt(1))
    await log.flush()
    isAway = false
    log.add('a', attempt(2))
    await log.flush()
    expect((await log.read('a')).attempts.map(({ at }) => at)).toEqual([1, 2])
    expect([reports.length, (await textOf(notes)).length > 100]).toEqual([1, true])
  })
})

describe('a webhook that is deleted', () => {
  it('leaves nothing behind: its position and its attempts at once, its answers after a day', async () => {
    const { shop, store, notes, clock, node, reports } = await openStage()
    const webhooks = node()
    const endpoint = await startEndpoint()
    const worker = await startWorker({ shop, store, webhooks, report: (error) => reports.push(error) })
    const names = async (): Promise<string[]> =>
      (await Promise.all(['webhook/', 'webhook-attempts/', 'relay/'].map((prefix) => notes.list(prefix)))).flat().map(({ name }) => name)
    const { id } = await made(webhooks, endpoint.url)
    await shop.createProduct({ sku: 'a', name: 'A', totalStock: 1 })
    await vi.waitFor(() => expect(endpoint.received).toHaveLength(1))
    await webhooks.parts.log.flush()
    await vi.waitFor(async () => expect(await names()).toEqual([`webhook/${id}`, `webhook-attempts/${id}`, `relay/webhook/${id}`]))
    await webhooks.remove(id, null, say)
    await vi.waitFor(async () => expect(await names()).toEqual([`webhook/${id}`]), { timeout: 3_000 })
    expect((await notes.read(`webhook/${id}`))!.value).not.toContain('whsec_')
    clock.advance(24 * hour)
    await made(webhooks, endpoint.url)
    await vi.waitFor(async () => expect((await names()).filter((name) => name.includes(id))).toEqual([]))
    await worker.close()
    await webhooks.close()
    expect(reports).toEqual([])
  })

  it('is remembered among the last hundred of a day', async () => {
    const { notes, clock, node } = await openStage()
    const webhooks = node()
    for (let times = 0; times < 103; times++) {
      clock.advance(1)
      await webhooks.remove((await made(webhooks, 'http://127.0.0.1/')).id, null, say)
    }
    expect((await notes.list('webhook/')).length).toBe(101)
  })
})

describe('a webhook that was made on another node', () => {
  it('is noticed, and so are its changes', async () => {
    const { shop, notes, node, reports } = await openStage()
    const [asked, telling] = [node(), node()]
    const report = (error: unknown) => void reports.push(error)
    const relays = createRelays({ shop, notes, isShared: false, report })
    const started = startWebhooks({ webhooks: telling, relays, lookMs: 10, report })
    const [first, second] = [await startEndpoint(), await startEndpoint()]
    const { id } = await made(asked, first.url)
    await vi.waitFor(() => expect(relays.status().map(({ name }) => name)).toEqual([`webhook/${id}`]))
    await shop.createProduct({ sku: 'a', name: 'A', totalStock: 1 })
    await vi.waitFor(() => expect(first.received).toHaveLength(1))
    await asked.update(id, { url: second.url }, null, say)
    for (let times = 0; second.received.length === 0; times++) {
      await shop.adjustStock('a', { delta: 1 })
      await vi.waitFor(() => expect(first.received.length + second.received.length).toBe(times + 2))
    }
    await asked.update(id, { status: 'disabled' }, null, say)
    await vi.waitFor(() => expect(relays.status()).toEqual([]))
    await Promise.all([started.close(), relays.stop()])
    expect(reports).toEqual([])
  })
})

describe('equal requests on several nodes', () => {
  it('make one webhook and change it once (I4)', async () => {
    const { notes, node } = await openStage()
    const nodes = Array.from({ length: 4 }, node)
    const key = { scope: 'operator POST /v1/webhooks', key: 'k', fingerprint: 'f' }
    const answer = (webhook: Webhook) => ({ status: 201, body: webhook.secrets[0]!.secret })
    const all = await Promise.all(nodes.map((one) => one.create({ url: 'http://127.0.0.1/' }, key, answer)))
    const [{ webhook }] = (await notes.list('webhook/')).map(({ value }) => JSON.parse(value) as { webhook: Webhook }) as [
      { webhook: Webhook },
    ]
    const { secret } = webhook.secrets[0]!
    expect(all.map((told) => told.ok && told.said.body)).toEqual(nodes.map(() => secret))
    expect(all.filter((told) => told.ok && !told.replayed)).toHaveLength(1)
    await Promise.all(nodes.map((one) => one.rotate(webhook.id, { ...key, key: 'r' }, answer)))
    expect((await nodes[0]!.get(webhook.id))!.secrets).toHaveLength(2)
    // Without a key each counts.
    await Promise.all(nodes.map((one) => one.rotate(webhook.id, null, answer)))
    expect((await nodes[0]!.get(webhook.id))!.secrets).toHaveLength(4)
    expect(await notes.list('webhook/')).toHaveLength(1)
  })
})
