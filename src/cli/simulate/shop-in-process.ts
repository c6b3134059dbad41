import type { StoreSettings } from '../../config.ts'
import type { Outcome } from '../../domain/command.ts'
import { faultCode } from '../../domain/faults.ts'
import { explainRefusal, type Refusal } from '../../domain/refusals.ts'
import { createHoldfast } from '../../engine/holdfast.ts'
import { audit } from '../../store/audit.ts'
import { systemClock } from '../../store/clock.ts'
import { openStore } from '../../store/open.ts'
import { Failure } from '../failure.ts'
import { Busy, stubbornly, type Patience } from '../retry.ts'
import type { Answer, Shop } from './shop.ts'

/** The engine in this process, over a store of its own. */
export async function openShop({ storeUrl, ledgerUrl }: StoreSettings, name: string, patience: Patience): Promise<Shop> {
  const store = await openStore(storeUrl, { ledger: ledgerUrl })
  const holdfast = createHoldfast({ store })
  const ask = <Value>(work: () => Promise<Value>): Promise<Value> => stubbornly(() => busyWhenUnavailable(work), patience)

  return {
    name,
    createProduct: async (sku, units) => {
      const product = { sku, name: 'Flash sale', totalStock: units, price: { amount: 1_999, currency: 'EUR' } }
      const outcome = await ask(() => holdfast.createProduct(product, { idempotencyKey: sku }))
      if (!outcome.ok) throw new Failure(explainRefusal(outcome.refusal))
    },
    stock: async (sku) => {
      const product = await ask(() => holdfast.product(sku))
      if (product === null) throw new Failure(`The shop has lost the product ${sku}.`)
      const { total, reserved, sold, status, nextReleaseAt } = product.stock
      return { total, reserved, sold, status, nextReleaseInMs: nextReleaseAt === null ? null : nextReleaseAt - systemClock() }
    },
    reserve: async (userId, skus, ttlSeconds, idempotencyKey) => {
      const input = { userId, items: skus.map((sku) => ({ sku, quantity: 1 })), ttlSeconds }
      return answerOf(await ask(() => holdfast.reserve(input, { idempotencyKey })))
    },
    confirm: async (id, userId, idempotencyKey) => answerOf(await ask(() => holdfast.confirm(id, { userId }, { idempotencyKey }))),
    cancel: async (id, userId, idempotencyKey) => answerOf(await ask(() => holdfast.cancel(id, { userId }, { idempotencyKey }))),
    order: (id) => ask(() => holdfast.order(id)),
    audit: async () => {
      const { ok, events, findings } = await audit(store)
      return { ok, events, findings: findings.map(({ promise, sku, message }) => `${promise} ${sku}: ${message}`) }
    },
    close: () => holdfast.close(),
  }
}

async function busyWhenUnavailable<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work()
  } catch (error) {
    const code = faultCode(error)
    if (code === 'overloaded' || code === 'store_unavailable') throw new Busy(error instanceof Error ? error.message : code)
    throw error
  }
}

function answerOf<Value>(outcome: Outcome<Value>): Answer<Value> {
  return outcome.ok ? { ok: true, value: outcome.value } : { ok: false, code: outcome.refusal.code, shortOf: shortOf(outcome.refusal) }
}

function shortOf(refusal: Refusal): string[] {
  return refusal.code === 'insufficient_stock' ? refusal.items.map((item) => item.sku) : []
}
