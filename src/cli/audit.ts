import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { readStoreSettings, type StoreFlags, type StoreSettings } from '../config.ts'
import { SettingError } from './settings.ts'
import { faultCode } from '../domain/faults.ts'
import { audit, type AuditReport } from '../store/audit.ts'
import { hidePassword, nameStore, openStore } from '../store/open.ts'
import { exitCodes, Failure } from './failure.ts'
import { createLine } from './line.ts'
import { count, countOf, paint, renderTable } from './table.ts'

interface AuditFlags extends StoreFlags {
  readonly json?: boolean
}

export function addAudit(program: Command): void {
  program
    .command('audit')
    .description('Explain every unit of a store: do counters, rows and events agree? Exits with 1 if not.')
    .option('--store <url>', 'the store to read; a SQLite file must not be in use (HOLDFAST_STORE)')
    .option('--ledger <url>', 'of a store in Redis: where its sales are kept (HOLDFAST_LEDGER)')
    .option('--json', 'print one JSON object')
    .action(runAudit)
}

async function runAudit({ json = false, ...flags }: AuditFlags): Promise<void> {
  const settings = readStoreSettings(flags)
  const { storeUrl, ledgerUrl } = settings
  refuseMissing('--store', storeUrl)
  if (ledgerUrl !== undefined) refuseMissing('--ledger', ledgerUrl)
  const report = await read(settings)
  const places = { store: hidePassword(storeUrl), ...(ledgerUrl === undefined ? {} : { ledger: hidePassword(ledgerUrl) }) }
  process.stdout.write(json ? `${JSON.stringify({ ...places, ...report })}\n` : show(nameStore(storeUrl, ledgerUrl), report))
  if (!report.ok) process.exitCode = exitCodes.failed
}

/** Opening would make an empty store, in which every unit is accounted for. */
function refuseMissing(flag: string, url: string): void {
  if (!url.startsWith('sqlite:')) return
  const path = url.slice('sqlite:'.length)
  if (path === ':memory:') throw new SettingError(`${flag} must name a file: a store in memory is empty when it is opened.`)
  if (path !== '' && !existsSync(path)) throw new Failure(`There is no file ${path}; nothing was audited.`)
}

async function read({ storeUrl, ledgerUrl }: StoreSettings): Promise<AuditReport> {
  // An audit looks at what is there, also where that is a Redis that holds nothing.
  const store = await openStore(storeUrl, { ledger: ledgerUrl, takesOver: false })
  const line = createLine()
  try {
    return await audit(store, { onProgress: ({ phase, done }) => line.show(`Reading ${phase}: ${count(done)}`) })
  } catch (error) {
    // Rows that no Holdfast wrote meet checks that expect them to be right; to the reader it is damage all the same.
    if (faultCode(error) !== null || !(error instanceof Error)) throw error
    throw new Failure(`The store ${nameStore(storeUrl, ledgerUrl)} is damaged and cannot be read to its end: ${error.message}.`, error)
  } finally {
    line.clear()
    await store.close()
  }
}

function show(name: string, { ok, products, reservations, orders, events, findings, unsettled }: AuditReport): string {
  const table = renderTable(
    [
      { title: '', align: 'left' },
      { title: '', align: 'right' },
    ],
    [
      ['products', count(products)],
      ['reservations', count(reservations)],
      ['orders', count(orders)],
      ['events', count(events)],
      'rule',
      ['findings', count(findings.length)],
    ],
  )
  const explained = findings.map(({ promise, sku, message, units }) => {
    const title = paint('bold', [promise, sku].filter((part) => part !== null && part !== '').join('  '))
    return [`${paint('red', '✗')} ${title}`, `  ${message}`, ...units.map((unit) => `    ${unit}`), ''].join('\n')
  })
  const notes = unsettled.length === 0 ? [] : [`Changing while they were read, and so not judged in full: ${unsettled.join(', ')}.`]
  const verdict = ok
    ? paint('green', '✓ Every unit is accounted for.')
    : paint('red', `✗ ${countOf(findings.length, 'finding')}: this store is not consistent. Keep a copy of it before anything else.`)
  return [`Audit of ${name}`, table, ...explained, ...notes, verdict, ''].join('\n')
}
