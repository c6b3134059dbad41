import assert from 'node:assert/strict'
import { buy, createProduct, expire, key, reserve, type Context, type Group } from './kit.ts'

const none = { userId: null, sku: null, status: null }

async function everything({ store, events }: Context): Promise<string> {
  const query = { limit: 200, cursor: null }
  const lists = [await store.products(query), await store.reservations(none, query), await store.orders({ userId: null }, query)]
  return JSON.stringify([lists, await events(), await store.nextDueInMs(), await store.notes?.list('')])
}

export const reopenTests: Group = {
  name: 'a store opened again',
  tests: [
    {
      name: 'has everything that was acknowledged (O1, I5)',
      needs: 'durable',
      run: async (context) => {
        const { done, run, advance, reopen } = context
        await done(createProduct('a', 9, { maxPerUser: 5, price: { amount: 100, currency: 'EUR' } }))
        await buy(context, 'ann', { a: 2 })
        const { id } = await done(reserve('ann', { a: 1 }, { ttlMs: 1_000 }))
        const keyed = () => reserve('bob', { a: 1 }, { idempotency: key('k') })
        const first = await run(keyed())
        await context.store.notes?.write('a', 'one', null)
        const before = await everything(context)
        await reopen()
        assert.equal(await everything(context), before)
        assert.equal(JSON.stringify(await run(keyed())), JSON.stringify({ ...first, replayed: true }))
        await context.refused(reserve('ann', { a: 3 }), { code: 'user_limit_exceeded', sku: 'a', limit: 5, remaining: 2 })
        await advance(1_000)
        assert.equal((await context.store.reservation(id))?.status, 'expired')
        assert.deepEqual(await done(expire()), { expired: 1 })
      },
    },
  ],
}
