import { getEventListeners } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createClient, faultCode, type ClientOptions } from '../../src/client/index.ts'
import { answering, scriptedService, silent, type ScriptedAnswer } from '../support/scripted-service.ts'

async function shopOf(answer: ScriptedAnswer, options: Partial<ClientOptions> = {}) {
  const service = await scriptedService([answer])
  const shop = createClient({ url: service.url, ...options })
  onTestFinished(() => shop.close())
  return { ...service, shop }
}

const noStock = answering(404, { code: 'product_not_found', sku: 'a' })
const busyForLong = answering(503, { code: 'overloaded' }, { 'retry-after': '20' })

/** Resolves when the condition holds, looking in every turn of the event loop. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(setImmediate)
}

describe('a signal', () => {
  it('that is aborted already sends nothing', async () => {
    const { shop, requests } = await shopOf(noStock)
    const signal = AbortSignal.abort(new Error('no more'))
    await expect(shop.product('a', { signal })).rejects.toThrow('no more')
    await expect(shop.cancel('r', {}, { signal })).rejects.toThrow('no more')
    expect(requests).toEqual([])
  })

  it('ends the waiting for an answer at once, and the connection with it', async () => {
    let isOpen = true
    const { shop, requests } = await shopOf((response) => void response.on('close', () => (isOpen = false)))
    const controller = new AbortController()
    const asked = shop.product('a', { signal: controller.signal })
    await until(() => requests.length === 1)
    controller.abort(new Error('changed my mind'))
    await expect(asked).rejects.toThrow('changed my mind')
    await until(() => !isOpen)
    expect(requests).toHaveLength(1)
  })

  it('ends the waiting between attempts at once', async () => {
    const { shop, requests } = await shopOf(busyForLong)
    const controller = new AbortController()
    const startedAt = performance.now()
    const asked = shop.reserve({ userId: 'ada', items: [] }, { signal: controller.signal })
    await until(() => requests.length === 1 && getEventListeners(controller.signal, 'abort').length === 1)
    setTimeout(() => controller.abort(new Error('changed my mind')), 50)
    await expect(asked).rejects.toThrow('changed my mind')
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    expect(requests).toHaveLength(1)
  })

  it('ends the waiting for a key, and for a fetch that does not listen to it', async () => {
    const never = new Promise<never>(() => {})
    const { shop } = await shopOf(noStock, { key: () => never })
    await expect(shop.product('a', { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({ name: 'TimeoutError' })
    const deaf = createClient({ url: 'http://127.0.0.1:1', fetch: () => never })
    await expect(deaf.product('a', { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({ name: 'TimeoutError' })
  })

  it('keeps no listener of a call that is over, however it ended', async () => {
    const { signal } = new AbortController()
    const { shop } = await shopOf(noStock)
    expect(await shop.product('a', { signal })).toBeNull()
    const failing = await shopOf(silent, { attemptTimeoutMs: 20, attemptsMax: 2 })
    await expect(failing.shop.product('a', { signal })).rejects.toThrow('has not answered')
    await expect(failing.shop.follow({ signal }).next()).rejects.toThrow('has not answered')
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

describe('close()', () => {
  it('takes no more, waits for what was asked, and may be repeated', async () => {
    let answer = (): void => {}
    const { shop, requests } = await shopOf((response) => (answer = () => void response.writeHead(404).end('{"code":"order_not_found"}')))
    const asked = shop.order('o')
    await until(() => requests.length === 1)
    let isClosed = false
    const closing = shop.close().then(() => (isClosed = true))
    const refused: unknown = await shop.order('o').catch((error: unknown) => error)
    expect([faultCode(refused), isClosed]).toEqual(['closed', false])
    answer()
    expect(await asked).toBeNull()
    await closing
    await shop.close()
  })
})
