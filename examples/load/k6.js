// Load from outside with k6 (https://k6.io): buyers who reserve, and then confirm, cancel or walk away, against a service that runs already.
//
//     k6 run examples/load/k6.js
//     k6 run -e URL=https://shop.example -e KEY=secret -e RATE=200 -e STOCK=5000 examples/load/k6.js

import { check, sleep } from 'k6'
import exec from 'k6/execution'
import http from 'k6/http'
import { Counter, Rate, Trend } from 'k6/metrics'

const url = __ENV.URL ?? 'http://127.0.0.1:3000'
/** Buyers who come each second. */
const rate = Number(__ENV.RATE ?? 100)
/** Fewer than there are buyers, so that most are refused, as in a real sale. */
const stock = Number(__ENV.STOCK ?? 1000)

const headers = Object.assign(
  { 'content-type': 'application/json' },
  __ENV.KEY === undefined ? {} : { authorization: `Bearer ${__ENV.KEY}` },
)

const reserveTime = new Trend('reserve_duration', true)
const confirmTime = new Trend('confirm_duration', true)
const failures = new Rate('failures')
const refusals = new Counter('refusals')
const orders = new Counter('orders')

export const options = {
  scenarios: {
    // Buyers come at their own pace, whether or not the shop keeps up: a fixed number of users would wait politely for a slow shop and hide it.
    sale: { exec: 'buy', executor: 'constant-arrival-rate', rate, timeUnit: '1s', duration: '30s', preAllocatedVUs: 200, maxVUs: 2000 },
  },
  thresholds: {
    reserve_duration: ['p(95)<100', 'p(99)<250'],
    confirm_duration: ['p(95)<100', 'p(99)<250'],
    // "Sold out" is an answer, not a failure. 5xx, 429, and connections that break are.
    failures: ['rate<0.001'],
    checks: ['rate==1'],
    // k6 itself could not keep up, so the other figures mean nothing.
    dropped_iterations: ['count==0'],
  },
}

/** 409 and 410 are how a shop says no. */
const isAnswer = http.expectedStatuses({ min: 200, max: 299 }, 409, 410)

/** @typedef {{ sku: string }} Sale */

/** @returns {Sale} */
export function setup() {
  const sku = `load-${Date.now()}`
  const response = http.post(`${url}/v1/products`, JSON.stringify({ sku, name: 'On sale', totalStock: stock }), { headers })
  if (response.status !== 201) exec.test.abort(`The product was not made: ${response.status}`)
  return { sku }
}

/**
 * @param {string} path
 * @param {object} body
 * @param {string} name
 */
function post(path, body, name) {
  const idempotencyKey = `${name}-${exec.scenario.iterationInTest}-${exec.vu.idInTest}`
  const response = http.post(`${url}${path}`, JSON.stringify(body), {
    headers: Object.assign({ 'idempotency-key': idempotencyKey }, headers),
    responseCallback: isAnswer,
    tags: { name },
  })
  const isNo = response.status === 409 || response.status === 410
  failures.add(!isNo && (response.status < 200 || response.status > 299))
  if (isNo) refusals.add(1)
  return response
}

/** @param {Sale} sale */
export function buy({ sku }) {
  const userId = `buyer-${exec.scenario.iterationInTest}`
  const reserved = post('/v1/reservations', { userId, items: [{ sku, quantity: 1 }], ttlSeconds: 5 }, 'reserve')
  reserveTime.add(reserved.timings.duration)
  if (reserved.status !== 201) return

  sleep(0.5 + Math.random())
  const { id } = /** @type {{ id: string }} */ (reserved.json())
  const path = `/v1/reservations/${id}`
  const mood = Math.random()
  if (mood < 0.7) {
    const confirmed = post(`${path}/confirm`, { userId }, 'confirm')
    confirmTime.add(confirmed.timings.duration)
    if (confirmed.status === 201) orders.add(1)
  } else if (mood < 0.8) {
    post(`${path}/cancel`, { userId }, 'cancel')
  }
  // The others walk away without a word; five seconds later their units are back on sale.
}

/** @param {Sale} sale */
export function teardown({ sku }) {
  const { total, reserved, sold } = /** @type {{ total: number, reserved: number, sold: number }} */ (
    http.get(`${url}/v1/products/${sku}/stock`, { headers }).json()
  )
  check({ total, reserved, sold }, { 'never more held and sold than was on sale': (books) => books.reserved + books.sold <= books.total })
  console.log(`${sold} of ${total} sold, ${reserved} still reserved`)
}
