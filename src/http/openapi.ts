import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

/** The contract, generated from the schemas that validate. Call before the routes. */
export function documentRoutes(app: FastifyInstance, version: string): void {
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Holdfast',
        version,
        description: 'Reserve units for a buyer for some minutes; then the buyer confirms, cancels, or time gives them back.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
    },
    transformObject: (document) => ('openapiObject' in document ? markOptionalBodies(document.openapiObject) : document.swaggerObject),
  })
  app.register(swaggerUi, { routePrefix: '/docs', uiConfig: { deepLinking: true, tryItOutEnabled: true } })
}

interface Operation {
  readonly requestBody?: { required?: boolean; content?: Record<string, { schema?: { readonly required?: readonly string[] } }> }
}

/** A body whose properties are all optional may be left out; the generator calls every body required. */
function markOptionalBodies<Document extends { readonly paths?: object }>(document: Document): Document {
  for (const path of Object.values(document.paths ?? {}) as Record<string, Operation>[]) {
    for (const { requestBody } of Object.values(path)) {
      const schema = requestBody?.content?.['application/json']?.schema
      if (requestBody !== undefined && (schema?.required ?? []).length === 0) requestBody.required = false
    }
  }
  return document
}
