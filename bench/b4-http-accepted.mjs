import { compareWithBareRoute } from './lib/http.mjs'
import { sqlitePlace, withPostgres, withRedis } from './lib/places.mjs'

const title = 'HTTP: accepted POST /v1/reservations, keep-alive'

/** @type {import('./lib/report.mjs').Bench} */
export const b4 = {
  name: 'B4',
  title,
  byDefault: true,
  run: (context) => compareWithBareRoute(context, sqlitePlace(context), { isSoldOut: false, goal: 0.8 }),
}

/** @type {import('./lib/report.mjs').Bench} */
export const b4Postgres = {
  name: 'B4-postgres',
  title,
  byDefault: false,
  run: (context) => withPostgres(context, (place) => compareWithBareRoute(context, place, { isSoldOut: false, goal: 0.55 })),
}

/** @type {import('./lib/report.mjs').Bench} */
export const b4Redis = {
  name: 'B4-redis',
  title,
  byDefault: false,
  run: (context) => withRedis(context, (place) => compareWithBareRoute(context, place, { isSoldOut: false, goal: 0.6 })),
}
