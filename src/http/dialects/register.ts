import type { FastifyInstance } from 'fastify'
import type { Holdfast } from '../../engine/holdfast.ts'
import type { Live } from '../live.ts'
import { cartRoutes } from './cart.ts'
import { checkoutRoutes } from './checkout.ts'
import { dropRoutes } from './drop.ts'
import { flashRoutes } from './flash.ts'
import type { DialectName, DialectSettings } from './names.ts'
import { productPageRoutes } from './product-page.ts'

const routes: Readonly<Record<DialectName, (app: FastifyInstance, shop: Holdfast, currency: string, live: Live) => void>> = {
  cart: cartRoutes,
  flash: flashRoutes,
  drop: dropRoutes,
  checkout: checkoutRoutes,
  'product-page': productPageRoutes,
}

/** The older APIs: other words for the same engine. Each translates a request, asks the engine, and translates the answer back. */
export function dialectRoutes(app: FastifyInstance, live: Live, { names, currency }: DialectSettings): void {
  for (const name of names) routes[name](app, live.shop, currency, live)
}
