import type { TestContext } from 'vitest'
import { createHoldfast, type Holdfast, type PostgresOptions, type Store } from '../../src/index.ts'
import { createProduct } from '../../src/store/conformance/kit.ts'
import { createFaultProxy, type FaultProxy } from './fault-proxy.ts'
import type { PostgresStores } from './postgres-stores.ts'

/** Two nodes on a schema with 1,000 units of `a`. */
export interface FaultyNode {
  readonly schema: string
  /** Its way to the server is sound, and it waits for locks much longer than the other may hold them. */
  readonly healthy: Store
  /** Behind the proxy. */
  readonly faulty: Store
  readonly proxy: FaultProxy
  readonly shopOf: (store: Store) => Holdfast
}

export async function openFaultyNode(
  stores: PostgresStores,
  { onTestFinished }: TestContext,
  options: Partial<PostgresOptions>,
  parameters = '',
): Promise<FaultyNode> {
  const schema = stores.newSchema()
  const proxy = await createFaultProxy(stores.server.port)
  const healthy = await stores.open(schema, { lockMsMax: 20_000, statementMsMax: 20_000 })
  const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres?schema=${schema}${parameters}`
  const faulty = await stores.open(schema, { connectMsMax: 500, ...options, url })
  const open: { close(): Promise<void> }[] = [healthy, faulty]
  onTestFinished(async () => {
    proxy.heal()
    for (const one of open.toReversed()) await one.close()
    await proxy.close()
  })
  await healthy.execute([createProduct('a', 1_000)])
  return {
    schema,
    healthy,
    faulty,
    proxy,
    shopOf: (store) => {
      const shop = createHoldfast({ store, expiry: 'manual' })
      open.push(shop)
      return shop
    },
  }
}

export const oneOfA = (userId: string) => ({ userId, items: [{ sku: 'a', quantity: 1 }] })

/** How a statement looks on its way: its name in the message that runs it. */
export const runs = (piece: Buffer, name: string): boolean => piece.includes(`\0${name}\0`)

/** Where in a piece the first message is that has some bytes in it. A message is a letter, the length of what follows, and that. */
export function findMessage(piece: Buffer, bytes: string): { readonly start: number; readonly end: number } {
  for (let start = 0; start + 5 <= piece.length;) {
    const end = start + 1 + piece.readUInt32BE(start + 1)
    if (piece.subarray(start, end).includes(bytes)) return { start, end }
    start = end
  }
  throw new Error(`no message of this piece has ${bytes}`)
}
