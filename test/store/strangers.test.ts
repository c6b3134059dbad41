import { createServer as createWebServer } from 'node:http'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../../src/index.ts'
import { openingFault } from '../../src/store/redis/errors.ts'
import { openingRefusal } from '../support/opening.ts'
import { createRedisServer, skipRedis, type RedisServer } from '../support/redis-server.ts'

const servers = {
  web: createWebServer((_, response) => response.end('hello')),
  tls: createTlsServer({}).on('tlsClientError', () => {}),
  silent: createServer(() => {}),
}

beforeAll(() =>
  Promise.all(Object.values(servers).map((server: Server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))),
)

afterAll(() => {
  for (const server of Object.values(servers)) server.close()
})

const at = (name: keyof typeof servers): string => `127.0.0.1:${(servers[name].address() as AddressInfo).port}`

const refusalOf = (url: string, ledger?: string) => openingRefusal(openStore(url, { ledger, warn: () => {} }))

describe('something else that answers is refused with a sentence', () => {
  it.each([
    ['redis://', 'web', 'is no Redis: what answers there speaks otherwise. Correct the host and the port in --store.'],
    ['rediss://', 'web', 'cannot be reached with TLS: what answers there speaks none. Write redis:// instead of rediss://'],
    ['redis://', 'tls', 'cannot be reached: what answers there ends the connection at once. Where it wants TLS, write rediss://'],
  ] as const)('for %s, a %s server', async (scheme, server, sentence) => {
    const { code, message } = await refusalOf(scheme + at(server), 'sqlite::memory:')
    expect({ code, message }).toEqual({ code: 'cannot_open', message: expect.stringContaining(`The Redis at ${at(server)} ${sentence}`) })
  })

  it.each(['DEPTH_ZERO_SELF_SIGNED_CERT', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID'])(
    'for rediss://, one whose certificate is not to be trusted (%s)',
    (code) => {
      const fault = openingFault(Object.assign(new Error('raw'), { code }), 'Redis at shop:6379')
      expect(fault).toMatchObject({ code: 'cannot_open', message: expect.stringContaining('has a certificate that is not to be trusted') })
    },
  )

  it.each(['web', 'tls', 'silent'] as const)('for postgres://, a %s server', async (server) => {
    const { code, message } = await refusalOf(`postgres://shop:secret@${at(server)}/shop`)
    expect({ code, message }).toEqual({
      code: 'cannot_open',
      message: `What listens at ${at(server)} does not answer as PostgreSQL does, or not in time. Check host and port of the URL, and that PostgreSQL runs there.`,
    })
  })
})

describe.skipIf(skipRedis)('a namespace with keys that are not ours', () => {
  let redis: RedisServer

  beforeAll(async () => {
    redis = await createRedisServer()
    await redis.start()
  })

  afterAll(() => redis.remove())

  it('is refused with a sentence', async () => {
    await redis.cli('SET', '{holdfast:shop}', 'a note')
    const { code, message } = await refusalOf(`${redis.url}?namespace=shop`, 'sqlite::memory:')
    expect({ code, message }).toEqual({
      code: 'cannot_open',
      message: `The Redis at 127.0.0.1:${redis.port} has keys of this namespace that no Holdfast wrote. Name another one in --store: ?namespace=NAME, or remove them.`,
    })
  })

  it('is loaded anew when they come later', async () => {
    const store = await openStore(`${redis.url}?namespace=later`, { ledger: 'sqlite::memory:', warn: () => {} })
    await redis.cli('SET', '{holdfast:later}:1:skus', 'a note')
    const list = () => store.products({ limit: 9, cursor: null })
    await expect(list()).rejects.toMatchObject({ code: 'store_unavailable' })
    await expect.poll(() => list().catch(() => null)).toEqual({ data: [], nextCursor: null })
    await store.close()
  })
})
