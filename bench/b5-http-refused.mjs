import { compareWithBareRoute } from './lib/http.mjs'

/** @type {import('./lib/report.mjs').Bench} */
export const b5 = {
  name: 'B5',
  title: 'HTTP: refused POST /v1/reservations of a sold-out sku, keep-alive',
  byDefault: true,
  run: (context) => compareWithBareRoute(context, { isSoldOut: true, goal: 0.9 }),
}
