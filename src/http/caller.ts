import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Outcome } from '../domain/command.ts'
import { sendProblem } from './problem.ts'
import { refuseOtherUserIds, takeOwnUserId } from './user-id.ts'

/** What somebody may do. A `user` is a buyer with a token; the last three are scopes of API keys. */
export type Role = 'stranger' | 'user' | 'read' | 'service' | 'admin'

/** Who asks. */
export interface Caller {
  readonly role: Role
  /** Tells callers apart: nobody sees another's idempotency keys, and each has limits of its own. */
  readonly name: string
  /** Of a user: whose things these are. null: somebody who acts for any user, or for none. */
  readonly userId: string | null
}

/** Where no keys and no tokens are configured, everybody may do everything. */
export const anonymous: Caller = { role: 'admin', name: 'anonymous', userId: null }

/** Somebody without credentials where some are configured. */
export const stranger: Caller = { role: 'stranger', name: 'stranger', userId: null }

/** Who may use a route: each says one of these, and an app with a route that says nothing does not start. */
export const access = {
  /** Credentials are not even looked at. */
  anybody: ['stranger', 'user', 'read', 'service', 'admin'],
  /** Whoever may make, and end, what belongs to a user: the user, or a shop for them. */
  buyer: ['user', 'service', 'admin'],
  /** The same to read it. */
  buyerOrReader: ['user', 'read', 'service', 'admin'],
  /** A trusted shop. */
  shop: ['service', 'admin'],
  reader: ['read', 'service', 'admin'],
  admin: ['admin'],
} as const satisfies Record<string, readonly Role[]>

export type Access = (typeof access)[keyof typeof access]

/** Finds out who asks, by the headers; a text says what is wrong with them. Rejects when that cannot be found out. */
export type Identify = (request: FastifyRequest) => Caller | string | Promise<Caller | string>

/** Let nobody in where they may not be, before their body is read. Call before the first route. `onWrong` hears of credentials that are not right. */
export function guardRoutes(app: FastifyInstance, identify: Identify, onWrong: (request: FastifyRequest) => void = () => {}): void {
  app.decorateRequest('caller', null as unknown as Caller)
  app.addHook('onRoute', (route) => {
    const { url, method, config, schema } = route
    const isHidden = schema?.hide === true
    if (config?.access === undefined && !isHidden) throw new Error(`${String(method)} ${url} does not say who may use it`)
    const place = config?.userIdIn
    if (place === undefined) return
    // In this order: a body that was left out has been made an empty one by now, and what is not valid is told first.
    route.preValidation = [route.preValidation ?? [], takeOwnUserId(place)].flat()
    route.preHandler = [refuseOtherUserIds(place), route.preHandler ?? []].flat()
  })
  // Without promises where there is nothing to wait for: it is on the way of every request.
  app.addHook('onRequest', (request, reply, done) => {
    const { access: who = access.anybody } = request.routeOptions.config
    if (who === access.anybody) {
      request.caller = stranger
      done()
      return
    }
    const decide = (found: Caller | string): void => {
      if (typeof found === 'string') {
        onWrong(request)
        void unauthenticated(reply, found)
        return
      }
      refuseOddCaller(found)
      const refused = refuse(reply, (request.caller = found), who)
      if (refused === null) done()
    }
    const found = identify(request)
    if (found instanceof Promise) found.then(decide).then(undefined, done)
    else decide(found)
  })
}

/** What somebody's own `identify` gives is not checked by any compiler. In doubt nobody gets in: a user without an id would have the rights of a shop. */
function refuseOddCaller(found: Caller | null | undefined): void {
  const { role, name, userId } = found ?? {}
  const isUser = role === 'user'
  const isOne = isUser
    ? typeof userId === 'string' && userId !== ''
    : role !== undefined && access.anybody.includes(role) && userId === null
  if (isOne && typeof name === 'string' && name !== '') return
  throw new TypeError(
    'identify must give a text, or a caller { role, name, userId }: of the role "user" with the userId, of "stranger", "read", "service" and "admin" with userId null.',
  )
}

/** Answers whoever may not; null: they may. */
function refuse(reply: FastifyReply, caller: Caller, who: readonly Role[]): FastifyReply | null {
  if (who.includes(caller.role)) return null
  if (caller.role === 'stranger') return unauthenticated(reply, 'Send an API key or a token as "Authorization: Bearer …".')
  return sendProblem(reply, 'forbidden', `${nameOf(caller)} may not do this; it takes ${who.join(' or ')}.`)
}

function unauthenticated(reply: FastifyReply, detail: string): FastifyReply {
  return sendProblem(reply.header('www-authenticate', 'Bearer'), 'unauthenticated', detail)
}

function nameOf({ role }: Caller): string {
  return role === 'user' ? 'A user' : `A key of the scope ${role}`
}

/** To a user, what belongs to another does not exist. */
export function isHiddenFrom({ caller }: FastifyRequest, userId: string): boolean {
  return caller.userId !== null && caller.userId !== userId
}

/** The same for an outcome: the owner was compared in the step that decided it. */
export function hideOthers<Value>({ caller }: FastifyRequest, outcome: Outcome<Value>): Outcome<Value> {
  const isOthers = !outcome.ok && outcome.refusal.code === 'not_owner' && caller.userId !== null
  return isOthers ? { ok: false, refusal: { code: 'reservation_not_found' } } : outcome
}
