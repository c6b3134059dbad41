import type { Access, Caller } from './caller.ts'
import type { LimitName } from './limits/rate-limit.ts'
import type { RouteMeter } from '../operation/http-metrics.ts'
import type { RequestTrace } from '../operation/traces.ts'
import type { Dialect, ErrorCode } from './problem.ts'
import type { UserIdPlace } from './user-id.ts'

/** What routes and requests carry in here. Not part of the package: an app that the plugin is in has names of its own. */
declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller
    /** Of the service: when its headers had been read, by the monotonic clock of the process. */
    startedAt: number
    /** Of the service, while somebody collects traces. */
    trace: RequestTrace | null
  }
  interface FastifyReply {
    /** null: the answer is no problem. */
    problemCode: ErrorCode | null
  }
  interface FastifyContextConfig {
    access?: Access
    /** Users may leave theirs out there and can name no other. */
    userIdIn?: UserIdPlace
    /** What limits this route; all routes with the same limit are counted together. Left out: `requests`. */
    rateLimit?: LimitName | 'none'
    /** Of an older API: how it tells errors. */
    dialect?: Dialect
    /** Of the service: counts its answers. */
    meter?: RouteMeter
  }
}
