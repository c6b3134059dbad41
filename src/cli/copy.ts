import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { hidePassword, splitUrl } from '../store/open.ts'
import { Failure } from './failure.ts'
import { createLine } from './line.ts'
import { count, renderTable } from './table.ts'

interface CopyFlags {
  readonly from: string
  readonly to: string
  readonly json?: boolean
}

export function addCopy(program: Command): void {
  program
    .command('copy')
    .description('Move a shop that has outgrown one machine: a SQLite file into an empty PostgreSQL store. All of it or nothing.')
    .requiredOption('--from <url>', 'the store to read, sqlite:PATH; nobody may use it meanwhile')
    .requiredOption('--to <url>', 'the store to fill, postgres://…; it must be empty')
    .option('--json', 'print one JSON object')
    .action(copy)
}

async function copy({ from, to, json = false }: CopyFlags): Promise<void> {
  const [scheme, path] = splitUrl(from)
  if (scheme === 'sqlite' && path !== '' && !existsSync(path)) throw new Failure(`There is no file ${path}; nothing was copied.`)
  const { copyStore } = await import('../store/copy.ts')
  const line = createLine()
  try {
    const rows = await copyStore(from, to, (progress) => line.show(`Copying ${progress.table}: ${count(progress.rows)}`))
    line.clear()
    process.stdout.write(json ? `${JSON.stringify({ from, to: hidePassword(to), rows })}\n` : show(from, to, rows))
  } finally {
    line.clear()
  }
}

function show(from: string, to: string, rows: Readonly<Record<string, number>>): string {
  const table = renderTable(
    [
      { title: '', align: 'left' },
      { title: '', align: 'right' },
    ],
    Object.entries(rows).map(([name, copied]) => [name, count(copied)]),
  )
  return [
    `Copied ${from} to ${hidePassword(to)}`,
    table,
    'Every row is there, and the stock adds up to the same. Start the nodes with --store and the new URL, and keep the file.',
    '',
  ].join('\n')
}
