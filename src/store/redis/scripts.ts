import { readFileSync } from 'node:fs'

const folder = new URL('./lua/', import.meta.url)

function source(name: string): string {
  return readFileSync(new URL(`${name}.lua`, folder), 'utf8')
}

const batch = [
  'head',
  'batch/facts',
  'batch/commands',
  'batch/slots',
  'batch/books',
  'batch/due',
  'batch/decide',
  'batch/check',
  'batch/write',
]
  .map(source)
  .join('\n')

/**
 * Two keys each: the header of the namespace, and the beginning of the names of all other keys, which share its hash tag. `no-writes` and `allow-oom` let a script run when Redis
 * has no memory left; without, Redis refuses it before it has done anything.
 */
export const scripts = {
  holdfastBatch: `#!lua\n${batch}`,
  /** The same for batches without a reserve, which need little memory and may be what makes room. */
  holdfastEnds: `#!lua flags=allow-oom\n${batch}`,
  holdfastRead: `#!lua flags=no-writes\n${source('head')}${source('read')}`,
  holdfastTrim: `#!lua flags=allow-oom\n${source('head')}${source('trim')}`,
  holdfastRights: `#!lua flags=no-writes\n${source('rights')}`,
  holdfastInspect: `#!lua flags=no-writes\n${source('inspect')}`,
  holdfastOpen: `#!lua flags=allow-oom\n${source('open')}`,
} as const

export type Script = keyof typeof scripts
