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
    case 'enum':
      return { path: instancePath, message: `must be one of ${(params['allowedValues'] as readonly unknown[]).join(', ')}` }
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
export function findBadText(input: unknown): InputError | null {
  return isGoodText(input) ? null : whereBadText(input)
}

/** Without paths, because it is on the hot path and nearly all text is good. Loops, because a body may be nested deeper than the stack is. */
function isGoodText(input: unknown): boolean {
  const values = [input]
  for (const value of values) {
    if (typeof value === 'string' && textProblem(value) !== null) return false
    if (typeof value !== 'object' || value === null) continue
    if (Array.isArray(value)) {
      for (const inner of value) values.push(inner)
      continue
    }
    for (const name of Object.keys(value)) {
      if (textProblem(name) !== null) return false
      values.push((value as Record<string, unknown>)[name])
    }
  }
  return true
}

function whereBadText(input: unknown): InputError | null {
  const places = [{ value: input, path: '' }]
  for (const { value, path } of places) {
    if (typeof value === 'string') {
      const problem = textProblem(value)
      if (problem !== null) return { path, message: `must not contain ${problem}` }
    }
    if (typeof value !== 'object' || value === null) continue
    for (const [name, inner] of Object.entries(value)) {
      const problem = textProblem(name)
      if (problem !== null) return { path, message: `must not have a property name with ${problem}` }
      places.push({ value: inner, path: `${path}/${escapePointer(name)}` })
    }
  }
  return null
}

function textProblem(text: string): string | null {
  if (text.includes('\0')) return 'U+0000'
  return text.isWellFormed() ? null : 'half of a surrogate pair'
}
