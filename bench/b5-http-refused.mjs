import { compareWithBareRoute } from './lib/http.mjs'
import { sqlitePlace, withPostgres, withRedis } from './lib/places.mjs'

const title = 'HTTP: refused POST /v1/reservations of a sold-out sku, keep-alive'

/** @type {import('./lib/report.mjs').Bench} */
export const b5 = {
  name: 'B5',
  title,
  byDefault: true,
  run: (context) => compareWithBareRoute(context, sqlitePlace(context), { isSoldOut: true, goal: 0.9 }),
}

/** @type {import('./lib/report.mjs').Bench} */
export const b5Postgres = {
  name: 'B5-postgres',
  title,
  byDefault: false,
  run: (context) => withPostgres(context, (place) => compareWithBareRoute(context, place, { isSoldOut: true, goal: 0.9 })),
}

/** @type {import('./lib/report.mjs').Bench} */
export const b5Redis = {
  name: 'B5-redis',
  title,
  byDefault: false,
  run: (context) => withRedis(context, (place) => compareWithBareRoute(context, place, { isSoldOut: true, goal: 0.9 })),
}
