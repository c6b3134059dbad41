import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyContextConfig, FastifyInstance, FastifySchema } from 'fastify'
import { access, type Role } from './caller.ts'
import { dialectExamples } from './dialects/examples.ts'
import { examples, problemExamples } from './examples.ts'
import { plainProblems, problems, ProblemSchema } from './schemas.ts'
import { userIdHeader } from './user-id.ts'

const tags = [
  { name: 'Products', description: 'What is on sale, and how much of it.' },
  { name: 'Reservations', description: 'Units set aside for a user until a moment; then confirmed, cancelled or expired, exactly once.' },
  { name: 'Orders', description: 'What was sold.' },
  { name: 'Events', description: 'Everything that happened, in order.' },
  { name: 'Webhooks', description: 'Endpoints of others that are told of it.' },
  { name: 'Cart API', description: 'An older API: carts of several products, and a checkout.' },
  { name: 'Flash deal API', description: 'An older API: one product, one active reservation of a user.' },
  { name: 'Drop API', description: 'An older API: drops, of which a user may hold one unit for a minute.' },
  { name: 'Checkout API', description: 'An older API: inventory, and a checkout that confirms or cancels.' },
  { name: 'Product page API', description: 'An older API: the button of a product page.' },
  { name: 'Operation', description: 'For whoever watches the service.' },
]

/** Not the usual one: the app that this is a part of may document itself as well. */
const decorator = 'documentOfHoldfast'

/** The contract, generated from the schemas that validate. Call before the routes; what it resolves with makes the document of all that came after. */
export async function documentRoutes(app: FastifyInstance, version: string): Promise<() => object> {
  await app.register(swagger, {
    decorator,
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Holdfast',
        version,
        description:
          'Reserve units for a buyer for some minutes; then the buyer confirms, cancels, or time gives them back. Every error is problem+json. ' +
          'A path that does not exist is answered with 404 `not_found`, a method that it does not have with 405 `method_not_allowed`.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      components: {
        schemas: { Problem: ProblemSchema },
        examples: problemExamples,
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'An API key of the scope read, service or admin.' },
          token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The token of an end user; sub is the user.' },
        },
      },
    },
    transform: ({ schema, url, route }) => ({ schema: secured(schema as Schema, route.config), url }),
    transformObject: (document) => ('openapiObject' in document ? complete(document.openapiObject) : document.swaggerObject),
  })
  return () => app.getDecorator<() => object>(decorator)()
}

/** The contract for people, at /docs. */
export async function addDocumentPage(app: FastifyInstance, document: () => object): Promise<void> {
  // The page asks for the document by this name.
  app.decorate<() => object>('swagger', document)
  await app.register(swaggerUi, { routePrefix: '/docs', uiConfig: { deepLinking: true, tryItOutEnabled: true } })
}

interface Members {
  readonly required?: readonly string[]
}

interface Schema extends FastifySchema {
  readonly description?: string
  readonly body?: Members
  readonly headers?: Members
  readonly response?: Readonly<Record<string, { readonly description?: string }>>
}

/** Who may use a route, for people and for tools. */
function secured(schema: Schema, { access: who = access.anybody, userIdIn, dialect }: FastifyContextConfig = {}): FastifySchema {
  if (who === access.anybody) return { ...schema, security: [] }
  const roles: readonly Role[] = who
  const isForUsers = roles.includes('user')
  const keys = roles.filter((role) => role !== 'user').join(' or ')
  const takes = `Takes an API key of the scope ${keys}${isForUsers ? ', or the token of a user, for what is theirs' : ''}.`
  const codes = ['unauthenticated', 'forbidden'] as const
  return {
    ...schema,
    security: isForUsers ? [{ key: [] }, { token: [] }] : [{ key: [] }],
    description: schema.description === undefined ? takes : `${schema.description} ${takes}`,
    response: withProblems(schema.response ?? {}, dialect === undefined ? problems(...codes) : plainProblems(dialect, ...codes)),
    // Users may leave theirs out.
    ...(userIdIn === 'body' && schema.body !== undefined ? { body: without(schema.body, 'userId') } : {}),
    ...(userIdIn?.startsWith('header') === true && schema.headers !== undefined ? { headers: without(schema.headers, userIdHeader) } : {}),
  }
}

function without(schema: Members, name: string): Members {
  return { ...schema, required: (schema.required ?? []).filter((one) => one !== name) }
}

function withProblems(response: NonNullable<Schema['response']>, more: Readonly<Record<string, object>>): object {
  const all: Record<string, { readonly description?: string }> = { ...response }
  for (const [status, added] of Object.entries(more) as [string, { readonly description: string }][]) {
    const known = all[status]?.description
    all[status] = known === undefined ? added : { ...added, description: `${added.description}, ${known}` }
  }
  return all
}

interface MediaType {
  schema?: { readonly required?: readonly string[]; readonly $ref?: string }
  example?: object | string
  examples?: object
}

interface Operation {
  readonly tags?: readonly string[]
  readonly operationId?: string
  readonly requestBody?: { required?: boolean; readonly content?: Readonly<Record<string, MediaType>> }
  readonly responses?: Readonly<Record<string, { readonly description: string; readonly content?: Readonly<Record<string, MediaType>> }>>
}

interface Completed {
  readonly paths?: object
  tags?: { readonly name: string }[]
  components?: { readonly examples?: object }
}

/** What the generator does not know of the operations. */
function complete<Document extends Completed>(document: Document): Document {
  const used = new Set<string>()
  const codes = new Set<string>()
  for (const path of Object.values(document.paths ?? {}) as Record<string, Operation>[]) {
    for (const operation of Object.values(path)) {
      markOptionalBody(operation)
      for (const code of addExamples(operation)) codes.add(code)
      for (const tag of operation.tags ?? []) used.add(tag)
    }
  }
  // Not those of APIs that are switched off.
  document.tags = tags.filter(({ name }) => used.has(name))
  const { examples: all = {} } = document.components ?? {}
  document.components = { ...document.components, examples: Object.fromEntries(Object.entries(all).filter(([code]) => codes.has(code))) }
  return document
}

/** A body whose properties are all optional may be left out; the generator calls every body required. */
function markOptionalBody({ requestBody }: Operation): void {
  const schema = requestBody?.content?.['application/json']?.schema
  if (requestBody !== undefined && (schema?.required ?? []).length === 0) requestBody.required = false
}

/** Names the problems that it shows. */
function addExamples({ operationId = '', requestBody, responses = {} }: Operation): readonly string[] {
  const shown: string[] = []
  const { body, answer } = examples[operationId] ?? dialectExamples[operationId] ?? {}
  const sent = requestBody?.content?.['application/json']
  if (sent !== undefined && body !== undefined) sent.example = body
  for (const [status, { description, content = {} }] of Object.entries(responses)) {
    const { 'application/json': answered, 'application/problem+json': refused, 'text/event-stream': streamed } = content
    const codes = [...description.matchAll(/`(\w+)`/g)].map(([, code = '']) => code)
    const isError = Number(status) >= 400
    if (answered !== undefined && isError) {
      answered.examples = Object.fromEntries(codes.map((code) => [code, { value: { error: problemExamples[code]?.value.detail, code } }]))
    } else if (answered !== undefined && answer !== undefined) answered.example = answer
    if (streamed !== undefined && answer !== undefined) streamed.example = answer
    if (refused !== undefined) {
      refused.schema = { $ref: '#/components/schemas/Problem' }
      shown.push(...codes)
      refused.examples = Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]))
    }
  }
  return shown
}
