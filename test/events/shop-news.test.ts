import { describe, expect, it, onTestFinished } from 'vitest'
import { createShopNews, type Subscription } from '../../src/events/shop-news.ts'
import { accepted, openShop } from '../support/shop.ts'

async function open(backMax: number) {
  const { shop } = await openShop()
  const news = createShopNews({
    shop,
    backMax,
    report: (error) => {
      throw error
    },
  })
  onTestFinished(() => news.close())
  let made = 0
  const make = async (): Promise<void> =>
    void accepted(await shop.createProduct({ sku: `p${made++}`, name: `P${made}`, totalStock: 1_000_000 }))
  const change = async (sku: string): Promise<void> => void accepted(await shop.adjustStock(sku, { delta: 1 }))
  return { shop, news, make, change }
}

async function listen(news: ReturnType<typeof createShopNews>, after: number | null) {
  const heard: string[] = []
  let subscription: Subscription | undefined
  await news.listen(after, (begun) => {
    subscription = begun
    return {
      made: ({ sku }, at) => heard.push(`made ${sku} at ${at}`),
      changed: ({ sku, stock: { version } }) => heard.push(`${sku} version ${version}`),
    }
  })
  return { ...subscription!, heard }
}

describe('news of the shop', () => {
  it('reach back so many events and no more, and further for as long as somebody listens', async () => {
    const { news, make, change } = await open(10)
    await make()
    for (let times = 0; times < 11; times++) await change('p0')
    const late = await listen(news, 1)
    expect([late.isResumed, late.after, late.heard]).toEqual([false, 12, []])
    for (let times = 0; times < 11; times++) await change('p0')
    await make()
    await expect.poll(() => late.heard.at(-1)).toBe('p0 version 23')
    expect(late.heard).toContain('made p1 at 24')

    const known = await listen(news, 12)
    expect([known.isResumed, known.after]).toEqual([true, 12])
    expect(known.heard).toEqual(['made p1 at 24', 'p0 version 23'])
    const before = await listen(news, 2)
    expect([before.isResumed, before.after]).toEqual([true, 2])

    for (const { stop } of [late, known, before]) stop()
    const again = await listen(news, 12)
    expect([again.isResumed, again.after]).toEqual([false, 24])
  })

  it('are told once to each who comes back at the same time, whatever place they name', async () => {
    const { news, make, change } = await open(10_000)
    for (let times = 0; times < 30; times++) {
      await make()
      await Promise.all(Array.from({ length: 20 }, () => change(`p${times}`)))
    }
    const all = await Promise.all(Array.from({ length: 30 }, (_, index) => listen(news, 1 + index * 21)))
    for (const [index, { isResumed, heard }] of all.entries()) {
      expect(isResumed).toBe(true)
      const skus = Array.from({ length: 30 - index }, (_, further) => `p${index + further}`)
      const made = skus.slice(1).map((sku) => `made ${sku} at ${Number(sku.slice(1)) * 21 + 1}`)
      expect(heard.slice(0, made.length)).toEqual(made)
      await expect.poll(() => heard).toEqual(expect.arrayContaining(skus.map((sku) => `${sku} version 21`)))
      expect(heard.filter((one) => one.startsWith('made'))).toEqual(made)
    }
  })

  it('forget what is oldest of many new products, and then say so', async () => {
    const { shop, news } = await open(10_000)
    const first = await listen(news, null)
    await Promise.all(Array.from({ length: 1_100 }, (_, index) => shop.createProduct({ sku: `p${index}`, name: 'P', totalStock: 1 })))
    await expect.poll(() => first.heard).toHaveLength(1_100)
    const [within, beyond] = [await listen(news, 100), await listen(news, 99)]
    expect([within.isResumed, within.heard.length]).toEqual([true, 1_000])
    expect(beyond.isResumed).toBe(false)
  })
})
