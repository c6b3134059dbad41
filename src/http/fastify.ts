import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { createHoldfast, type Holdfast } from '../engine/holdfast.ts'
import { openStore } from '../store/open.ts'
import type { Store } from '../store/port.ts'
import { version } from '../version.ts'
import { addApi } from './api.ts'
import { anonymous, type Identify } from './caller.ts'
import { createIdentify, type IdentitySettings } from './identity.ts'

/** Where the facts are: one of the two. */
interface Place {
  /** A shop that you made, and close. */
  readonly shop?: Holdfast
  /** A store, or its URL, of which the plugin makes a shop; both are closed with the app. */
  readonly store?: Store | string
}

/** Who may do what: one of the three. */
interface Access {
  /** API keys and tokens of end users, as the service has them. */
  readonly identity?: IdentitySettings
  /** Your own way to find out who asks: the caller, or a text that says what is wrong with the credentials. */
  readonly identify?: Identify
  /** Everybody who reaches the app may do everything. */
  readonly open?: true
}

export interface HoldfastPluginOptions extends Place, Access {
  /** Told of faults and bugs; left out: the log of the app. */
  readonly report?: (error: unknown) => void
}

/** The API inside your own Fastify app: `await app.register(holdfast, { prefix: '/shop', shop, identify })`. None of its settings reach your other routes. */
export const holdfast: FastifyPluginAsync<HoldfastPluginOptions> = fastifyPlugin(plugin, {
  name: 'holdfast',
  fastify: '5.x',
  encapsulate: true,
})

async function plugin(app: FastifyInstance, options: HoldfastPluginOptions): Promise<void> {
  const identify = identifyOf(options)
  const { shop, close } = await openShop(options)
  const { report = (error) => app.log.error(error) } = options
  app.addHook('onClose', close)
  try {
    await addApi(app, { shop, version, identify, report })
  } catch (error) {
    await close()
    throw error
  }
}

interface OpenShop {
  readonly shop: Holdfast
  readonly close: () => Promise<void>
}

async function openShop({ shop, store }: Place): Promise<OpenShop> {
  if ((shop === undefined) === (store === undefined)) throw new Error('Give the plugin of Holdfast either a shop or a store.')
  if (shop !== undefined) return { shop, close: async () => undefined }
  const made = createHoldfast({ store: typeof store === 'string' ? await openStore(store) : store! })
  return { shop: made, close: made.close }
}

function identifyOf({ identity, identify, open }: Access): Identify {
  const given = [identity && createIdentify(identity), identify, open && (() => anonymous)].filter((one) => one !== undefined)
  const [only] = given
  if (only === undefined || given.length > 1) {
    throw new Error(
      'Tell the plugin of Holdfast who may do what: give it one of identity (keys and tokens), identify (your own function), or open: true, which lets everybody do everything.',
    )
  }
  return only
}
