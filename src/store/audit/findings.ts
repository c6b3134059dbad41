export type AuditedPromise = 'S1' | 'S2' | 'S3' | 'S4' | 'H1' | 'O2' | 'O3'

export interface Finding {
  /** The invariant that does not hold: see the list of promises. */
  readonly promise: AuditedPromise
  /** null: not of one sku. */
  readonly sku: string | null
  readonly message: string
  /** The reservations and orders that make the difference, one line each. */
  readonly units: readonly string[]
}

/** Enough to see what happened; a broken store may have a million. */
export const linesMax = 20

/** Findings with the same promise and sku are one: the first message, the first lines. */
export interface Findings {
  /** A promise broken for one sku. Later ones are consequences more often than news. */
  sku(promise: AuditedPromise, sku: string, message: string): void
  /** A promise broken by one reservation or order. */
  row(promise: AuditedPromise, line: string): void
  /** Whether a row breaks this promise. */
  has(promise: AuditedPromise): boolean
  list(explain: (sku: string) => Promise<readonly string[]>): Promise<Finding[]>
}

const broken = {
  S1: 'have impossible stock',
  S2: 'do not match the counters',
  S3: 'do not match the events',
  S4: 'have wrong versions',
  H1: 'did not end exactly once, or not alike in the events and in their row',
  O2: 'have more than one order',
  O3: 'do not match: an order exists exactly when its reservation is confirmed',
} as const satisfies Record<AuditedPromise, string>

export function createFindings(): Findings {
  const bySku = new Map<string, Map<AuditedPromise, string>>()
  const byPromise = new Map<AuditedPromise, { count: number; lines: string[] }>()
  return {
    sku: (promise, sku, message) => {
      let messages = bySku.get(sku)
      if (messages === undefined) bySku.set(sku, (messages = new Map()))
      if (!messages.has(promise)) messages.set(promise, message)
    },
    row: (promise, line) => {
      let rows = byPromise.get(promise)
      if (rows === undefined) byPromise.set(promise, (rows = { count: 0, lines: [] }))
      rows.count++
      if (rows.lines.length < linesMax) rows.lines.push(line)
    },
    has: (promise) => byPromise.has(promise),
    list: async (explain) => {
      const findings: Finding[] = []
      for (const [sku, messages] of bySku) {
        const units = await explain(sku)
        for (const [promise, message] of messages) findings.push({ promise, sku, message, units })
      }
      for (const [promise, { count, lines }] of byPromise) {
        findings.push({ promise, sku: null, message: `${count} ${broken[promise]}`, units: lines })
      }
      return findings
    },
  }
}
