import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative, resolve, sep } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const generated = new Set(['node_modules', 'dist', 'coverage', '.git'])

/** Paths relative to the root, with forward slashes. */
function filesUnder(folder: string, pattern: RegExp): string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true }).filter((entry) => !generated.has(entry.name))
  return entries.flatMap((entry) => {
    const path = posix.join(folder, entry.name)
    if (entry.isDirectory()) return filesUnder(path, pattern)
    return pattern.test(path) ? [path] : []
  })
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

function withoutComments(source: string): string {
  return source.replace(/('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, '$1')
}

interface Import {
  readonly from: string
  /** A path below src/ for a relative import, otherwise undefined: a package or a module of Node. */
  readonly to: string | undefined
  readonly specifier: string
  readonly typeOnly: boolean
}

function importsOf(path: string): Import[] {
  const code = withoutComments(read(path))
  const statements = code.matchAll(/^\s*(?:import|export)\s+(type\s)?(?:[^'"`;=()]*?\sfrom\s*)?['"]([^'"]+)['"]/gm)
  const calls = code.matchAll(/\bimport()\(\s*['"]([^'"]+)['"]/g)
  return [...statements, ...calls].map(([, type, specifier = '']) => ({
    from: posix.relative('src', path),
    to: specifier.startsWith('.') ? posix.relative('src', posix.join(posix.dirname(path), specifier)) : undefined,
    specifier,
    typeOnly: (type ?? '') !== '',
  }))
}

function matching(paths: readonly string[], pattern: RegExp): string[] {
  return paths.flatMap((path) => [...withoutComments(read(path)).matchAll(pattern)].map(([text]) => `${path}: ${text}`))
}

const sources = filesUnder('src', /\.ts$/)
const tests = filesUnder('test', /\.(ts|mjs)$/)
const documents = filesUnder('.', /\.md$/)

describe('the layers of src/', () => {
  const imports = sources.flatMap(importsOf)
  const folderOf = (path: string): string => (path.includes('/') ? path.slice(0, path.indexOf('/')) : '')
  const show = ({ from, specifier }: Import): string => `${from} imports ${specifier}`

  /** What each folder may import from, besides itself. Files directly in src/ and the CLI wire everything together. */
  const arrows: Record<string, readonly string[]> = {
    domain: [],
    store: ['domain'],
    engine: ['domain', 'store/port.ts'],
    // serve.ts and fastify.ts open the store that they are told.
    http: ['domain', 'engine', 'events', 'operation', 'store/port.ts', 'store/open.ts', 'version.ts'],
    events: ['domain', 'engine', 'store/port.ts', 'store/clock.ts'],
    // What it watches: the reports of the engine, the answers of the store, the consumers of the feed.
    operation: ['domain', 'engine', 'events', 'store/port.ts'],
    client: ['domain', 'engine/shop.ts', 'engine/schemas.ts'],
  }

  it('has a rule for every folder', () => {
    const folders = new Set(sources.map((path) => folderOf(posix.relative('src', path))))
    expect([...folders].filter((folder) => folder !== '' && folder !== 'cli' && !(folder in arrows))).toEqual([])
  })

  it.each(Object.entries(arrows))('%s imports only what lies below it: %j', (folder, below) => {
    const allowed = (to: string): boolean => [folder, ...below].some((target) => to === target || to.startsWith(`${target}/`))
    const wrong = imports.filter(({ from, to }) => folderOf(from) === folder && to !== undefined && !allowed(to))
    expect(wrong.map(show)).toEqual([])
  })

  it('keeps packages and Node out of the domain', () => {
    expect(imports.filter(({ from, to }) => folderOf(from) === 'domain' && to === undefined).map(show)).toEqual([])
  })

  it('lets the client see only types beside the domain, and no package and no Node', () => {
    const isClient = ({ from }: Import): boolean => folderOf(from) === 'client'
    const wrong = imports.filter(({ to, typeOnly }) => !typeOnly && (to === undefined || !/^(?:client|domain)\//.test(to)))
    expect(wrong.filter(isClient).map(show)).toEqual([])
  })

  it('lets the engine see only the types of the port', () => {
    const wrong = imports.filter(({ from, to, typeOnly }) => folderOf(from) === 'engine' && to === 'store/port.ts' && !typeOnly)
    expect(wrong.map(show)).toEqual([])
  })

  it('keeps the stores apart, and all of them out of the conformance suite', () => {
    const parts = ['store/sqlite/', 'store/postgres/', 'store/redis/', 'store/conformance/']
    const partOf = (path: string): string | undefined => parts.find((part) => path.startsWith(part))
    const wrong = imports.filter(({ from, to }) => {
      const [source, target] = [partOf(from), partOf(to ?? '')]
      return source !== undefined && target !== undefined && source !== target
    })
    expect(wrong.map(show)).toEqual([])
  })
})

describe('what has one home in src/', () => {
  it('reads the environment in config.ts', () => {
    expect(
      matching(sources, /\bprocess\s*\.\s*env\b|\benv\b.*\bfrom 'node:process'/g).filter((hit) => !hit.startsWith('src/config.ts:')),
    ).toEqual([])
  })

  it('reads the clock in a single file, clock.ts', () => {
    const hits = matching(sources, /\bDate\s*\.\s*now\b|\bnew Date(?:\(\s*\)|(?!\s*[\w(]))/g)
    const homes = new Set(hits.map((hit) => hit.slice(0, hit.indexOf(':'))))
    expect([...homes].map((path) => posix.basename(path))).toEqual(['clock.ts'])
  })
})

describe('what the package does to others', () => {
  it('adds names to the types of other packages only where they are not published', () => {
    expect(matching(sources, /\bdeclare module\b/g)).toEqual(['src/http/fastify-names.d.ts: declare module'])
  })
})

describe('what is not left behind', () => {
  it('has no untyped value and no check of the compiler switched off', () => {
    expect(matching([...sources, ...tests], /(?:\bas\s+|<)any\b|:\s*any\b/g)).toEqual([])
    const comments = [...sources, ...tests].filter((path) => /@ts-(?:ignore|nocheck)/.test(read(path)))
    expect(comments).toEqual([])
  })

  it('has no note of unfinished work', () => {
    expect([...sources, ...tests].filter((path) => /\b(?:TO[D]O|FIX[M]E|XX[X])\b/.test(read(path)))).toEqual([])
  })

  it('runs every test: none is singled out or switched off', () => {
    expect(matching([...sources, ...tests], /\b(?:describe|it|test|suite)(?:\.\w+)*\.(?:only|skip|todo|fails)\b/g)).toEqual([])
  })

  it('has no file of more than 350 lines in src/', () => {
    expect(sources.filter((path) => read(path).trimEnd().split('\n').length > 350)).toEqual([])
  })
})

describe('the documentation', () => {
  it('explains every refusal in docs/errors.md', () => {
    const codes = [...read('src/domain/refusals.ts').matchAll(/\bcode: '([a-z_]+)'/g)].map(([, code = '']) => code)
    expect(codes.length).toBeGreaterThan(0)
    const placed = read('docs/errors.md')
      .split('\n')
      .filter((line) => line.startsWith('#') || line.startsWith('|'))
      .flatMap((line) => line.match(/[a-z_]+/g) ?? [])
    expect(codes.filter((code) => !placed.includes(code))).toEqual([])
  })

  it('names only scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = ['README.md', 'CONTRIBUTING.md'].flatMap((path) =>
      [...read(path).matchAll(/\bnpm run ([\w:-]+)/g)].map(([, script = '']) => ({ path, script })),
    )
    expect(named.filter(({ script }) => !(script in scripts))).toEqual([])
  })

  it('links only to files and headings that exist', () => {
    const prose = (path: string): string => read(path).replace(/^(```|~~~)[\s\S]*?^\1/gm, '')
    const anchorsOf = (path: string): string[] =>
      [...prose(path).matchAll(/^#+ +(.+?) *$/gm)].map(([, heading = '']) =>
        heading
          .toLowerCase()
          .replace(/[^\p{L}\p{N}\s_-]/gu, '')
          .replaceAll(' ', '-'),
      )
    const broken = documents.flatMap((path) => {
      const links = [...prose(path).matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)|^\[[^\]]+\]:\s*(\S+)/gm)]
      const targets = links.map(([, inline, reference]) => inline ?? reference ?? '').filter((target) => !/^[a-z]+:/i.test(target))
      return targets
        .filter((target) => {
          const [file = '', anchor] = target.split('#')
          const absolute = file === '' ? join(root, path) : resolve(root, dirname(path), decodeURI(file))
          const inside = relative(root, absolute).split(sep).join('/')
          if (inside.startsWith('..') || !existsSync(absolute)) return true
          return anchor !== undefined && inside.endsWith('.md') && !anchorsOf(inside).includes(anchor)
        })
        .map((target) => `${path}: ${target}`)
    })
    expect(broken).toEqual([])
  })
})
