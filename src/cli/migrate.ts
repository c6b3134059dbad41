import type { Command } from 'commander'
import { readStoreUrl } from '../config.ts'
import { hidePassword, isRedis, splitUrl } from '../store/open.ts'
import { Failure } from './failure.ts'

export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .description('Bring the schema of a PostgreSQL store up to date, as "serve" does at its start. Safe to repeat, and while nodes run.')
    .option('--store <url>', 'the store, postgres://… (HOLDFAST_STORE)')
    .option('--json', 'print one JSON object')
    .action(async ({ store, json = false }: { readonly store?: string; readonly json?: boolean }) => {
      const url = readStoreUrl(store)
      if (isRedis(url)) {
        throw new Failure('A store in Redis has no schema, but its ledger may: name that, as in holdfast migrate --store postgres://…')
      }
      const [scheme] = splitUrl(url)
      if (scheme !== 'postgres' && scheme !== 'postgresql') {
        throw new Failure(
          `${hidePassword(url)} needs no migrate: only PostgreSQL does, and a SQLite file is brought up to date when it is opened.`,
        )
      }
      const { migratePostgres } = await import('../store/postgres/prepare.ts')
      const { migrationsRun, version } = await migratePostgres(url)
      const sentence =
        migrationsRun === 0
          ? `The schema is up to date (version ${version}).`
          : `Ran ${migrationsRun}; the schema is at version ${version}.`
      process.stdout.write(json ? `${JSON.stringify({ store: hidePassword(url), migrationsRun, version })}\n` : `${sentence}\n`)
    })
}
