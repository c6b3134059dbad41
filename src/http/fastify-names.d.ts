import type { Access, Caller } from './caller.ts'

/** What routes and requests carry in here. Not part of the package: an app that the plugin is in has names of its own. */
declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller
  }
  interface FastifyContextConfig {
    access?: Access
    /** Where the route takes the `userId` that somebody acts for or asks about. Users may leave theirs out and can name no other. */
    userIdIn?: 'body' | 'query'
  }
}
