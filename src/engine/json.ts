import { isUtf8 } from 'node:buffer'
import secureJson from 'secure-json-parse'
import type { InputError } from '../domain/refusals.ts'
import { findBadText } from './check.ts'

/** The largest request, over whichever way it comes. */
export const requestBytesMax = 64 * 1024

export type ReadJson = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly errors: readonly InputError[] }

/** JSON in UTF-8 and nothing else. Text that no store keeps faithfully is refused here, for all ways in. */
export function readJson(bytes: Buffer): ReadJson {
  if (!isUtf8(bytes)) return wrong({ path: '', message: 'must be UTF-8' })
  const text = bytes.toString()
  let value: unknown
  try {
    // Refuses "__proto__" and "constructor.prototype" as property names.
    value = secureJson.parse(text)
  } catch (error) {
    return wrong({ path: '', message: problemOf(error as Error) })
  }
  // Only an escape can bring U+0000 or half a surrogate pair into valid UTF-8.
  const bad = text.includes('\\u') ? findBadText(value) : null
  return bad === null ? { ok: true, value } : wrong(bad)
}

function problemOf({ message }: Error): string {
  return message.includes('forbidden prototype')
    ? 'must not have a property named __proto__ or constructor.prototype'
    : `must be JSON: ${message}`
}

function wrong(error: InputError): ReadJson {
  return { ok: false, errors: [error] }
}
