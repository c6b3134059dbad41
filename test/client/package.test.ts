import { existsSync, readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const { exports } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8')) as {
  exports: Record<string, { readonly types: string; readonly default: string }>
}

/** What `holdfast/client` brings with it, as it is published: path to code. */
function reachable(entry: string): Map<string, string> {
  const files = new Map<string, string>()
  const visit = (path: string): void => {
    if (files.has(path)) return
    const code = readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
    files.set(path, code)
    for (const specifier of specifiersOf(code)) if (specifier.startsWith('.')) visit(resolve(dirname(path), specifier))
  }
  visit(resolve(root, entry))
  return files
}

function specifiersOf(code: string): string[] {
  return [...code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g)].map(([, specifier = '']) => specifier)
}

describe('holdfast/client, as it is built', () => {
  const { default: entry, types } = exports['./client']!
  const files = reachable(entry)
  const names = [...files.keys()].map((path) => relative(root, path))

  it('has its types beside it', () => {
    expect(existsSync(resolve(root, types))).toBe(true)
  })

  it('imports its own files and the rules, and no package and nothing of Node', () => {
    expect(names).toContain('dist/client/client.js')
    expect(names.filter((name) => !/^dist\/(?:client|domain)\//.test(name))).toEqual([])
    expect([...files.values()].flatMap(specifiersOf).filter((specifier) => !specifier.startsWith('.'))).toEqual([])
  })

  it('names nothing that only Node has', () => {
    const nodes = /\b(?:process|Buffer|setImmediate|require|global|__dirname|__filename)\b(?!['"])/
    expect([...files].filter(([, code]) => nodes.test(code)).map(([path]) => relative(root, path))).toEqual([])
  })
})
