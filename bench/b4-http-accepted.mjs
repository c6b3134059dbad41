import { compareWithBareRoute } from './lib/http.mjs'

/** @type {import('./lib/report.mjs').Bench} */
export const b4 = {
  name: 'B4',
  title: 'HTTP: accepted POST /v1/reservations, keep-alive',
  byDefault: true,
  run: (context) => compareWithBareRoute(context, { isSoldOut: false, goal: 0.8 }),
}
