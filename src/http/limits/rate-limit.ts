import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler, RouteOptions } from 'fastify'
import type { Store } from '../../store/port.ts'
import { access } from '../caller.ts'
import { addressOf, clientOf } from './client.ts'
import { memoryCounter, ticks, type Counter, type RateLimit, type Ticks, type Window } from './counter.ts'
import { sharedCounter } from './shared-counter.ts'

/** The limit of most routes, and that of the Flash deal API. */
export type LimitName = 'requests' | 'flash'

/** So many in a window that begins with the first. */
export type RequestLimit = Omit<RateLimit, 'name'>

export interface RateLimitOptions {
  /** Routes whose limit is missing have that of most. */
  readonly limits: Readonly<Partial<Record<LimitName, RequestLimit | null>>>
  /** Of the store, if several nodes share it. */
  readonly countRequests?: Store['countRequests'] | undefined
  /** How long the store may take to count; then this node counts by itself. Default 500. */
  readonly answerMsMax?: number
  readonly report: (error: unknown) => void
  readonly now?: Ticks
}

/** Too many requests; answered with 429 `rate_limited`. The headers have been set. */
export class RateLimited extends Error {}

/** Count requests by client, before their body is read. Call before `guardRoutes` and the first route. The function is to be told of requests with wrong credentials. */
export function limitRequests(app: FastifyInstance, options: RateLimitOptions): (request: FastifyRequest) => void {
  const { limits, countRequests, answerMsMax = 500, report, now = ticks } = options
  const counters = new Map<string, Counter>()
  const newCounter = (one: RateLimit): Counter =>
    countRequests === undefined ? memoryCounter(one, now) : sharedCounter(one, { countRequests, answerMsMax, report, now })
  const counterOf = (one: RateLimit): Counter => {
    const counter = counters.get(one.name) ?? newCounter(one)
    counters.set(one.name, counter)
    return counter
  }
  app.addHook('onRoute', (route) => {
    const limit = limitOf(route, limits)
    // After the hooks of the app, when it is known who asks.
    if (limit !== null) route.onRequest = [...[route.onRequest ?? []].flat(), countOn(counterOf(limit), now)]
  })
  return limits.requests ? stopGuessing(app, counterOf({ name: 'guesses', ...limits.requests }), now) : () => {}
}

function limitOf({ config, schema }: RouteOptions, limits: RateLimitOptions['limits']): RateLimit | null {
  const { rateLimit = schema?.hide === true ? 'none' : 'requests' } = config ?? {}
  if (rateLimit === 'none') return null
  const name = limits[rateLimit] ? rateLimit : 'requests'
  const limit = limits[name]
  return limit ? { name, ...limit } : null
}

function countOn(counter: Counter, now: Ticks): onRequestHookHandler {
  const headers = headersOf(counter.limit, now)
  return (request, reply, done) => {
    const decide = (window: Window): void => {
      headers(reply, window)
      if (window.requests > counter.limit.max) done(new RateLimited(sentence(counter.limit)))
      else done()
    }
    const found = counter.hit(clientOf(request))
    if (found instanceof Promise) found.then(decide, done)
    else decide(found)
  }
}

/** Keys and tokens that are not right are counted by address. When too many were wrong, the next is not even looked at: also not if it is right. */
function stopGuessing(app: FastifyInstance, counter: Counter, now: Ticks): (request: FastifyRequest) => void {
  const headers = headersOf(counter.limit, now)
  // Until somebody guesses, nobody pays for it.
  let hasGuessed = false
  app.addHook('onRequest', (request, reply, done) => {
    const window = hasGuessed && hasCredentials(request) ? counter.spent(addressOf(request)) : null
    if (window === null) return done()
    headers(reply, { ...window, requests: counter.limit.max + 1 })
    done(new RateLimited('Too many keys or tokens from this address were wrong.'))
  })
  return (request) => {
    hasGuessed = true
    void counter.hit(addressOf(request))
  }
}

/** Those that somebody looks at. */
function hasCredentials({ routeOptions, headers }: FastifyRequest): boolean {
  const { access: who = access.anybody } = routeOptions.config
  return who !== access.anybody && headers.authorization !== undefined
}

/** `RateLimit-*` as in the sixth draft of ietf-httpapi-ratelimit-headers, which clients know. Only what changes: every header has its price. */
function headersOf({ max }: RateLimit, now: Ticks): (reply: FastifyReply, window: Window) => void {
  return (reply, { requests, endsAt }) => {
    const seconds = Math.max(1, Math.ceil((endsAt - now()) / 1_000))
    reply.header('ratelimit-limit', max)
    reply.header('ratelimit-remaining', Math.max(0, max - requests))
    reply.header('ratelimit-reset', seconds)
    if (requests > max) reply.header('retry-after', seconds)
  }
}

function sentence({ max, windowMs }: RateLimit): string {
  return `This client may ask ${max} times in ${windowMs / 1_000} seconds here.`
}
