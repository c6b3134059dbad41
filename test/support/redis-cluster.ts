import { freePort } from './postgres-server.ts'
import { until } from './postgres-locks.ts'
import { createRedisServer, type RedisServer } from './redis-server.ts'

/** Three masters of its own that share all slots, in the order of their nodes. */
export interface RedisCluster {
  readonly nodes: readonly RedisServer[]
  /** Of the first node; it names the others to a client. */
  readonly url: string
  /** Waits until every node sees every slot served, as it does at the start. After a restart of a node that takes some seconds. */
  readonly whole: () => Promise<void>
  readonly remove: () => Promise<void>
}

const slots = 16_384
const nodeCount = 3

/** `settings` of every node's redis.conf. All nodes run; one that is started again has its slots again. */
export async function createRedisCluster(settings: Readonly<Record<string, string>> = {}): Promise<RedisCluster> {
  const nodes: RedisServer[] = []
  const remove = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.remove()))
  }
  const whole = async (): Promise<void> => {
    for (const node of nodes) {
      await until(`node ${node.port} to see the whole cluster`, async () => {
        const info = await node.cli('CLUSTER', 'INFO')
        return ['cluster_state:ok', `cluster_slots_ok:${slots}`, `cluster_known_nodes:${nodeCount}`].every((line) =>
          info.includes(`${line}\r`),
        )
      })
    }
  }
  try {
    const busPorts: number[] = []
    for (let made = 0; made < nodeCount; made++) {
      // Without it the bus is on port + 10,000, which a free port may be too high for.
      const busPort = await freePort()
      busPorts.push(busPort)
      nodes.push(
        await createRedisServer({
          'cluster-enabled': 'yes',
          'cluster-port': String(busPort),
          'cluster-announce-ip': '127.0.0.1',
          'cluster-node-timeout': '2000',
          ...settings,
        }),
      )
    }
    await Promise.all(
      nodes.map(async (node, index) => {
        const firstSlot = (of: number): number => Math.floor((of * slots) / nodeCount)
        await node.start()
        await node.cli('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))
        await node.cli('CLUSTER', 'ADDSLOTSRANGE', String(firstSlot(index)), String(firstSlot(index + 1) - 1))
      }),
    )
    const [seed, ...others] = nodes as [RedisServer, ...RedisServer[]]
    for (const [index, { port }] of others.entries()) {
      await seed.cli('CLUSTER', 'MEET', '127.0.0.1', String(port), String(busPorts[index + 1]))
    }
    await whole()
    return { nodes, url: seed.url, whole, remove }
  } catch (error) {
    await remove()
    throw error
  }
}
