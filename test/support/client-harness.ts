import { createClient, type Outcome, type Shop } from '../../src/client/index.ts'
import type { Command, Idempotency } from '../../src/domain/command.ts'
import { sqliteStore, type Event, type Order, type Page, type PageQuery, type Reservation, type Store } from '../../src/index.ts'
import type { Harness } from '../../src/store/conformance/index.ts'
import { manualClock } from './clock.ts'
import { startService, type Service } from './http.ts'

/** One service for all cases, over a store that is another one for each. */
interface Served {
  readonly service: Service
  behind: Store
}

let served: Promise<Served> | undefined

export async function stopServing(): Promise<void> {
  await (await served)?.service.close()
  served = undefined
}

async function serve(): Promise<Served> {
  const state = { behind: undefined as unknown as Store }
  const current: Store = {
    batchSizeMax: 10_000,
    execute: (commands, options) => state.behind.execute(commands, options),
    product: (sku) => state.behind.product(sku),
    products: (query) => state.behind.products(query),
    reservation: (id) => state.behind.reservation(id),
    reservations: (filter, query) => state.behind.reservations(filter, query),
    order: (id) => state.behind.order(id),
    orders: (filter, query) => state.behind.orders(filter, query),
    events: (query) => state.behind.events(query),
    nextDueInMs: () => state.behind.nextDueInMs(),
    close: async () => {},
  }
  const service = await startService({ clock: manualClock(), wrap: () => current })
  return Object.assign(state, { service })
}

/** A service, asked through the client over a real socket, as a store: what the suite promises of a store, callers of the client may rely on. */
export const throughTheClient: Harness = {
  name: 'a service through the client',
  durable: false,
  open: async () => {
    const clock = manualClock()
    const state = await (served ??= serve())
    const behind = await sqliteStore({ path: ':memory:', clock })
    state.behind = behind
    const shop = createClient({ url: state.service.address })
    return {
      store: asStore(shop, behind),
      advance: (ms) => clock.advance(ms),
      close: async () => {
        await shop.close()
        await behind.close()
      },
    }
  },
}

/** The service makes ids of its own; the suite knows things by those of its commands. */
function createNames() {
  const toSuite = new Map<string, string>()
  const toService = new Map<string, string>()
  const nameOf = (id: string): string => toSuite.get(id) ?? id
  return {
    learn: (idOfService: string, idOfSuite: string): void => {
      if (toSuite.has(idOfService)) return
      toSuite.set(idOfService, idOfSuite)
      toService.set(idOfSuite, idOfService)
    },
    idOf: (name: string): string => toService.get(name) ?? name,
    nameOf,
    /** A thing of the service as the suite knows it. */
    rename: <Thing>(thing: Thing): Thing => {
      const members = Object.entries(thing as object).map(([member, value]: [string, unknown]) =>
        ['id', 'reservationId', 'orderId'].includes(member) && typeof value === 'string' ? [member, nameOf(value)] : [member, value],
      )
      return Object.fromEntries(members) as Thing
    },
  }
}

function asStore(shop: Shop, behind: Store): Store {
  const { learn, idOf, nameOf, rename } = createNames()
  const page = <Item>({ data, nextCursor }: Page<Item>): Page<Item> => ({ data: data.map(rename), nextCursor })

  const execute = async (command: Command): Promise<Outcome> => {
    const options = command.idempotency === null ? {} : { idempotencyKey: keyOf(command.idempotency) }
    switch (command.type) {
      case 'reserve': {
        const { userId, items, ttlMs, metadata } = command
        const input = { userId, items: [...items], metadata, ...(ttlMs === null ? {} : { ttlSeconds: ttlMs / 1000 }) }
        return made(await shop.reserve(input, options), command.id)
      }
      case 'confirm': {
        const { metadata, userId } = command
        return made(await shop.confirm(idOf(command.reservationId), { metadata, ...named(userId) }, options), command.orderId)
      }
      case 'cancel':
        return found(await shop.cancel(idOf(command.reservationId), named(command.userId), options))
      case 'extend':
        return found(
          await shop.extend(idOf(command.reservationId), { ttlSeconds: command.ttlMs / 1000, ...named(command.userId) }, options),
        )
      case 'createProduct':
        return shop.createProduct({ sku: command.sku, totalStock: command.totalStock, ...command.details }, options)
      case 'updateProduct':
        return shop.updateProduct(command.sku, command.patch, options)
      case 'adjustStock':
        return shop.adjustStock(command.sku, { delta: command.delta, ...because(command.reason) }, options)
      case 'cancelOrder':
        return found(await shop.cancelOrder(idOf(command.orderId), because(command.reason), options))
      case 'expire':
        // Nobody asks a service for that; its timer does it.
        return (await behind.execute([command]))[0]!
    }
  }

  const made = <Thing extends Order | Reservation>(outcome: Outcome<Thing>, name: string): Outcome<Thing> => {
    if (outcome.ok) learn(outcome.value.id, name)
    return found(outcome)
  }
  const found = <Thing>(outcome: Outcome<Thing>): Outcome<Thing> => (outcome.ok ? { ...outcome, value: rename(outcome.value) } : outcome)

  return {
    batchSizeMax: 5,
    execute: async (commands) => {
      const outcomes: Outcome[] = []
      for (const command of commands) outcomes.push(await execute(command))
      return outcomes
    },
    product: (sku) => shop.product(sku),
    products: (query) => shop.products(query),
    reservation: async (id) => orNull(await shop.reservation(idOf(id)), rename),
    // A service does not list what was lost.
    reservations: async (filter, query) =>
      page(await (filter.status === 'lost' ? behind.reservations(filter, query) : shop.reservations({ ...filter, ...query }))),
    order: async (id) => orNull(await shop.order(idOf(id)), rename),
    orders: async (filter, query) => page(await shop.orders({ ...filter, ...query })),
    events: readEvents,
    nextDueInMs: () => behind.nextDueInMs(),
    close: () => shop.close(),
  }

  /** What the service does not tell of its events, their books and reasons, comes from the store behind it. */
  async function readEvents(query: PageQuery): Promise<Page<Event>> {
    const { data, nextCursor } = await shop.events(query)
    const stored = await behind.events({ limit: data.length, cursor: query.cursor })
    return {
      data: data.map(({ subject, data: thing, ...event }, index) => {
        const { stock, reason } = stored.data[index]!
        return { ...event, subject: nameOf(subject), data: rename(thing), stock, reason }
      }),
      nextCursor,
    }
  }
}

const orNull = <Thing>(thing: Thing | null, change: (thing: Thing) => Thing): Thing | null => (thing === null ? null : change(thing))
const named = (userId: string | null): { userId?: string } => (userId === null ? {} : { userId })
const because = (reason: string | null): { reason?: string } => (reason === null ? {} : { reason })

/** Scopes are made by the service, of caller and route; of one caller and one route a scope is part of the key. */
function keyOf({ scope, key }: Idempotency): string {
  return encodeURIComponent(JSON.stringify([scope, key]))
}
