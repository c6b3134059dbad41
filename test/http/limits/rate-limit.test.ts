import Fastify from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import { access, anonymous, guardRoutes } from '../../../src/http/caller.ts'
import { limitRequests, type RateLimitOptions } from '../../../src/http/limits/rate-limit.ts'

const report = (error: unknown) => {
  throw error
}

/** Asks for the paths in turn, and gives back what is left after each, or 429. */
async function left(limits: RateLimitOptions['limits'], paths: readonly string[]): Promise<unknown[]> {
  const app = Fastify()
  onTestFinished(() => app.close())
  app.setErrorHandler((_error, _request, reply) => reply.code(429).send())
  limitRequests(app, { limits, report })
  guardRoutes(app, () => anonymous)
  const schema = {}
  app.get('/plain', { config: { access: access.anybody }, schema }, async () => '')
  for (const path of ['/flash/a', '/flash/b'])
    app.get(path, { config: { access: access.anybody, rateLimit: 'flash' }, schema }, async () => '')
  app.get('/none', { config: { access: access.anybody, rateLimit: 'none' }, schema }, async () => '')
  const found: unknown[] = []
  for (const path of paths) {
    const { statusCode, headers } = await app.inject(path)
    found.push(statusCode === 200 ? (headers['ratelimit-remaining'] ?? 'unlimited') : statusCode)
  }
  return found
}

describe('a route with a limit of its own', () => {
  const paths = ['/plain', '/flash/a', '/flash/b', '/flash/a', '/plain', '/none']
  const few = { max: 2, windowMs: 1_000_000 }
  const many = { max: 9, windowMs: 1_000_000 }

  it('is counted together with the others of that limit, and not with all', async () => {
    expect(await left({ requests: many, flash: few }, paths)).toEqual(['8', '1', '0', 429, '7', 'unlimited'])
    expect(await left({ flash: few }, paths)).toEqual(['unlimited', '1', '0', 429, 'unlimited', 'unlimited'])
  })

  it('has that of all others where its own is off', async () => {
    expect(await left({ requests: many, flash: null }, paths)).toEqual(['8', '7', '6', '5', '4', 'unlimited'])
    expect(await left({ requests: null, flash: null }, paths)).toEqual(paths.map(() => 'unlimited'))
  })
})
