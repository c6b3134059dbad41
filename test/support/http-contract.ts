import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect } from 'vitest'
import type { Answer } from './http.ts'
import { dialectAnswers, expectMembers, expectPlainError } from './http-dialects.ts'
import { answersOf, expectProblem, expectShape, instantPattern } from './http-shapes.ts'

interface Documented {
  readonly description: string
  readonly content?: Readonly<Record<string, { readonly schema: object }>>
}

export interface OpenApi {
  readonly openapi: string
  readonly info: { readonly title: string; readonly version: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, Documented>> }>>>>
}

/** Holds an answer to the contract; throws what `expect` throws. */
export type CheckAnswer = (method: string, path: string, answer: Answer) => void

/** Every answer of every test is held to the shapes of the contract and to what the service itself documents at /openapi.json. */
export function createCheck(document: OpenApi): CheckAnswer {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors: true })
  ajv.addFormat('date-time', instantPattern)
  const schemas = new Map<string, ReturnType<typeof ajv.compile>>()
  const templates = Object.keys(document.paths)
    .map((template) => ({ template, pattern: new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]*')}$`) }))
    // A path that is written out comes before one with parameters.
    .toSorted((a, b) => a.template.split('{').length - b.template.split('{').length)

  return (method, path, answer) => {
    const plainPath = path.split('?', 1)[0] ?? ''
    const template = templates.find(({ pattern }) => pattern.test(plainPath))?.template
    const verb = method === 'HEAD' ? 'GET' : method
    const documented = template === undefined ? undefined : document.paths[template]?.[verb.toLowerCase()]?.responses[answer.status]
    const route = `${verb} ${template}`
    if (answer.status >= 400 && route in dialectAnswers) {
      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
      if (method === 'HEAD') return
      const { code } = expectPlainError(route, answer.status, answer.body)
      expect(documented?.description, `${route} documents ${answer.status} ${code}`).toContain(`\`${code}\``)
      return
    }
    if (answer.status >= 400) {
      expect(answer.headers['content-type']).toBe('application/problem+json')
      if (answer.status === 429 || answer.status === 503) expect(answer.headers['retry-after']).toMatch(/^\d+$/)
      if (method === 'HEAD') return
      const { code } = expectProblem(answer.body, answer.status, route === 'GET /readyz' && answer.status === 503 ? ['parts'] : [])
      if (template === undefined || code === 'not_found' || code === 'method_not_allowed') return
      expect(documented?.description, `${route} documents ${answer.status} ${code}`).toContain(`\`${code}\``)
      return
    }
    const shape = answersOf[route]
    if ((shape === undefined && !(route in dialectAnswers)) || method === 'HEAD') return
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
    if (shape === undefined) expectMembers(route, answer.body)
    else expectShape(answer.body, shape)
    const schema = documented?.content?.['application/json']?.schema
    expect(schema, `${route} documents ${answer.status}`).toBeDefined()
    const key = `${route} ${answer.status}`
    const validate = schemas.get(key) ?? ajv.compile(schema!)
    schemas.set(key, validate)
    expect(validate(answer.body), `the body against the schema of ${key}: ${ajv.errorsText(validate.errors)}`).toBe(true)
  }
}
