import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { options } from './options.mjs'

/**
 * The build that is measured: the public entry, and the parts that the peers share with it so that they write the same rows in the same way.
 *
 * @param {string} path
 */
async function load(path) {
  return import(pathToFileURL(join(options.dist, path)).href)
}

/** @type {typeof import('../../src/index.ts')} */
export const { createHoldfast, faultCode, openStore } = await load('index.js')
/** @type {typeof import('../../src/store/sqlite/connect.ts')} */
export const { connect, disconnect } = await load('store/sqlite/connect.js')
/** @type {typeof import('../../src/store/sql/blocks.ts')} */
export const { chunkOf } = await load('store/sql/blocks.js')
/** @type {typeof import('../../src/store/audit.ts')} */
export const { audit } = await load('store/audit.js')
/** @type {typeof import('../../src/engine/ids.ts')} */
export const { newId } = await load('engine/ids.js')
/** @type {typeof import('../../src/engine/retention.ts')} */
export const { startRetention } = await load('engine/retention.js')
/** @type {typeof import('../../src/engine/schemas.ts')} */
export const { ReserveInput } = await load('engine/schemas.js')
/** @type {typeof import('../../src/store/postgres/statements.ts')} */
export const { statementsFor } = await load('store/postgres/statements.js')
/** @type {typeof import('../../src/engine/views.ts')} */
export const { writeReservation } = await load('engine/views.js')
/** @type {typeof import('../../src/store/redis/keys.ts')} */
export const { headerOf, prefixOf } = await load('store/redis/keys.js')
/** @type {typeof import('../../src/events/cloud-event.ts')} */
export const { cloudEvent } = await load('events/cloud-event.js')
/** @type {typeof import('../../src/events/relay/relays.ts')} */
export const { createRelays } = await load('events/relay/relays.js')
/** @type {typeof import('../../src/events/rabbitmq/start.ts')} */
export const { startRabbitMq } = await load('events/rabbitmq/start.js')

/**
 * The store of a site.
 *
 * @param {Pick<import('./places.mjs').Site, 'url' | 'ledger'>} site
 */
export function openSite({ url, ledger }) {
  return openStore(url, ledger === undefined ? {} : { ledger })
}
