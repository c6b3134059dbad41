// A checkout with a payment provider: what to do when the payment succeeds, fails, or succeeds too late.
//
//     node examples/checkout.mjs
//
// The order of steps is reserve, pay, confirm. Nothing is sold that was not set aside before, and nobody pays for what is not there. A reservation that ends
// while its buyer pays is the only gap, and it is closed at the end of `checkout`.

import { setTimeout as delay } from 'node:timers/promises'
import { createHoldfast, openStore } from 'holdfast'

const shop = createHoldfast({ store: await openStore('sqlite::memory:') })
await shop.createProduct({ sku: 'sneaker', name: 'A sneaker', totalStock: 1, price: { amount: 12_900, currency: 'EUR' } })

/**
 * A pretend payment provider. As real ones do, it takes a key, so that a payment which is asked for again is made once: the id of the reservation.
 *
 * @param {{ accept: boolean, takesMs: number }} behaviour
 */
function createPayments({ accept, takesMs }) {
  return {
    pay: async (/** @type {string} */ key) => {
      await delay(takesMs)
      return accept ? { id: `payment-of-${key}` } : null
    },
    refund: async (/** @type {string} */ paymentId) => console.log(`  refunded ${paymentId.replace(/-of-.*/, '')}`),
  }
}

/**
 * @param {string} userId
 * @param {ReturnType<typeof createPayments>} payments
 * @param {number} ttlSeconds
 */
async function checkout(userId, payments, ttlSeconds) {
  const items = [{ sku: 'sneaker', quantity: 1 }]
  const reserved = await shop.reserve({ userId, items, ttlSeconds })
  if (!reserved.ok) return `refused: ${reserved.refusal.code}`

  const payment = await payments.pay(reserved.value.id)
  if (payment === null) {
    // Somebody else can have it at once. If this line is never reached, time does the same.
    await shop.cancel(reserved.value.id)
    return 'not paid, given back'
  }

  // Safe to repeat: if this program dies here, it confirms the same reservation when it starts again, and gets the same order.
  const metadata = { payment: payment.id }
  const order = await shop.confirm(reserved.value.id, { metadata })
  if (order.ok) return 'bought'

  // Paid, but too late: the units are back on sale. Perhaps they are still there. The key keeps a repeated rescue from taking them twice.
  if (['reservation_expired', 'reservation_lost'].includes(order.refusal.code)) {
    const again = await shop.reserve({ userId, items }, { idempotencyKey: `rescue ${reserved.value.id}` })
    const rescued = again.ok ? await shop.confirm(again.value.id, { metadata }) : again
    if (rescued.ok) return `bought, although the payment came late (${order.refusal.code})`
  }

  // They are not, or the buyer cancelled meanwhile: nobody keeps money for what is not delivered.
  await payments.refund(payment.id)
  return `not bought (${order.refusal.code})`
}

const good = createPayments({ accept: true, takesMs: 1 })
const bad = createPayments({ accept: false, takesMs: 1 })
const slow = createPayments({ accept: true, takesMs: 1_200 })

console.log(`ada, whose card is refused: ${await checkout('ada', bad, 60)}`)
console.log(`grace, who pays late: ${await checkout('grace', slow, 1)}`)

await shop.adjustStock('sneaker', { delta: 1 })
const late = checkout('linus', slow, 1)
await delay(1_050)
console.log(`joan, who comes when the time of linus is over: ${await checkout('joan', good, 60)}`)
console.log(`linus, who pays late: ${await late}`)

await shop.close()
