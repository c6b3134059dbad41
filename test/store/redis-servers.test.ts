import { spawnSync } from 'node:child_process'
import { Cluster } from 'ioredis'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createRedisCluster } from '../support/redis-cluster.ts'
import { redisIsMissing } from '../support/redis-program.mjs'
import { createRedisPair } from '../support/redis-replica.ts'
import { createRedisServer, skipRedis, type RedisServer } from '../support/redis-server.ts'

async function startRedis(settings?: Readonly<Record<string, string>>): Promise<RedisServer> {
  const redis = await createRedisServer(settings)
  onTestFinished(() => redis.remove())
  await redis.start()
  return redis
}

describe.skipIf(skipRedis)('createRedisServer()', () => {
  it('starts a server of its own, which a kill empties', async () => {
    const redis = await startRedis()
    expect(redis.port).not.toBe(6379)
    expect(await redis.cli('SET', 'sneaker', '7')).toBe('OK')
    expect(await redis.cli('GET', 'sneaker')).toBe('7')
    await redis.kill()
    await expect(redis.cli('GET', 'sneaker')).rejects.toThrow()
    await redis.start()
    expect(await redis.cli('EXISTS', 'sneaker')).toBe('0')
  })

  it('keeps what its settings tell it to keep', async () => {
    const redis = await startRedis({ save: '3600 1', requirepass: 'a/secret:' })
    await redis.cli('SET', 'sneaker', '7')
    await redis.stop()
    await redis.start()
    expect(await redis.cli('GET', 'sneaker')).toBe('7')
  })

  it('stops answering while it is paused, and can be stopped even so', async () => {
    const redis = await startRedis()
    redis.pause()
    let isAnswered = false
    const answer = redis.cli('PING').finally(() => (isAnswered = true))
    // Another server answers many times over in the meantime.
    const other = await startRedis()
    expect(await other.cli('PING')).toBe('PONG')
    expect(isAnswered).toBe(false)
    redis.resume()
    expect(await answer).toBe('PONG')
    redis.pause()
    await redis.stop()
  })

  it('says why it does not start', async () => {
    await expect(startRedis({ 'no-such-setting': '1' })).rejects.toThrow('no-such-setting')
  })
})

describe.skipIf(skipRedis)('createRedisCluster()', () => {
  it('has three nodes that each take the keys of their slots', async () => {
    const cluster = await createRedisCluster()
    onTestFinished(() => cluster.remove())
    const owners = new Set<number>()
    for (let made = 0; made < 20; made++) {
      const answers = await Promise.allSettled(cluster.nodes.map((node) => node.cli('SET', `key${made}`, '1')))
      owners.add(answers.findIndex(({ status }) => status === 'fulfilled'))
      const refusals = answers.filter((answer) => answer.status === 'rejected').map(({ reason }) => String(reason))
      expect(refusals).toEqual([expect.stringContaining('MOVED'), expect.stringContaining('MOVED')])
    }
    expect(owners).toEqual(new Set([0, 1, 2]))
    const client = new Cluster([cluster.url])
    onTestFinished(() => client.disconnect())
    expect(await Promise.all(Array.from({ length: 20 }, (_, made) => client.get(`key${made}`)))).toEqual(Array(20).fill('1'))
  })

  it('is whole again when a node that was killed is back, empty', async () => {
    const cluster = await createRedisCluster()
    onTestFinished(() => cluster.remove())
    for (const node of cluster.nodes) {
      for (let made = 0; made < 20; made++) await node.cli('SET', `key${made}`, '1').catch(() => {})
      expect(Number(await node.cli('DBSIZE'))).toBeGreaterThan(0)
    }
    const [killed, other] = cluster.nodes
    await killed?.kill()
    await killed?.start()
    await cluster.whole()
    expect(await killed?.cli('DBSIZE')).toBe('0')
    expect(await other?.cli('DBSIZE')).not.toBe('0')
  })
})

describe.skipIf(skipRedis)('createRedisPair()', () => {
  it('loses the later writes when a replica that lags is promoted', async () => {
    const pair = await createRedisPair()
    onTestFinished(() => pair.remove())
    await pair.primary.cli('SET', 'early', '1')
    await pair.lag()
    await pair.primary.cli('SET', 'late', '1')
    await expect(pair.replica.cli('SET', 'other', '1')).rejects.toThrow('READONLY')
    await pair.promote()
    expect(await pair.replica.cli('MGET', 'early', 'late')).toBe('1\n')
    expect(await pair.replica.cli('SET', 'other', '1')).toBe('OK')
    expect(await pair.primary.cli('MGET', 'early', 'late')).toBe('1\n1')
  })

  it('loses nothing when a replica that follows is promoted after the primary has gone', async () => {
    const pair = await createRedisPair()
    onTestFinished(() => pair.remove())
    await pair.primary.cli('SET', 'early', '1')
    await pair.primary.cli('WAIT', '1', '0')
    await pair.primary.kill()
    await pair.promote()
    expect(await pair.replica.cli('GET', 'early')).toBe('1')
  })
})

describe('where there is no Redis', () => {
  async function loadWithout(ci: string) {
    vi.stubEnv('PATH', '/nowhere')
    vi.stubEnv('CI', ci)
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    onTestFinished(() => {
      vi.unstubAllEnvs()
      vi.restoreAllMocks()
      vi.resetModules()
    })
    vi.resetModules()
    return { ...(await import('../support/redis-server.ts')), warnings: warn.mock.calls.flat() }
  }

  it('skips its tests and says why', async () => {
    const { skipRedis: skips, warnings } = await loadWithout('')
    expect(skips).toBe(true)
    expect(warnings).toEqual([`Skipped: ${redisIsMissing}`])
  })

  it('fails them in CI', async () => {
    const { skipRedis: skips, createRedisServer: create } = await loadWithout('true')
    expect(skips).toBe(false)
    await expect(create()).rejects.toThrow(redisIsMissing)
  })

  it('says how to install it where that cannot be done before the tests', () => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/need-servers.mjs'], { env: { PATH: '/nowhere' }, encoding: 'utf8' })
    expect(status).toBe(0)
    expect(stderr).toContain(`${redisIsMissing}\n`)
  })
})
