import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createMetrics } from '../../src/operation/metrics.ts'

interface Panel {
  readonly id: number
  readonly title: string
  readonly type: string
  readonly targets?: readonly { readonly expr: string }[]
}

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const { panels } = JSON.parse(read('grafana/holdfast.json')) as { panels: readonly Panel[] }
const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
const alerts = read('grafana/alerts.yml')

/** Names that stand in a query, as the metric that they are samples of. */
function metricsIn(text: string): string[] {
  return [...text.matchAll(/\b(?:holdfast|nodejs|process)_[a-z0-9_]+/g)].map(([name]) => name.replace(/_(?:bucket|sum|count)$/, ''))
}

async function metricsShown(): Promise<Set<string>> {
  const text = await createMetrics({ version: '0', store: 'sqlite', queueLength: () => 0 }).text()
  return new Set(Array.from(text.matchAll(/^# TYPE (\w+) /gm), ([, name = '']) => name))
}

describe('the dashboard of Grafana', () => {
  it('has panels with ids and titles of their own, each with something to show', () => {
    for (const key of ['id', 'title'] as const) {
      const seen = panels.filter(({ type }) => type !== 'row').map((panel) => panel[key])
      expect(new Set(seen).size).toBeGreaterThan(25)
    }
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    for (const { type, title, targets = [] } of panels)
      expect({ title, shows: type === 'row' || targets.length > 0 }).toEqual({ title, shows: true })
  })

  it('asks for metrics that there are, and for all of Holdfast', async () => {
    const shown = await metricsShown()
    const asked = new Set(expressions.flatMap(metricsIn))
    expect([...asked].filter((name) => !shown.has(name))).toEqual([])
    expect([...shown].filter((name) => name.startsWith('holdfast_') && !asked.has(name))).toEqual([])
  })
})

describe('the alert rules', () => {
  it('ask for metrics that there are', async () => {
    const shown = await metricsShown()
    expect(metricsIn(alerts).length).toBeGreaterThan(10)
    expect(metricsIn(alerts).filter((name) => !shown.has(name))).toEqual([])
  })

  it('are each explained in docs/operations.md, and no others are', () => {
    const named = (text: string, pattern: RegExp): string[] => Array.from(text.matchAll(pattern), ([, name = '']) => name).toSorted()
    expect(named(read('docs/operations.md'), /^### .*\b(Holdfast[A-Z]\w+)/gm)).toEqual(named(alerts, /alert: (\w+)/g))
  })

  it('explain every metric in docs/operations.md', async () => {
    const documented = new Set(metricsIn(read('docs/operations.md')))
    expect([...(await metricsShown())].filter((name) => name.startsWith('holdfast_') && !documented.has(name))).toEqual([])
  })
})
