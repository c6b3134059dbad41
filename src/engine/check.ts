import { Ajv, type ErrorObject } from 'ajv'
import { parseInstant } from './instant.ts'
import type { InputError } from '../domain/refusals.ts'

/** What is wrong with a value, or null. */
export type Check = (value: unknown) => readonly InputError[] | null

/** A caller is told this many mistakes at once, so that a hostile body cannot buy a long answer. */
const errorsMax = 20

// No coercion, no removal, no defaults: a request means what it says or is refused. strict: a typo in a schema fails at start.
const ajv = new Ajv({ allErrors: true, strict: true, strictTypes: false, unicodeRegExp: true, ownProperties: true, messages: true })
ajv.addFormat('date-time', (text: string) => parseInstant(text) !== null)

export function compileCheck(schema: object): Check {
  const validate = ajv.compile(schema)
  return (value) => (validate(value) ? null : explain(validate.errors ?? []))
}

function explain(errors: readonly ErrorObject[]): InputError[] {
  const found = new Map<string, InputError>()
  for (const error of errors) {
    // "must match a schema in anyOf" and the branch for null say nothing that the other branch does not say better.
    if (error.keyword === 'anyOf' || (error.keyword === 'type' && error.params['type'] === 'null')) continue
    const one = toInputError(error)
    if (!found.has(one.path)) found.set(one.path, one)
    if (found.size === errorsMax) break
  }
  return [...found.values()]
}

function toInputError({ keyword, instancePath, params, message = 'is not valid' }: ErrorObject): InputError {
  switch (keyword) {
    case 'required':
      return { path: `${instancePath}/${escapePointer(params['missingProperty'])}`, message: 'is required' }
    case 'additionalProperties':
      return { path: `${instancePath}/${escapePointer(params['additionalProperty'])}`, message: 'is not a known property' }
    case 'not':
      return { path: instancePath, message: 'must not be 0' }
    case 'format':
      return { path: instancePath, message: 'must be an RFC 3339 date-time, for example 2026-12-01T18:00:00Z' }
    default:
      return { path: instancePath, message }
  }
}

function escapePointer(name: unknown): string {
  return String(name).replaceAll('~', '~0').replaceAll('/', '~1')
}

/** Where a string that no store keeps faithfully stands: U+0000 or half a surrogate pair. */
export function findBadText(value: unknown, path = ''): InputError | null {
  if (typeof value === 'string') {
    if (value.includes('\0')) return { path, message: 'must not contain U+0000' }
    return value.isWellFormed() ? null : { path, message: 'must not contain half of a surrogate pair' }
  }
  if (typeof value !== 'object' || value === null) return null
  for (const [name, inner] of Object.entries(value)) {
    const innerPath = `${path}/${escapePointer(name)}`
    const found =
      findBadText(inner, innerPath) ??
      (Array.isArray(value) || findBadText(name) === null
        ? null
        : { path, message: 'has a property name with U+0000 or half a surrogate pair' })
    if (found !== null) return found
  }
  return null
}
