import type { FastifyInstance, FastifySchemaCompiler, preValidationHookHandler } from 'fastify'
import type { InputError } from '../domain/refusals.ts'
import { compileCheck } from '../engine/check.ts'
import { InvalidRequest } from './body.ts'

interface ObjectSchema {
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, { readonly type?: string }>>
}

/** One validator for HTTP and the library: the schemas that document a route are those that refuse. */
export function validateRequests(app: FastifyInstance): void {
  app.setValidatorCompiler(compile)
  // What is sent is made by views.ts; response schemas document it and the contract tests hold it to them.
  app.setSerializerCompiler(() => JSON.stringify)
  // An app that this is a part of may have one of its own.
  app.setReplySerializer((payload) => JSON.stringify(payload))
  app.addHook('onRoute', (route) => {
    const isDialect = route.config?.dialect !== undefined
    if (!route.url.startsWith(`${app.prefix}/v1/`) && !isDialect) return
    const hasQuery = route.schema?.querystring !== undefined
    // A parameter nobody knows is a mistake of the caller, on every route but those of the older APIs, whose clients send more than they must.
    if (!isDialect) route.schema = { querystring: { type: 'object', additionalProperties: false, properties: {} }, ...route.schema }
    const body = route.schema?.body as ObjectSchema | undefined
    // A user who need not be named either.
    const needed = (body?.required ?? []).filter((name) => name !== 'userId' || route.config?.userIdIn !== 'body')
    const bodyIsOptional = body !== undefined && needed.length === 0
    // Only where they are needed: the hot path has none.
    route.preValidation = [
      ...(route.url.includes(':') ? [nameNothing] : []),
      ...(hasQuery ? [refuseUnreadableQuery] : []),
      ...(bodyIsOptional ? [takeNoBodyAsEmpty] : []),
    ]
  })
}

/** A path can have U+0000, which no store keeps: PostgreSQL would refuse the whole batch that asks for such an id. Nothing is named so, nor as this reads then. */
const nameNothing: preValidationHookHandler = (request, _reply, done) => {
  const params = request.params as Record<string, string>
  for (const name of Object.keys(params)) params[name] = params[name]!.replaceAll('\0', '\uFFFD')
  done()
}

/** The parser of query strings reads what is not UTF-8 as the text of its escapes, which nobody meant. */
const refuseUnreadableQuery: preValidationHookHandler = (request, _reply, done) => {
  const query = request.url.split('?', 2)[1] ?? ''
  const bad = query.includes('%') ? query.split('&').find((pair) => !isDecodable(pair)) : undefined
  if (bad === undefined) done()
  else done(new InvalidRequest([{ path: bad.split('=', 1)[0] ?? '', message: 'must be percent-encoded UTF-8' }]))
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

const takeNoBodyAsEmpty: preValidationHookHandler = (request, _reply, done) => {
  request.body ??= request.body === undefined ? {} : null
  done()
}

const compile: FastifySchemaCompiler<object> = ({ schema, httpPart }) => {
  const check = compileCheck(schema)
  if (httpPart === 'headers') return (value: unknown) => verdict(check(value)?.map(bareName) ?? null, value)
  if (httpPart !== 'querystring') return (value: unknown) => verdict(check(value), value)
  const { properties = {} } = schema as ObjectSchema
  const integers = Object.keys(properties).filter((name) => properties[name]?.type === 'integer')
  return (query: Record<string, unknown>) => {
    const value = { ...query }
    for (const name of integers) if (isInteger(value[name])) value[name] = Number(value[name])
    return verdict(check(value)?.map(bareName) ?? null, value)
  }
}

function verdict(errors: readonly InputError[] | null, value: unknown) {
  return errors === null ? { value } : { error: new InvalidRequest(errors) }
}

function isInteger(text: unknown): boolean {
  return typeof text === 'string' && /^\d{1,9}$/.test(text)
}

function bareName({ path, message }: InputError): InputError {
  return { path: path.slice(1).replaceAll('~1', '/').replaceAll('~0', '~'), message }
}
