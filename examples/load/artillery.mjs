// What the scenario in artillery.yml cannot say in YAML.

import { setTimeout as delay } from 'node:timers/promises'

/** @typedef {{ vars: Record<string, unknown> }} Context */
/** @typedef {{ emit: (event: 'counter', name: string, count: number) => void }} Events */

let buyers = 0

/** @param {Context} context */
export async function describeSale(context) {
  context.vars['sku'] = `load-${Date.now()}`
  context.vars['authorization'] = authorization()
}

/** @param {Context} context */
export async function describeBuyer(context) {
  context.vars['userId'] = `buyer-${process.pid}-${++buyers}`
  context.vars['authorization'] = authorization()
}

/**
 * Only those who have something to think about.
 *
 * @param {Context} context
 */
export async function hesitate({ vars }) {
  if (vars['id'] !== undefined) await delay(1_000)
}

/**
 * Artillery calls every status a failure that nobody expected. A shop that says "sold out" has answered, so answers are counted here.
 *
 * @param {unknown} _request
 * @param {{ statusCode: number }} response
 * @param {Context} _context
 * @param {Events} events
 */
export async function countAnswer(_request, { statusCode }, _context, events) {
  const isNo = statusCode === 409 || statusCode === 410
  const isYes = statusCode >= 200 && statusCode < 300
  events.emit('counter', 'shop.accepted', isYes ? 1 : 0)
  events.emit('counter', 'shop.refusals', isNo ? 1 : 0)
  events.emit('counter', 'shop.failures', isYes || isNo ? 0 : 1)
}

/** Without a key the service does not look at this header. */
function authorization() {
  return `Bearer ${process.env['KEY'] ?? 'none'}`
}
